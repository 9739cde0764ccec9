"""Whether the outputs of models can be averaged, weighed or voted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.finding import Finding, Severity, note, refusal, warning
from keras_weld.checks.inputs import compare_inputs, numeric
from keras_weld.checks.labels import compare_labels
from keras_weld.checks.meaning import Kind
from keras_weld.checks.others import OTHERS
from keras_weld.checks.ports import Port

_BROUGHT_TOGETHER = (
    {Kind.CLASSES, Kind.CLASS_LOGITS},
    {Kind.INDEPENDENT, Kind.INDEPENDENT_LOGITS},
)


def for_ensemble(models: Sequence[Candidate]) -> Iterator[Finding]:
    """Findings on joining the outputs of models; every model is compared with the first."""
    first = models[0]
    for one in models:
        yield from needs_architecture(one)
    if any(one.graph is None for one in models):
        return
    texts = [finding for one in models for finding in numeric(one)]
    if len(texts) < len(models):  # all of them may take text, as long as it is the same
        yield from texts
    for other in models[1:]:
        if first.readable is None or other.readable is None:
            continue
        yield from compare_inputs(first, other)
        yield from _compare_outputs(first, other)
        yield from compare_labels(
            first,
            other,
            Severity.REFUSAL,
            reordering=Severity.WARNING,
            remedies=(
                "weld ensemble puts them in the first model's order: give it the same --labels.",
                "weld ensemble takes them with a rule for what only some know: --unknown zero, or --unknown known.",
            ),
        )


def needs_architecture(one: Candidate) -> Iterator[Finding]:
    """Refuses a file without an architecture; tells of one whose layers are in its code."""
    if one.graph is None:
        yield refusal(
            "The file holds weights alone: there is no model to call.",
            file=one.name,
            expected="a file with the architecture",
            found=one.state.kind,
            remedy="Give the whole model as .keras: build it in code, load these weights, and save it.",
        )
    elif one.graph.opaque:
        yield warning(
            "The model is of a class of your own: what goes in and comes out is in its code.",
            file=one.name,
            found=one.graph.class_name,
            remedy=f"Pass the class when you merge: --custom module:{one.graph.class_name}",
        )


def _compare_outputs(first: Candidate, other: Candidate) -> Iterator[Finding]:
    ours, theirs = first.summary.outputs, other.summary.outputs
    if len(ours) != len(theirs):
        yield refusal(
            "The models have different numbers of outputs.",
            file=other.name,
            expected=f"{len(ours)} ({', '.join(port.name for port in ours)})",
            found=f"{len(theirs)} ({', '.join(port.name for port in theirs)})",
            remedy="Take one output of each: weld ensemble … --output NAME",
        )
        return
    for mine, his in zip(ours, theirs, strict=True):
        yield from _compare_output(mine, his, other.name)
    names = [port.name for port in ours], [port.name for port in theirs]
    if len(ours) > 1 and names[0] != names[1]:
        yield note(
            "The outputs have other names; they are matched by their order.",
            file=other.name,
            expected=", ".join(names[0]),
            found=", ".join(names[1]),
        )


def _compare_output(mine: Port, his: Port, file: str) -> Iterator[Finding]:
    if mine.meaning is None or his.meaning is None:
        return
    said = {"file": file, "layer": his.name, "expected": mine.meaning.text, "found": his.meaning.text}
    a, b = mine.meaning.kind, his.meaning.kind
    if mine.shape and his.shape and mine.shape[-1] != his.shape[-1]:
        yield refusal(
            "The outputs have different sizes.",
            remedy="If they know different classes, name them: weld ensemble … --labels A.txt --labels B.txt "
            f"--unknown zero (or known){OTHERS}",
            **said,
        )
    elif not (mine.meaning.is_clear and his.meaning.is_clear):
        yield warning(
            "The file does not tell whether the outputs mean the same.",
            remedy="Say what they are: weld ensemble … --outputs logits (or values), --outputs B:logits for one of "
            "them. Or compile the model with its loss and save it again.",
            **said,
        )
    elif {a, b} in _BROUGHT_TOGETHER:
        yield note("One model gives probabilities, the other logits: they will be brought to one meaning.", **said)
    elif a != b:
        yield refusal(
            f"The outputs mean different things: {a} and {b}.",
            remedy=f"Only models that answer the same question can be joined by their outputs{OTHERS}",
            **said,
        )
    elif mine.shape and his.shape and len(mine.shape) != len(his.shape):
        yield refusal(
            "The outputs have different numbers of axes.",
            remedy="Bring the outputs into one shape, in a model built in code.",
            **said,
        )
