"""Grain: `MapDataset`, `IterDataset` and `DataLoader`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from itertools import count
from typing import Any

from keras_weld.data.rows import row_split
from keras_weld.data.source import Source
from keras_weld.data.split import Split
from keras_weld.data.streams import StreamSplit


def knows(value: Any) -> bool:
    """Whether it is one of Grain's."""
    return any(base.__module__.partition(".")[0] == "grain" for base in type(value).__mro__)


def split(value: Any, name: str, origin: str) -> Split:
    """The examples of a `MapDataset` by number; all others, and one that was batched, as a stream."""
    steps = list(_steps(value))
    batched = any("Batch" in type(step).__name__ for step in steps)
    endless = any(_repeats(step) for step in steps)
    by_number = hasattr(value, "to_iter_dataset")
    if by_number and not batched and not endless:
        return row_split(value, name, origin, threads=True)
    placed = partial(_in_order if by_number else _by_state, value)
    start = (lambda: (element for element, _ in placed(None))) if by_number else lambda: value
    source = Source(start, origin, batched, endless=endless, placed=placed)
    return StreamSplit(name, origin, None, source)


def _in_order(value: Any, place: int | None) -> Iterator[tuple[Any, int]]:
    numbers = range(place or 0, len(value)) if len(value) < sys.maxsize else count(place or 0)
    for index in numbers:
        found = value[index]
        if found is not None:  # it was filtered out
            yield found, index + 1


def _by_state(value: Any, place: Any) -> Iterator[tuple[Any, Any]]:
    elements = iter(value)
    if place is not None:
        elements.set_state(place)
    for element in elements:
        yield element, elements.get_state()


def _steps(value: Any) -> Iterator[Any]:
    """The transformations that a data set or a loader is made of."""
    yield value
    yield from getattr(value, "_operations", ())
    if hasattr(value, "_sampler"):
        yield value._sampler
    for parent in getattr(value, "parents", getattr(value, "_parents", ())) or ():
        yield from _steps(parent)


def _repeats(step: Any) -> bool:
    if hasattr(step, "_num_epochs"):  # a loader's sampler
        return step._num_epochs is None
    return hasattr(step, "to_iter_dataset") and len(step) == sys.maxsize
