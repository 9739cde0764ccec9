"""Mean and variance of many values, channel by channel, and what they say of the statistics of a normalization."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_weld.core.state import Array

_MOST = 1e6  # times as large may a variance become


@dataclass(slots=True)
class Moments:
    """Mean and variance of rows that come piece by piece, in float64.

    Attributes:
        mean: by channel.
        variance: by channel, of the whole population.
        count: rows.

    Reference:
        Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
    """

    mean: Array
    variance: Array
    count: int = 0

    @classmethod
    def of_width(cls, width: int) -> Moments:
        """Moments of no rows of so many channels."""
        return cls(np.zeros(width), np.zeros(width))

    def add(self, rows: Array) -> None:
        """Add rows, (rows, channels)."""
        rows = rows.astype(np.float64, copy=False)
        total = self.count + len(rows)
        share, away = len(rows) / total, rows.mean(0) - self.mean
        self.variance = (1 - share) * self.variance + share * rows.var(0) + share * (1 - share) * away**2
        self.mean = self.mean + share * away
        self.count = total


def carried_over(mean: Array, variance: Array, epsilon: float, before: Moments, after: Moments) -> tuple[Array, Array]:
    """The statistics by which a normalization gives, on inputs that have changed, what it gave, in mean and spread.

    The moments are of the same examples before and after the change. Where the old statistics were those of all
    training examples, the new ones are as good: that the examples are few does not count, for it counts on both
    sides. Inputs that did not change leave the statistics as they are.

    Args:
        mean: the statistics until now.
        variance: likewise.
        epsilon: what the normalization adds to the variance.
        before: the moments of its inputs until now.
        after: those of its inputs from now on.

    Returns:
        Mean and variance.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = after.variance / before.variance
    ratio = np.minimum(np.where(np.isnan(ratio), 1.0, ratio), _MOST)  # a channel that is dead before and after
    divisor = variance.astype(np.float64) + epsilon
    spread = np.maximum(divisor * ratio - epsilon, 0.0)
    return after.mean + (mean - before.mean) * np.sqrt((spread + epsilon) / divisor), spread


def mixed(parts: Sequence[tuple[Array, Array]]) -> tuple[Array, Array]:
    """Mean and variance of several populations together, each counting the same.

    Args:
        parts: mean and variance of each.
    """
    means, variances = (np.stack([part[number] for part in parts]) for number in (0, 1))
    return means.mean(0), variances.mean(0) + means.var(0)
