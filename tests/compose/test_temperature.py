"""Temperatures: found where they are known, and never for the worse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_weld.compose.temperature import COLDEST, HOTTEST, class_loss, find_temperature, independent_loss


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def as_often_as(probabilities: np.ndarray, times: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and classes, each as often as it is likely."""
    counts = np.round(probabilities * times).astype(int)
    rows = np.repeat(np.arange(len(counts)), counts.sum(1))
    classes = np.concatenate([np.repeat(np.arange(counts.shape[1]), row) for row in counts])
    return rows, classes


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    logits = np.random.default_rng(0).normal(size=(40, 5))
    rows, classes = as_often_as(softmax(logits), 4_000)
    assert find_temperature(temperature * logits[rows], classes) == pytest.approx(temperature, rel=1e-3)
    odds = np.random.default_rng(1).normal(size=60)
    rows, answers = as_often_as(np.stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))], 1), 4_000)
    assert find_temperature(temperature * odds[rows], answers, independent=True) == pytest.approx(temperature, rel=1e-3)


@given(st.integers(0, 10_000), st.integers(1, 30), st.floats(0.01, 100))
@settings(max_examples=60, deadline=None)
def test_the_loss_never_gets_worse(seed: int, count: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    logits, classes = scale * random.normal(size=(count, 4)), random.integers(0, 4, count)
    found = find_temperature(logits, classes)
    assert COLDEST <= found <= HOTTEST
    assert class_loss(logits, classes, found) <= class_loss(logits, classes) + 1e-6
    answers = random.integers(0, 2, logits.shape)
    found = find_temperature(logits, answers, independent=True)
    assert independent_loss(logits, answers, found) <= independent_loss(logits, answers) + 1e-6


def test_the_losses_are_what_they_say() -> None:
    random = np.random.default_rng(2)
    logits, classes, answers = random.normal(size=(9, 3)), random.integers(0, 3, 9), random.integers(0, 2, (9, 3))
    wanted = -np.log([softmax(row / 2)[label] for row, label in zip(logits, classes, strict=True)]).mean()
    assert class_loss(logits, classes, 2.0) == pytest.approx(wanted)
    chances = 1 / (1 + np.exp(-logits / 2))
    wanted = -np.log(np.where(answers == 1, chances, 1 - chances)).mean()
    assert independent_loss(logits, answers, 2.0) == pytest.approx(wanted)


def test_the_ends_of_the_range_are_kept() -> None:
    logits = np.log([[0.9, 0.1]] * 2)
    assert find_temperature(logits, np.array([0, 1])) == HOTTEST
    assert find_temperature(logits, np.array([0, 0])) == COLDEST
