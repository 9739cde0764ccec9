"""What is told of examples so that others are noticed: count, shapes, labels, means, and a checksum of the values."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from keras_weld.core.state import Array
from keras_weld.data.batch import parts_of
from keras_weld.data.order import evenly
from keras_weld.data.split import Split

ALL, SOME, NONE = "all", "some", "none"
"""Of how many examples the values are looked at."""

_SAMPLE = 256  # examples, where not all are looked at
_LARGEST = 1 << 30  # bytes of arrays; of larger ones about so much is looked at, evenly placed
_PIECE = 1 << 23  # bytes at a time
_LABELS, _SPAN = 1000, 1 << 16  # more different labels, or further apart, are no classes
_FEATURES = 16  # on the last axis, that have means of their own

Sides = tuple[Sequence[Any], Sequence[Any]]
"""Inputs and targets of some examples."""


def data_of(split: Split) -> dict[str, Any]:
    """What is told of a split: of arrays by all values, up to a gigabyte of them; of anything else by a sample."""
    if split.at_hand:
        found = facts_of_rows(split.counted(), lambda rows: _sides(next(iter(split.gather([rows])))))
    else:
        found = facts_of(map(_sides, split.sample(_SAMPLE)), SOME)
    if split.positioned:
        found["labels"] = [labels_of(values) for values in split.targets]
    return {"count": split.count, **found}


def facts_of_rows(count: int, at: Callable[[Any], Sides]) -> dict[str, Any]:
    """What is told of examples that lie in arrays.

    Args:
        count: how many there are.
        at: gives those of a slice.
    """
    size = sum(np.asarray(part).nbytes for side in at(slice(0, 1)) for part in side)
    rows = max(1, _PIECE // max(1, size))
    pieces = evenly(-(-count // rows), _LARGEST // _PIECE).tolist()
    cut = (at(slice(piece * rows, min((piece + 1) * rows, count))) for piece in pieces)
    return facts_of(cut, ALL if len(pieces) * rows >= count else SOME)


def facts_of(batches: Iterable[Sides], looked_at: str) -> dict[str, Any]:
    """What is told of examples as they pass by.

    Args:
        batches: inputs and targets, examples on the first axis.
        looked_at: whether these are `ALL` or `SOME`.
    """
    columns: list[list[_Column]] = []
    for batch in batches:
        sides = [[np.asarray(part) for part in side] for side in batch]
        columns = columns or [[_Column(part) for part in side] for side in sides]
        for side, parts in zip(columns, sides, strict=True):
            for column, part in zip(side, parts, strict=True):
                column.add(part)
    x, y = [[column.facts for column in side] for side in columns]
    return {"x": x, "y": y, "compared": looked_at}


class _Column:
    """One array of the examples, piece by piece.

    Args:
        first: its first piece.
    """

    def __init__(self, first: Array) -> None:
        self._shape, self._dtype = first.shape[1:], first.dtype
        features = first.shape[-1] if first.ndim > 1 else 1
        self._features = features if features <= _FEATURES else 1
        self._counted, self._checksum, self._sums = 0, 0, np.zeros(self._features)

    def add(self, values: Array) -> None:
        """Look at its next piece."""
        values = np.ascontiguousarray(values)
        if not values.dtype.hasobject:
            self._checksum = zlib.crc32(values.reshape(-1).view(np.uint8).data, self._checksum)
        if values.dtype.kind in "biuf":
            self._sums += values.reshape(-1, self._features).sum(0, dtype=np.float64)
            self._counted += values.size // self._features

    @property
    def facts(self) -> dict[str, Any]:
        """Shape of an example, type, checksum, mean, and the means of the features if they are a few."""
        found = {
            "shape": list(self._shape),
            "dtype": str(self._dtype),
            "checksum": f"{self._checksum:08x}",
            "mean": float(self._sums.mean() / self._counted) if self._counted else None,
        }
        if self._counted and self._features > 1:
            found["means"] = (self._sums / self._counted).tolist()
        return found


def labels_of(values: Any) -> dict[str, int] | None:
    """How often each label occurs; None for what are no labels."""
    values = np.asarray(values).reshape(-1)
    if values.dtype.kind not in "iub" or not values.size:
        return None
    lowest, highest = int(values.min()), int(values.max())
    if highest - lowest >= _SPAN:
        return None
    counts = np.zeros(highest - lowest + 1, np.int64)
    for first in range(0, values.size, _PIECE):
        counts += np.bincount(values[first : first + _PIECE].astype(np.int64) - lowest, minlength=counts.size)
    labels = np.flatnonzero(counts)
    if len(labels) > _LABELS:
        return None
    return {str(label + lowest): int(counts[label]) for label in labels.tolist()}


def _sides(batch: Any) -> Sides:
    return parts_of(batch[0]), parts_of(batch[1])
