"""Several models on the same examples: each one's figure, and its paired difference to one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_weld.judging.bootstrap import RESAMPLES, Interval, interval, resample, unseen
from keras_weld.judging.metrics import Metric
from keras_weld.judging.outcome import Outcome
from keras_weld.judging.verdict import Compared


@dataclass(frozen=True, slots=True)
class Measured:
    """One model's figure on one split.

    Attributes:
        value: the metric.
        interval: its 95 % interval.
        compared: its difference to the reference, or None for the reference itself.
    """

    value: float
    interval: Interval
    compared: Compared | None


def measure(
    outcomes: Sequence[Outcome],
    metric: Metric,
    *,
    reference: int | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Measured]:
    """Each model's figure with its interval, and the paired difference to the model at `reference`.

    Paired means that every resampling draws the same examples for all models. What is hard for one model
    tends to be hard for another, so the difference is known far better than either figure.

    Args:
        outcomes: one for each model, over the same examples in the same order.
        metric: what to measure.
        reference: index of the model that the others are compared with, or None.
        resamples: number of resamplings.
        seed: what they are drawn by.
    """
    count = outcomes[0].count
    drawn = resample([metric.statistic(outcome) for outcome in outcomes], count, resamples=resamples, seed=seed)
    right = None if metric.right_or_wrong is None else [metric.right_or_wrong(each) for each in outcomes]
    found = []
    for index, outcome in enumerate(outcomes):
        value = metric.value(outcome)
        span = interval(drawn[:, index])
        if right is not None and right[index].min() == right[index].max() and span.low in (0.0, 100.0):
            wide = span.widened(100 * unseen(count))
            span = Interval(max(0.0, wide.low), min(100.0, wide.high))
        compared = None
        if reference is not None and index != reference:
            between = interval(drawn[:, index] - drawn[:, reference])
            same = np.array_equal(outcome.outputs, outcomes[reference].outputs)
            if right is not None and not same and np.array_equal(right[index], right[reference]):
                between = between.widened(100 * unseen(count))
            compared = Compared(value - metric.value(outcomes[reference]), between)
        found.append(Measured(value, span, compared))
    return found


def best_of(outcomes: Sequence[Outcome], metric: Metric) -> int:
    """Index of the best outcome; the first of equals."""
    values = [metric.value(outcome) for outcome in outcomes]
    return values.index(max(values) if metric.higher_is_better else min(values))
