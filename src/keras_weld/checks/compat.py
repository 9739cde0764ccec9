"""Which of the four merges are possible for some models, and every reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_weld.checks.architecture import compare
from keras_weld.checks.candidate import Candidate
from keras_weld.checks.finding import Finding, Severity, note, refusal, refused_as, warning
from keras_weld.checks.for_average import Pairs, for_average
from keras_weld.checks.for_ensemble import for_ensemble
from keras_weld.checks.for_fuse import for_fuse
from keras_weld.checks.for_zip import for_zip
from keras_weld.checks.kernels import Likeness, likeness
from keras_weld.checks.labels import count_labels
from keras_weld.checks.nodes import flatten, has_weights
from keras_weld.checks.others import name_others
from keras_weld.checks.prepared import other_vocabularies
from keras_weld.checks.tensors import Pairing, pair

PURPOSES = ("average", "fuse", "ensemble", "zip")
_TAKE_MOST = ("fuse", "ensemble")  # what to advise where another merge is not possible
_ALL_PAIRS = 8  # with more models each is compared with the first alone, to read every file once
_ORDER = {Severity.REFUSAL: 0, Severity.WARNING: 1, Severity.NOTE: 2}


@dataclass(frozen=True, slots=True)
class Merge:
    """Whether one of the four merges is possible.

    Attributes:
        purpose: `average`, `fuse`, `ensemble` or `zip`.
        possible: whether nothing stands in the way.
        findings: what was found, the gravest first.
    """

    purpose: str
    possible: bool
    findings: tuple[Finding, ...]


def compare_models(models: Sequence[Candidate]) -> tuple[Merge, ...]:
    """Compare models and tell for each of the four merges whether it is possible.

    Every model is compared with the first. Kernels are read to see whether models come from one start; only
    one pair of tensors is in memory at a time.

    Args:
        models: two or more models.

    Returns:
        The four merges, in the order of `PURPOSES`.
    """
    pairings = [pair(models[0].state, other.state) for other in models[1:]]
    pairs = _likenesses(models, pairings)
    common = list(_common(models, pairs))
    building = list(_building(models))
    found = {
        "average": [*for_average(models, pairings, pairs), *common],
        "fuse": [*building, *for_fuse(models), *common],
        "ensemble": [*building, *for_ensemble(models), *common],
        "zip": [*building, *for_zip(models, pairings), *common],
    }
    possible = [purpose for purpose in PURPOSES if all(one.severity is not Severity.REFUSAL for one in found[purpose])]
    return tuple(_merge(purpose, found[purpose], possible) for purpose in PURPOSES)


def _merge(purpose: str, findings: Sequence[Finding], possible: Sequence[str]) -> Merge:
    others = [one for one in _TAKE_MOST if one in possible and one != purpose]
    named = dict.fromkeys(name_others(one, others) for one in findings)
    ordered = sorted(named, key=lambda one: _ORDER[one.severity])
    return Merge(purpose, purpose in possible, tuple(ordered))


def _likenesses(models: Sequence[Candidate], pairings: Sequence[Pairing]) -> Pairs:
    found: dict[tuple[int, int], Likeness] = {}
    for number, pairing in enumerate(pairings, 1):
        if _alike(pairing):
            found[0, number] = likeness(pairing)
    alike = [number for number in range(1, len(models)) if (0, number) in found]
    if len(models) <= _ALL_PAIRS:
        for a in alike:
            for b in alike:
                if a < b:
                    found[a, b] = likeness(pair(models[a].state, models[b].state))
    return Pairs(found)


def _alike(pairing: Pairing) -> bool:
    """Whether averaging is possible as far as the tensors go, so that a look at their values is worth it."""
    same = all(ours.spec.shape == theirs.spec.shape for ours, theirs in pairing.pairs)
    return bool(pairing.pairs) and same and not pairing.missing and not pairing.extra


def _common(models: Sequence[Candidate], pairs: Pairs) -> Iterator[Finding]:
    """What to know about the models, whatever is done with them."""
    first = models[0]
    for number, other in enumerate(models[1:], 1):
        found = pairs.of(0, number)
        if found is not None and found.equal and _same_but_for_weights(first, other):
            yield note(
                "The models hold the same weights to the last bit: merging them changes nothing.",
                file=other.name,
            )
        yield from _preprocessing(first, other)
    for one in models:
        yield from count_labels(one)
        yield from _doubtful(one)
        if one.summary.custom:
            yield note(
                f"The model has classes of your own: {', '.join(one.summary.custom)}.",
                file=one.name,
                remedy="Pass each when the model has to be built: --custom module:Class",
            )


def _doubtful(one: Candidate) -> Iterator[Finding]:
    for port in one.summary.outputs:
        if port.meaning is not None and port.meaning.doubt is not None:
            yield warning(
                f"What comes out and the loss on it contradict each other: {port.meaning.doubt}.",
                file=one.name,
                layer=port.name,
                found=f"{port.meaning.text} ({port.meaning.why})",
                remedy="The model was trained by the wrong measure: compile it with a loss that takes what it gives, "
                "and train on.",
            )


def _same_but_for_weights(first: Candidate, other: Candidate) -> bool:
    """Whether nothing but the weights could tell two models apart."""
    if other_vocabularies(first.state, other.state):
        return False
    return first.readable is None or other.readable is None or not compare(first.readable, other.readable)


def _building(models: Sequence[Candidate]) -> Iterator[Finding]:
    """What stands in the way of building the models; averaging does not need to."""
    for one in models:
        yield from _untrained(one)
        yield from (refused_as(problem, one.name) for problem in one.problems)
        for layer in one.executable:
            yield warning(
                "The model contains code that runs when it is loaded.",
                file=one.name,
                found=layer,
                remedy="If you trust the file like a program, merge with --unsafe.",
            )


def _untrained(one: Candidate) -> Iterator[Finding]:
    """Refuses an architecture without its weights: what is built from it would be new and random."""
    if one.readable is None or one.state.weights:
        return
    if any(has_weights(node) for node in flatten(one.readable)):
        yield refusal(
            "The file holds the architecture alone: its weights would be new, random ones.",
            file=one.name,
            expected="a file with the weights too",
            found=one.state.kind,
            remedy="Give the whole model as .keras: build it from this file, load its weights, and save it.",
        )


def _preprocessing(first: Candidate, other: Candidate) -> Iterator[Finding]:
    if first.readable is None or other.readable is None:
        return
    ours, theirs = ([step.text for step in one.summary.preprocessing] for one in (first, other))
    if ours != theirs:
        yield warning(
            "The models prepare their data differently inside.",
            file=other.name,
            expected="; ".join(ours) or "nothing: it expects data that is prepared already",
            found="; ".join(theirs) or "nothing: it expects data that is prepared already",
            remedy="Give both the same preparation: add the layers to the model that lacks them, or cut them "
            "off the other.",
        )
