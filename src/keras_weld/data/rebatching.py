"""Batches of any sizes cut and joined to one size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from keras_weld.data.batch import Array, Batch, batch_of, parts_of, size_of
from keras_weld.errors import DataError


def rebatched(batches: Iterable[Batch], batch_size: int) -> Iterator[Batch]:
    """The same examples in the same order, `batch_size` at a time; the last batch may be smaller.

    Less than one batch more than was asked for is kept in memory.
    """
    waiting: list[Batch] = []
    held = 0
    for batch in batches:
        if not held and size_of(batch) == batch_size:
            yield batch  # the common case, where nothing is copied
            continue
        waiting.append(batch)
        held += size_of(batch)
        if held < batch_size:
            continue
        x, y = _joined(waiting)
        whole = held - held % batch_size
        for start in range(0, whole, batch_size):
            yield _cut(x, y, start, start + batch_size)
        held -= whole
        waiting = [_cut(x, y, whole, whole + held)] if held else []
    if held:
        yield batch_of(*_joined(waiting))


def without_first(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    """The batches, without the first examples of the first one."""
    if count:
        x, y = next(batches)
        yield batch_of([part[count:] for part in parts_of(x)], [part[count:] for part in parts_of(y)])
    yield from batches


def _joined(batches: list[Batch]) -> tuple[list[Array], list[Array]]:
    if len(batches) == 1:
        return parts_of(batches[0][0]), parts_of(batches[0][1])
    return _along(parts_of(x) for x, _ in batches), _along(parts_of(y) for _, y in batches)


def _along(batches: Iterable[list[Array]]) -> list[Array]:
    try:
        return [np.concatenate(parts) for parts in zip(*batches, strict=True)]
    except ValueError as error:
        raise DataError(
            "Batches of differently shaped examples cannot be joined.",
            expected="examples of one shape in all batches",
            found=str(error),
            remedy="Pad or resize the examples where the data is made.",
        ) from error


def _cut(x: list[Array], y: list[Array], start: int, stop: int) -> Batch:
    return batch_of([part[start:stop] for part in x], [part[start:stop] for part in y])
