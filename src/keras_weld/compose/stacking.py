"""A small combiner that is trained on what models say of held-out data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_STEPS = 500
_PATIENCE = 25
_HELD_BACK = 4  # every fourth example tells when to stop


@dataclass(frozen=True, slots=True)
class Combiner:
    """A multinomial logistic model on the log-probabilities of several models, side by side.

    Attributes:
        kernel: `(models * classes, classes)`.
        bias: `(classes,)`.
        trained_on: number of examples that it was trained on.
        stopped_on: number of other examples that told when to stop.
        loss_before: log loss on those at the start, which is the geometric mean.
        loss_after: log loss on those at the end; never more.
    """

    kernel: Array
    bias: Array
    trained_on: int
    stopped_on: int
    loss_before: float
    loss_after: float


def train_combiner(logs: Array, classes: Array, *, seed: int = 0, l2: float = 1e-3) -> Combiner:
    """Train a combiner: `softmax(log-probabilities of all models @ kernel + bias)`.

    It starts as the geometric mean: the kernel takes each class's mean over the models. Full-batch gradient descent
    with a step that is halved until the loss falls goes on from there; an L2 term holds the kernel near its start. A
    quarter of the examples is kept back, and the kernel that does best on those is taken. The same data and seed give
    the same combiner.

    Args:
        logs: log-probabilities, `(models, examples, classes)`.
        classes: what is true, `(examples,)`.
        seed: what the examples that are kept back are drawn by.
        l2: how much a departure from the start costs.
    """
    models, count, width = logs.shape
    rows = np.moveaxis(np.asarray(logs, np.float64), 0, 1).reshape(count, models * width)
    start = np.tile(np.eye(width) / models, (models, 1))
    order = np.random.default_rng(seed).permutation(count)
    held = count // _HELD_BACK
    stopping, training = order[:held], order[held:]
    if not held:
        stopping = training
    kernel, bias, step = start, np.zeros(width), 1.0
    best = before = _loss(rows[stopping], classes[stopping], kernel, bias)
    taken, waited = (kernel, bias), 0
    x, y = rows[training], classes[training]
    for _ in range(_STEPS):
        loss, slopes = _loss_and_slopes(x, y, kernel, bias, start, l2)
        length = sum(float((slope**2).sum()) for slope in slopes)
        while step > 1e-9:
            tried = kernel - step * slopes[0], bias - step * slopes[1]
            if _loss(x, y, *tried) + _cost(tried[0], start, l2) <= loss - step * length / 2:
                break
            step /= 2
        else:
            break
        (kernel, bias), step = tried, step * 1.5
        now = _loss(rows[stopping], classes[stopping], kernel, bias)
        if now < best - 1e-9:
            best, taken, waited = now, (kernel, bias), 0
        elif (waited := waited + 1) > _PATIENCE:
            break
    return Combiner(*taken, len(training), len(stopping), before, best)


def _cost(kernel: Array, start: Array, l2: float) -> float:
    return l2 / 2 * float(((kernel - start) ** 2).sum())


def _logs(rows: Array, kernel: Array, bias: Array) -> Array:
    scores = rows @ kernel + bias
    scores -= scores.max(axis=1, keepdims=True)
    logs: Array = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return logs


def _loss(rows: Array, classes: Array, kernel: Array, bias: Array) -> float:
    return float(-_logs(rows, kernel, bias)[np.arange(len(rows)), classes].mean())


def _loss_and_slopes(
    rows: Array, classes: Array, kernel: Array, bias: Array, start: Array, l2: float
) -> tuple[float, tuple[Array, Array]]:
    logs = _logs(rows, kernel, bias)
    picked = np.arange(len(rows)), classes
    loss = float(-logs[picked].mean()) + _cost(kernel, start, l2)
    errors = np.exp(logs)
    errors[picked] -= 1
    errors /= len(rows)
    return loss, (rows.T @ errors + l2 * (kernel - start), errors.sum(axis=0))
