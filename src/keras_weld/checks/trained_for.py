"""Where two models of one architecture were trained for different things: their outputs do not mean the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_weld.checks.ports import Port


@dataclass(frozen=True, slots=True)
class OtherMeaning:
    """An output that means something else in the other model.

    Attributes:
        output: its name there.
        ours: what it means in the first model, in words.
        theirs: what it means in the other.
    """

    output: str
    ours: str
    theirs: str


def other_meanings(ours: Sequence[Port], theirs: Sequence[Port]) -> Iterator[OtherMeaning]:
    """The outputs that mean different things, as far as both files tell what they mean."""
    for mine, his in zip(ours, theirs, strict=False):
        if mine.meaning is None or his.meaning is None or mine.meaning.kind == his.meaning.kind:
            continue
        if mine.meaning.is_clear and his.meaning.is_clear:
            yield OtherMeaning(his.name, mine.meaning.text, his.meaning.text)
