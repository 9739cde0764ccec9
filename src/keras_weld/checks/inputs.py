"""Whether models can be given the same data: what their inputs share, and what has to be adapted."""

from __future__ import annotations

from collections.abc import Iterator

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.finding import Finding, refusal, warning
from keras_weld.checks.ports import Port
from keras_weld.core.graph_nodes import Shape
from keras_weld.core.graph_order import consumers

_IMAGE_RANK = 4
_GREY_AND_COLOUR = {1, 3}
_EMBEDDINGS = ("Embedding", "ReversibleEmbedding")


def numeric(one: Candidate) -> Iterator[Finding]:
    """Refuses a model that takes text: it cannot be given what the others take."""
    for port in one.summary.inputs:
        if port.dtype == "string":
            yield refusal(
                "The model takes text, not numbers.",
                file=one.name,
                layer=port.name,
                expected="a numeric input",
                found=port.dtype,
                remedy="Cut the layers that read the text off, and encode it before the model.",
            )


def compare_inputs(first: Candidate, other: Candidate) -> Iterator[Finding]:
    """What has to be done to give two models the same data; a refusal for what cannot be done."""
    ours, theirs = first.summary.inputs, other.summary.inputs
    if len(ours) != len(theirs):
        yield refusal(
            "The models have different numbers of inputs.",
            file=other.name,
            expected=f"{len(ours)} ({', '.join(port.name for port in ours)})",
            found=f"{len(theirs)} ({', '.join(port.name for port in theirs)})",
            remedy="Give the models the same inputs first, in a model built in code around each.",
        )
        return
    ids = (_takes_ids(first), _takes_ids(other))
    for number, (mine, his) in enumerate(zip(ours, theirs, strict=True)):
        if ids[0][number] != ids[1][number]:
            yield refusal(
                "One model takes numbers of words (it has an embedding), the other takes values.",
                file=other.name,
                layer=his.name,
                expected="numbers of words" if ids[0][number] else "values",
                found="numbers of words" if ids[1][number] else "values",
                remedy="The two have no data in common; merge each with models of its own kind.",
            )
        else:
            yield from _compare(mine, his, other.name)


def _compare(mine: Port, his: Port, file: str) -> Iterator[Finding]:
    a, b = mine.shape, his.shape
    if a is None or b is None:
        if a != b:
            yield warning(
                "The shape of an input is not told by the file.",
                file=file,
                layer=(his if b is None else mine).name,
            )
        return
    said = {"file": file, "layer": his.name, "expected": shape_text(a), "found": shape_text(b)}
    if len(a) != len(b):
        yield refusal(
            "The inputs have different numbers of axes.",
            remedy="Put a Reshape layer before one of the models, in a model built in code.",
            **said,
        )
    elif len(a) == _IMAGE_RANK:
        yield from _compare_images(a, b, said)
    elif any(not _fit(x, y) for x, y in zip(a[1:], b[1:], strict=True)):
        yield refusal(
            "The inputs have different sizes.",
            remedy="Give both models the same data first: pad, cut or project it in a model built in code.",
            **said,
        )


def _compare_images(a: Shape, b: Shape, said: dict[str, str]) -> Iterator[Finding]:
    if not _fit(a[-1], b[-1]):
        if {a[-1], b[-1]} == _GREY_AND_COLOUR:
            yield warning(
                "One model takes grey images, the other colour: the channels will be adapted.",
                remedy="Look at the result with care: a model of colour images was not trained on grey ones.",
                **said,
            )
        else:
            yield refusal(
                "The images have different numbers of channels.",
                remedy="Only 1 and 3 channels can be turned into each other; put a layer that makes the "
                "channels agree before one of the models.",
                **said,
            )
    if not (_fit(a[1], b[1]) and _fit(a[2], b[2])):
        yield warning(
            "The images have different sizes: they will be resized.",
            remedy="Expect a loss of accuracy in the model whose images are resized; measure it with weld evaluate.",
            **said,
        )


def same_shape(a: Shape | None, b: Shape | None) -> bool:
    """Whether data of one shape can be of the other too: what is open or not told fits all."""
    if a is None or b is None:
        return True
    return len(a) == len(b) and all(_fit(x, y) for x, y in zip(a, b, strict=True))


def _fit(x: int | None, y: int | None) -> bool:
    return x is None or y is None or x == y


def _takes_ids(one: Candidate) -> list[bool]:
    """For each input, whether it goes into an embedding."""
    if one.readable is None:
        return [False] * len(one.summary.inputs)
    layers = {layer.name: layer.class_name for layer in one.readable.layers}
    taken = consumers(one.readable)
    return [any(layers[name] in _EMBEDDINGS for name, _ in taken.get(edge, ())) for edge in one.readable.inputs]


def shape_text(shape: Shape) -> str:
    """A shape as a person reads it: `(batch, 224, 224, 3)`."""
    names = ["any" if axis is None else str(axis) for axis in shape]
    if shape and shape[0] is None:
        names[0] = "batch"
    return f"({', '.join(names)})"
