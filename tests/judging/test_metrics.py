"""Every metric against a plain, slow version, and on resamplings against the metric of the resampled data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from keras_weld.errors import UsageError
from keras_weld.judging import METRICS, Outcome, Task, metric_for, outcome_of


def outcome(task: Task, count: int = 60, seed: int = 0) -> Outcome:
    random = np.random.default_rng(seed)
    if task is Task.CLASSES:
        scores = random.normal(size=(count, 7)).round(1)
        labels = np.where(random.random(count) < 0.6, scores.argmax(1), random.integers(0, 7, count))
        return outcome_of(scores, labels)
    if task is Task.BINARY:
        chance = random.random(count).round(1)
        return outcome_of(chance[:, None], (random.random(count) < chance).astype(int))
    if task is Task.LABELS:
        chance = random.random((count, 3))
        return outcome_of(chance, (random.random((count, 3)) < chance).astype(int))
    return outcome_of(random.normal(size=(count, 2)), random.normal(size=(count, 2)))


def slow(name: str, found: Outcome) -> float:
    """The metric example by example, in plain Python."""
    rows = list(zip(found.probabilities().tolist(), found.targets.tolist(), strict=True))
    classes = found.task is Task.CLASSES

    def decide(row):
        return max(range(len(row)), key=row.__getitem__) if classes else int(row > 0.5)

    if name == "accuracy" and found.task is Task.LABELS:
        return 100 * np.mean([decide(p) == t for row, truth in rows for p, t in zip(row, truth, strict=True)])
    if name == "accuracy":
        return 100 * sum(decide(row) == truth for row, truth in rows) / len(rows)
    if name == "top5":
        return 100 * sum(sum(p >= row[t] for p in row) <= 5 for row, t in rows) / len(rows)
    if name == "log_loss" and classes:
        return sum(-math.log(row[truth]) for row, truth in rows) / len(rows)
    if name == "log_loss":
        flat = [(p, t) for p, t in zip(found.outputs.ravel(), found.targets.ravel(), strict=True)]
        clipped = [(min(max(p, 1e-7), 1 - 1e-7), t) for p, t in flat]
        return sum(-math.log(p if t else 1 - p) for p, t in clipped) / len(clipped)
    if name == "f1":
        pairs = [(decide(row), truth) for row, truth in rows]
        scores = []
        for label in [1] if not classes else sorted({label for pair in pairs for label in pair}):
            hits = sum(d == t == label for d, t in pairs)
            wrong = sum((d == label) != (t == label) for d, t in pairs)
            scores.append(2 * hits / (2 * hits + wrong))
        return 100 * sum(scores) / len(scores)
    if name == "auc":
        pairs = [(p, q) for p, one in rows for q, zero in rows if one == 1 and zero == 0]
        return 100 * sum((p > q) + 0.5 * (p == q) for p, q in pairs) / len(pairs)
    errors = np.abs(found.outputs - found.targets).ravel().tolist()
    power = 1 if name == "mae" else 2
    mean = sum(error**power for error in errors) / len(errors)
    return math.sqrt(mean) if name == "rmse" else mean


CASES = [(name, task) for name, metric in METRICS.items() for task in sorted(metric.tasks)]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_metric_is_what_the_slow_version_says(name, task):
    found = outcome(task)
    assert METRICS[name].value(found) == pytest.approx(slow(name, found), rel=1e-12)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_counts_of_examples_are_the_same_as_repeating_them(name, task):
    found = outcome(task)
    drawn = np.random.default_rng(1).integers(0, found.count, size=(5, found.count))
    counts = np.stack([np.bincount(row, minlength=found.count) for row in drawn]).astype(float)
    values = METRICS[name].statistic(found)(counts)
    for row, value in zip(drawn, values, strict=True):
        repeated = Outcome(found.task, found.kind, found.outputs[row], found.targets[row])
        assert value == pytest.approx(METRICS[name].value(repeated), rel=1e-9)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_perfect_outputs_are_better_than_random_ones(name, task):
    random = outcome(task)
    perfect = np.eye(7)[random.targets] if task is Task.CLASSES else random.targets.astype(float)
    best = METRICS[name].value(outcome_of(perfect, random.targets))
    other = METRICS[name].value(random)
    assert best > other if METRICS[name].higher_is_better else best < other
    assert best == pytest.approx(100 if METRICS[name].points else 0, abs=1e-6)


def test_metric_is_the_same_for_logits_and_their_probabilities():
    logits = outcome(Task.CLASSES)
    shares = outcome_of(logits.probabilities(), logits.targets)
    for name in ("accuracy", "top5", "log_loss", "f1"):
        assert METRICS[name].value(logits) == pytest.approx(METRICS[name].value(shares), rel=1e-9)


def test_every_pixel_counts_but_the_image_is_the_example():
    shares = np.zeros((2, 2, 2, 3))
    shares[..., 0] = 1
    found = outcome_of(shares, np.array([[[0, 0], [0, 1]], [[0, 0], [0, 0]]]))
    assert METRICS["accuracy"].value(found) == pytest.approx(87.5)
    assert found.count == 2


def test_usual_metrics_and_refusals():
    assert metric_for(outcome(Task.CLASSES)).name == "accuracy"
    assert metric_for(outcome(Task.VALUES)).name == "mse"
    assert metric_for(outcome(Task.BINARY), "log-loss").name == "log_loss"
    with pytest.raises(UsageError, match="There is no metric called 'accurracy'") as refused:
        metric_for(outcome(Task.CLASSES), "accurracy")
    assert "accuracy, top5, f1" in refused.value.expected
    with pytest.raises(UsageError, match="'mse' does not fit outputs about classes") as refused:
        metric_for(outcome(Task.CLASSES), "mse")
    assert refused.value.remedy == "For example: --metric accuracy"
