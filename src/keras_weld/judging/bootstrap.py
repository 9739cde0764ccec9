"""How sure a figure is: the bootstrap over examples, the same resamplings for every model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_weld.errors import UsageError
from keras_weld.judging.metrics import Statistic

Array = np.ndarray[Any, np.dtype[Any]]

CONFIDENCE = 0.95
RESAMPLES = 2000
_CHUNK_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Interval:
    """A range that holds the true figure in 95 of 100 such evaluations.

    Attributes:
        low: its lower end.
        high: its upper end.
    """

    low: float
    high: float

    def widened(self, by: float) -> Interval:
        """The interval with both ends moved outward."""
        return Interval(self.low - by, self.high + by)


def resample(statistics: Sequence[Statistic], count: int, *, resamples: int = RESAMPLES, seed: int = 0) -> Array:
    """The values of several statistics on the same resamplings of the examples.

    Args:
        statistics: one for each model, as `Metric.statistic` builds them, all over the same examples.
        count: number of examples.
        resamples: how often to draw `count` examples with replacement.
        seed: what they are drawn by.

    Returns:
        Values of shape `(resamples, statistics)`. Memory stays at some 100 MB for any `count`.

    Raises:
        UsageError: if fewer than 100 resamplings are asked for.

    Example:
        >>> right = np.array([1.0, 0.0, 1.0, 1.0])
        >>> resample([lambda counts: counts @ right / 4], 4, resamples=100).shape
        (100, 1)

    The method is Efron's percentile bootstrap (B. Efron, "Bootstrap methods: another look at the jackknife",
    Annals of Statistics 7, 1979).
    """
    if resamples < 100:
        raise UsageError("An interval needs at least 100 resamplings.", found=resamples)
    draws = np.random.default_rng(seed)
    step = max(1, _CHUNK_BYTES // (8 * count))
    values = np.empty((resamples, len(statistics)))
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = draws.integers(0, count, size=(rows, count), dtype=np.int64)
        drawn += np.arange(rows)[:, None] * count
        counts = np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(np.float64)
        for column, statistic in enumerate(statistics):
            values[start : start + rows, column] = statistic(counts)
    return values


def interval(values: Array) -> Interval:
    """The middle 95 % of resampled values."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(low), float(high))


def unseen(count: int) -> float:
    """The share of examples that may still be of a kind that none of `count` was: the rule of three.

    With three in `count` such examples in the world, a sample of `count` has none of them one time in twenty.
    The bootstrap cannot know of what it never saw, so where every example is right, or two models agree on
    each, its interval has no width at all; this is the width that it should have.
    """
    return min(1.0, 3.0 / count)
