"""Names that end in a counter, as Keras gives them to layers that were not named: `dense`, `dense_1`."""

from __future__ import annotations

import re
from collections.abc import Sequence


def counted_alike(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether two rows of names differ in their counters alone, and both count upward.

    Keras counts layers through a whole process, so the second of two equal models goes on where the first ended. Such
    names tell the order in which the layers were made, and nothing else.

    Args:
        ours: names in the order of one model, as often as wanted one after another.
        theirs: those of the other, in its order.

    Example:
        >>> counted_alike(["dense", "dense_1"], ["dense_1", "dense_2"])
        True
        >>> counted_alike(["dense", "dense_1"], ["dense_1", "dense"])
        False
    """
    stems = [[_split(name)[0] for name in names] for names in (ours, theirs)]
    return stems[0] == stems[1] and _upward(ours) and _upward(theirs)


def _split(name: str) -> tuple[str, int]:
    counted = re.fullmatch(r"(.+)_(\d+)", name)
    return (counted[1], int(counted[2])) if counted else (name, 0)


def _upward(names: Sequence[str]) -> bool:
    last: dict[str, int] = {}
    for stem, number in map(_split, names):
        if number < last.get(stem, 0):
            return False
        last[stem] = number
    return True
