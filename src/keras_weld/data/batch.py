"""A batch: inputs and targets of some examples."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Batch = tuple["Array | list[Array]", "Array | list[Array] | None"]


def batch_of(x: list[Array], y: list[Array]) -> Batch:
    """A batch in the form that models take: a list only where there are several, None for no targets."""
    return (x[0] if len(x) == 1 else x), (None if not y else y[0] if len(y) == 1 else y)


def parts_of(values: Array | list[Array] | None) -> list[Array]:
    """One side of a batch as a list."""
    return [] if values is None else values if isinstance(values, list) else [values]


def size_of(batch: Batch) -> int:
    """Number of examples in a batch."""
    x = batch[0]
    return len(x[0]) if isinstance(x, list) else len(x)
