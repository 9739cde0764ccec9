"""The metrics by name; each can be computed anew on any resampling of the examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_weld.core.arguments import require_kind
from keras_weld.core.table import Table
from keras_weld.errors import UsageError
from keras_weld.judging.outcome import Outcome, Task

Array = np.ndarray[Any, np.dtype[Any]]
Statistic = Callable[[Array], Array]
"""Maps how often each example counts, `(resamples, examples)`, to the metric's values, `(resamples,)`."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One way to put a number on an outcome.

    Attributes:
        name: what it is asked for by.
        title: what it is called in a sentence.
        points: whether it is given in percent, so that a difference is in points.
        higher_is_better: whether more is better.
        tasks: what it can be asked of.
        statistic: builds, from an outcome, the function that gives the metric's value for counts of examples.
        right_or_wrong: whether every example is plainly right or wrong (1 or 0), or None if it is not that
            kind: gives that figure for every example.
    """

    name: str
    title: str
    points: bool
    higher_is_better: bool
    tasks: frozenset[Task]
    statistic: Callable[[Outcome], Statistic]
    right_or_wrong: Callable[[Outcome], Array] | None = None

    def value(self, outcome: Outcome) -> float:
        """The metric on all examples."""
        return float(self.statistic(outcome)(np.ones((1, outcome.count)))[0])

    def check(self, outcome: Outcome) -> None:
        """Refuse outcomes of another task.

        Raises:
            UsageError: naming the metrics that fit.
        """
        if outcome.task not in self.tasks:
            fitting = [name for name, metric in METRICS.items() if outcome.task in metric.tasks]
            raise UsageError(
                f"The metric {self.name!r} does not fit outputs about {outcome.task}.",
                expected="one of " + ", ".join(fitting),
                found=self.name,
                remedy=f"For example: --metric {fitting[0]}",
            )


METRICS: Table[Metric] = Table("metric", group="keras_weld.metrics")
"""The metrics by name."""

_DEFAULTS = {Task.CLASSES: "accuracy", Task.BINARY: "accuracy", Task.LABELS: "accuracy", Task.VALUES: "mse"}


def require_metric(name: str | None) -> None:
    """Refuse a name that no metric has.

    Raises:
        UsageError: naming those that there are.
    """
    if name is not None:
        require_kind("metric", name, str, "the name of a metric, such as 'accuracy'")
        METRICS[_entry(name)]


def _entry(name: str) -> str:
    return name.replace("-", "_")


def metric_for(outcome: Outcome, name: str | None = None) -> Metric:
    """The metric called `name`, or the usual one for what the outputs are about.

    Raises:
        UsageError: if there is none of that name, or it does not fit.
    """
    metric = METRICS[_DEFAULTS[outcome.task] if name is None else _entry(name)]
    metric.check(outcome)
    return metric


def mean_of(per_example: Callable[[Outcome], Array]) -> Callable[[Outcome], Statistic]:
    """A metric that is the mean of one figure for each example."""

    def build(outcome: Outcome) -> Statistic:
        scores = per_example(outcome)
        return lambda counts: counts @ scores / counts.sum(axis=1)

    return build


def _each(values: Array) -> Array:
    """The mean over all axes but the first: one figure for each example."""
    means: Array = values.reshape(len(values), -1).mean(axis=1, dtype=np.float64)
    return means


def _decided(outcome: Outcome) -> Array:
    """The class, or 0 or 1, that the outputs speak for."""
    if outcome.task is Task.CLASSES:
        classes: Array = outcome.outputs.argmax(axis=-1)
        return classes
    return (outcome.probabilities() > 0.5).astype(np.int64)


def _right(outcome: Outcome) -> Array:
    return _each(_decided(outcome) == outcome.targets)


def _right_in_top(outcome: Outcome, top: int = 5) -> Array:
    own = np.take_along_axis(outcome.outputs, outcome.targets[..., None], axis=-1)
    # Ties count against the model, so that a model that says nothing gets nothing.
    ahead = (outcome.outputs >= own).sum(axis=-1) - 1
    return _each(ahead < top)


def _log_loss(outcome: Outcome) -> Array:
    if outcome.task is Task.CLASSES:
        own = np.take_along_axis(outcome.probabilities(), outcome.targets[..., None], axis=-1)[..., 0]
        return _each(-np.log(np.clip(own, 1e-7, 1.0)))
    chance = np.clip(outcome.probabilities(), 1e-7, 1 - 1e-7)
    return _each(-np.where(outcome.targets == 1, np.log(chance), np.log(1 - chance)))


def _f1(outcome: Outcome) -> Statistic:
    """F1 of the class 1, or the plain mean over all classes that occur."""
    decided: Array = _decided(outcome).reshape(outcome.count, -1)
    truth: Array = outcome.targets.reshape(outcome.count, -1)
    classes = outcome.outputs.shape[-1] if outcome.task is Task.CLASSES else 2
    example = np.repeat(np.arange(outcome.count), decided.shape[1])
    decided, truth = decided.ravel(), truth.ravel()
    hit = decided == truth

    def one(counts: Array) -> float:
        weight = counts[example]
        hits = np.bincount(truth[hit], weights=weight[hit], minlength=classes)
        both = np.bincount(truth, weight, classes) + np.bincount(decided, weight, classes)
        scores = 2 * hits / np.maximum(both, 1e-12)
        return float(scores[1] if outcome.task is Task.BINARY else scores[both > 0].mean())

    return lambda counts: np.array([100 * one(row) for row in counts])


def _auc(outcome: Outcome) -> Statistic:
    """The chance that a true 1 is ranked above a true 0; ties count half."""
    order = np.argsort(outcome.outputs, kind="stable")
    ranked, ones = outcome.outputs[order], outcome.targets[order] == 1
    starts = np.flatnonzero(np.r_[True, np.diff(ranked) != 0])

    def value(counts: Array) -> Array:
        sorted_counts = counts[:, order]
        positive = np.add.reduceat(sorted_counts * ones, starts, axis=1)
        negative = np.add.reduceat(sorted_counts * ~ones, starts, axis=1)
        below = np.cumsum(negative, axis=1) - negative / 2
        pairs = positive.sum(axis=1) * negative.sum(axis=1)
        # A resampling without one of the two classes says nothing: half.
        return np.where(pairs > 0, 100 * (positive * below).sum(axis=1) / np.maximum(pairs, 1), 50.0)

    return value


def _root(build: Callable[[Outcome], Statistic]) -> Callable[[Outcome], Statistic]:
    def rooted(outcome: Outcome) -> Statistic:
        inner = build(outcome)
        return lambda counts: np.sqrt(inner(counts))

    return rooted


def _percent(per_example: Callable[[Outcome], Array]) -> Callable[[Outcome], Statistic]:
    return mean_of(lambda outcome: 100.0 * per_example(outcome))


_DECIDING = frozenset({Task.CLASSES, Task.BINARY, Task.LABELS})
_VALUES = frozenset({Task.VALUES})
_squared = mean_of(lambda outcome: _each((outcome.outputs - outcome.targets) ** 2))
_absolute = mean_of(lambda outcome: _each(np.abs(outcome.outputs - outcome.targets)))

for _metric in (
    Metric("accuracy", "accuracy", True, True, _DECIDING, _percent(_right), _right),
    Metric(
        "top5",
        "top-5 accuracy",
        True,
        True,
        frozenset({Task.CLASSES}),
        _percent(_right_in_top),
        _right_in_top,
    ),
    Metric("f1", "F1", True, True, frozenset({Task.CLASSES, Task.BINARY}), _f1),
    Metric("auc", "area under the ROC curve", True, True, frozenset({Task.BINARY}), _auc),
    Metric("log_loss", "log loss", False, False, _DECIDING, mean_of(_log_loss)),
    Metric("mse", "mean squared error", False, False, _VALUES, _squared),
    Metric("rmse", "root mean squared error", False, False, _VALUES, _root(_squared)),
    Metric("mae", "mean absolute error", False, False, _VALUES, _absolute),
):
    METRICS.add(_metric.name)(_metric)
