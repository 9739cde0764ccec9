"""Where two models of one architecture prepare their data otherwise by what they learnt: statistics, vocabularies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from keras_weld.core.state import Array, LazyTensor, ModelState

_STATISTICS = re.compile(r"(?:^|/)normalization(?:_\d+)?/vars/([01])$")  # where Keras 3 keeps a Normalization's
_NAMES = ("mean", "variance")
_SHOWN = 3
OTHER_WORDS = "The vocabulary differs: what is one word to one model is another to the other."
"""What is wrong with layers behind such a one that two models share."""


@dataclass(frozen=True, slots=True)
class OtherStatistics:
    """A Normalization that was adapted to other data in the other model.

    Attributes:
        layer: its name.
        ours: the first model's statistics in words.
        theirs: the other's.
    """

    layer: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class OtherVocabulary:
    """A vocabulary that differs in the other model.

    Attributes:
        name: the asset that holds it.
        ours: what the first model has where the two part, in words.
        theirs: what the other has there.
    """

    name: str
    ours: str
    theirs: str


def other_statistics(pairs: Sequence[tuple[LazyTensor, LazyTensor]]) -> Iterator[OtherStatistics]:
    """The layers that scale their data by other means and variances; tensors of other shapes are passed over."""
    found: dict[str, list[tuple[str, Array, Array]]] = {}
    for ours, theirs in pairs:
        place = _STATISTICS.search(ours.spec.path) or _STATISTICS.search(theirs.spec.path)
        if place is not None and ours.spec.shape == theirs.spec.shape:
            name = _NAMES[int(place[1])]
            found.setdefault(ours.spec.layer, []).append((name, ours.read(), theirs.read()))
    for layer, rows in found.items():
        if any(not np.array_equal(a, b) for _, a, b in rows):
            ours_told = ", ".join(f"{name} {_numbers(a)}" for name, a, _ in rows)
            theirs_told = ", ".join(f"{name} {_numbers(b)}" for name, _, b in rows)
            yield OtherStatistics(layer, ours_told, theirs_told)


def other_vocabularies(first: ModelState, other: ModelState) -> list[OtherVocabulary]:
    """The vocabularies that both models keep beside their weights and that differ.

    Keras writes the vocabulary of a TextVectorization twice; it comes once.
    """
    names: dict[tuple[bytes, bytes], str] = {}
    for name, read in first.assets.items():
        if name in other.assets:
            both = read(), other.assets[name]()
            if both[0] != both[1] and (both not in names or len(name) < len(names[both])):
                names[both] = name
    return [OtherVocabulary(name, *_told(*both)) for both, name in names.items()]


def other_words(first: Iterable[str], other: Iterable[str]) -> tuple[str, str] | None:
    """Of each of two vocabularies, the first word that differs, or the number of words; None if they are the same."""
    ours, theirs = list(first), list(other)
    if ours == theirs:
        return None
    parting = next((number for number, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    if parting is None:
        return f"{len(ours)} words", f"{len(theirs)} words"
    return f"word {parting} is {ours[parting]}", f"word {parting} is {theirs[parting]}"


def _told(*both: bytes) -> tuple[str, str]:
    lines = [content.decode("utf-8", "replace").splitlines() for content in both]
    return other_words(*lines) or ("other bytes", "other bytes")


def _numbers(values: Array) -> str:
    flat = [f"{float(value):.4g}" for value in values.reshape(-1)[:_SHOWN]]
    if values.size == 1:
        return flat[0]
    return f"({', '.join(flat)}{', ...' if values.size > _SHOWN else ''})"
