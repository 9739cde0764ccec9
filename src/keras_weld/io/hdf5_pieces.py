"""The parts of an HDF5 file that its structure takes up: inside the file, and none over another."""

from __future__ import annotations

from itertools import pairwise


class DoubtError(Exception):
    """Something is not exactly as Keras writes it; HDF5 shall look at it."""


class Pieces:
    """All parts that were found so far.

    Args:
        end: where the file ends.
    """

    def __init__(self, end: int) -> None:
        self._end, self._taken = end, 0
        self._pieces: list[tuple[int, int]] = []

    def claim(self, place: int, size: int) -> None:
        """Note a part.

        Raises:
            DoubtError: if it is not inside the file, or all together are larger than the file. So however the
                parts of a hostile file point to each other, little is read.
        """
        self._taken += size
        if place + size > self._end or self._taken > self._end:
            raise DoubtError
        self._pieces.append((place, place + size))

    def require_apart(self) -> None:
        """Compare all parts.

        Raises:
            DoubtError: if one lies over another.
        """
        self._pieces.sort()
        if any(end > begin for (_, end), (begin, _) in pairwise(self._pieces)):
            raise DoubtError
