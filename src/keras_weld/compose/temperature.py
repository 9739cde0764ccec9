"""How sure a model should be of its answers: one temperature, found on held-out data."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

COLDEST, HOTTEST = 0.05, 20.0
_RATIO = (5**0.5 - 1) / 2
_STEPS = 60


def class_loss(logits: Array, classes: Array, temperature: float = 1.0) -> float:
    """The mean of `-log softmax(logits / temperature)[class]`.

    Args:
        logits: `(examples, classes)`; log-probabilities are logits too.
        classes: whole numbers, `(examples,)`.
        temperature: what the logits are divided by.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    top = scaled.max(axis=-1, keepdims=True)
    total = top[..., 0] + np.log(np.exp(scaled - top).sum(axis=-1))
    return float((total - scaled[np.arange(len(scaled)), classes]).mean())


def independent_loss(logits: Array, answers: Array, temperature: float = 1.0) -> float:
    """The mean of `-log sigmoid(±logits / temperature)`, with + where the answer is 1 and - where it is 0.

    Args:
        logits: log-odds, of any shape.
        answers: 0 or 1, of the same shape.
        temperature: what the logits are divided by.
    """
    signs = 1 - 2 * np.asarray(answers, np.float64)
    return float(np.logaddexp(0.0, signs * np.asarray(logits, np.float64) / temperature).mean())


def find_temperature(logits: Array, targets: Array, *, independent: bool = False) -> float:
    """The temperature T at which `softmax(logits / T)`, or `sigmoid(logits / T)`, makes the targets most likely.

    The loss is convex in 1 / T, so it has one valley in log T; a golden-section search finds it between 0.05 and 20.
    The loss at the result is never above that at T = 1 (Guo et al., On calibration of modern neural networks, 2017).

    Args:
        logits: `(examples, classes)`, or log-odds of any shape.
        targets: whole numbers `(examples,)`, or 0 or 1 in the shape of the log-odds.
        independent: whether the answers are independent of each other.

    Example:
        >>> import numpy as np
        >>> logits = np.log([[0.9, 0.1], [0.9, 0.1]])  # sure of 0, and right every second time
        >>> find_temperature(logits, np.array([0, 1]))
        20.0
    """
    loss_at = independent_loss if independent else class_loss

    def loss(place: float) -> float:
        return loss_at(logits, targets, float(np.exp(place)))

    low, high = float(np.log(COLDEST)), float(np.log(HOTTEST))
    ends = low, high
    left, right = high - _RATIO * (high - low), low + _RATIO * (high - low)
    at_left, at_right = loss(left), loss(right)
    for _ in range(_STEPS):
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _RATIO * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _RATIO * (high - low)
            at_right = loss(right)
    # The ends and 1 are tried as they are, so that rounding cannot make a model worse than it was.
    best = min((0.0, *ends, (low + high) / 2), key=loss)
    return round(float(np.exp(best)), 6)
