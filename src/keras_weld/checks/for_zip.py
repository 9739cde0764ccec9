"""Whether models of different tasks can share layers, from the input upward, and how many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_weld.checks.architecture import Difference, compare_nodes
from keras_weld.checks.candidate import Candidate
from keras_weld.checks.finding import Finding, Severity, note, refusal, warning
from keras_weld.checks.inputs import same_shape, shape_text
from keras_weld.checks.nodes import Node, flatten, has_weights
from keras_weld.checks.others import OTHERS
from keras_weld.checks.partners import partners
from keras_weld.checks.prepared import OTHER_WORDS, other_vocabularies
from keras_weld.checks.tensors import Pairing


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two models agree, from the input upward.

    Attributes:
        layers: how many layers agree before the first that does not.
        weighted: how many of these have weights.
        total: how many layers with weights the first model has.
        parts_at: the difference where they part; None if they agree throughout.
    """

    layers: int
    weighted: int
    total: int
    parts_at: Difference | None


def for_zip(models: Sequence[Candidate], pairings: Sequence[Pairing]) -> Iterator[Finding]:
    """Findings on zipping models: each is compared with the first, layer by layer from the input."""
    unreadable = [one for one in models if one.readable is None]
    for one in unreadable:
        yield refusal(
            "The layers cannot be seen, so none can be shared.",
            file=one.name,
            expected="a Functional or Sequential model with its architecture",
            found=f"a class of your own, {one.graph.class_name}" if one.graph else "weights alone",
            remedy="Give models whose file holds their layers: built with keras.Model(inputs, outputs) or "
            "keras.Sequential, and saved whole.",
        )
    if unreadable:
        return
    for other, pairing in zip(models[1:], pairings, strict=True):
        unlike = list(_shared_inputs(models[0], other))
        yield from unlike or _agreement(agree(models[0], other, pairing), other)
    normalized = any("moving_mean" in tensor.spec.name for tensor in models[0].state.weights)
    if normalized:
        yield warning(
            "The models have BatchNormalization: the statistics of shared layers have to be estimated anew.",
            remedy="Give weld zip training data to calibrate with.",
        )


def agree(first: Candidate, other: Candidate, pairing: Pairing) -> Agreement:
    """How far two models agree, in the order in which their layers can be called."""
    if first.readable is None or other.readable is None:
        return Agreement(0, 0, 0, None)
    ours, theirs = flatten(first.readable), flatten(other.readable)
    pairs = [(mine, his) for mine, his in partners(first.readable, other.readable, ours, theirs) if mine and his]
    same = None
    if len(pairs) == len(ours) == len(theirs):
        theirs = [his for _, his in pairs]
        same = {his.number: mine.number for mine, his in pairs}
    reshaped = {
        mine.spec.layer: (mine.spec.shape, his.spec.shape)
        for mine, his in pairing.pairs
        if mine.spec.shape != his.spec.shape
    }
    words = _other_words(first, other)
    total = sum(has_weights(node) for node in ours)
    weighted = 0
    for number, mine in enumerate(ours):
        parting = _parting(mine, theirs[number] if number < len(theirs) else None, reshaped, same)
        if parting is None and mine.name in words:
            parting = Difference(Severity.REFUSAL, OTHER_WORDS, mine.name, *words[mine.name])
        if parting is not None:
            return Agreement(number, weighted, total, parting)
        weighted += has_weights(mine)
    if len(theirs) > len(ours):
        more = theirs[len(ours)]
        text = "The other model goes on where the first one ends."
        parting = Difference(Severity.REFUSAL, text, more.name, "the end", more.class_name)
        return Agreement(len(ours), weighted, total, parting)
    return Agreement(len(ours), weighted, total, None)


def _parting(
    mine: Node,
    his: Node | None,
    reshaped: dict[str, tuple[tuple[int, ...], tuple[int, ...]]],
    same: dict[int, int] | None,
) -> Difference | None:
    if his is None:
        text = "The first model goes on where the other one ends."
        return Difference(Severity.REFUSAL, text, mine.name, mine.class_name, "the end")
    if mine.layer.is_input and his.layer.is_input:
        return None
    found = [one for one in compare_nodes(mine, his, same) if one.severity is Severity.REFUSAL]
    if found:
        return found[0]
    if mine.name in reshaped:
        ours, theirs = reshaped[mine.name]
        return Difference(Severity.REFUSAL, "A tensor has another shape.", mine.name, str(ours), str(theirs))
    return None


def _agreement(found: Agreement, other: Candidate) -> Iterator[Finding]:
    if found.parts_at is None:
        yield note(
            f"The models agree in every layer with weights ({found.total}): everything can be shared.",
            file=other.name,
        )
        return
    parting = found.parts_at
    said = {
        "file": other.name,
        "layer": parting.layer,
        "expected": parting.expected,
        "found": parting.found,
    }
    if found.weighted == 0:
        yield refusal(
            "The models part at their first layer with weights: there is nothing to share.",
            remedy=f"Zip models that were built from one backbone{OTHERS}",
            **said,
        )
        return
    left = found.total - found.weighted
    text = (
        f"The models agree from the input on in {found.weighted} of {found.total} layers with weights; "
        f"{left} cannot be shared."
    )
    # A head of its own for each task is the common case; more than that leaves savings out.
    yield (note(text, **said) if left <= max(2, found.total // 10) else warning(text, **said))


def _other_words(first: Candidate, other: Candidate) -> dict[str, tuple[str, str]]:
    """For layers of the first model whose vocabulary differs in the other one, where the two part."""
    if first.readable is None:
        return {}
    found = {one.name: (one.ours, one.theirs) for one in other_vocabularies(first.state, other.state)}
    return {
        layer.path_name: words
        for layer in first.readable.walk()
        for place, words in found.items()
        if place.startswith(f"{layer.storage_path}/")
    }


def _shared_inputs(first: Candidate, other: Candidate) -> Iterator[Finding]:
    shapes = [[port.shape for port in one.summary.inputs] for one in (first, other)]
    fitting = len(shapes[0]) == len(shapes[1]) and all(map(same_shape, *shapes))
    if not fitting:
        texts = [", ".join(shape_text(shape) if shape else "unknown" for shape in some) for some in shapes]
        yield refusal(
            "The models take data of different shapes, so they cannot share their first layers.",
            file=other.name,
            expected=texts[0],
            found=texts[1],
            remedy=f"Zip models that take the same input{OTHERS}",
        )
