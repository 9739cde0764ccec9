"""Which numbers can be probabilities of classes."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def distributions(values: Array) -> Array:
    """Which rows, along the last axis, can be probabilities of classes: none below 0, and their sum is 1.

    Half precision keeps three digits, so the sum of a thousand classes may be off by about a hundredth.

    Args:
        values: numbers of any shape, a column for each class.

    Example:
        >>> distributions(np.array([[0.5, 0.5], [1, 1], [-1, 2]]))
        array([ True, False, False])
    """
    sums = values.sum(axis=-1, dtype=np.float64)
    fitting: Array = (values.min(axis=-1) >= -1e-6) & (np.abs(sums - 1) < 2e-2)
    return fitting
