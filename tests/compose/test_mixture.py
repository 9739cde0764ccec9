"""Weights that are found: no step makes them worse, and the slow way finds the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_weld.compose.mixture import least_squares_weights, log_loss, mixture_weights


def simplex(count: int, steps: int) -> np.ndarray:
    """All weights with the sum 1 on a grid."""
    if count == 1:
        return np.array([[1.0]])
    parts = np.stack(np.meshgrid(*[np.arange(steps + 1)] * (count - 1)), -1).reshape(-1, count - 1)
    parts = parts[parts.sum(1) <= steps]
    return np.concatenate([parts, steps - parts.sum(1, keepdims=True)], 1) / steps


@given(st.integers(1, 3), st.integers(1, 40), st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_no_weights_on_a_grid_make_the_data_more_likely(count: int, examples: int, seed: int) -> None:
    likelihoods = np.random.default_rng(seed).uniform(0.01, 1, (count, examples))
    weights = mixture_weights(likelihoods)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    best = min(log_loss(likelihoods, tried) for tried in simplex(count, 20))
    assert log_loss(likelihoods, weights) <= best + 1e-6


def test_every_step_makes_the_data_more_likely_or_leaves_it() -> None:
    likelihoods = np.random.default_rng(0).uniform(0.01, 1, (4, 50))
    weights, losses = np.full(4, 0.25), []
    for _ in range(100):
        losses.append(log_loss(likelihoods, weights))
        weights = weights * (likelihoods / (weights @ likelihoods)).mean(axis=1)
    assert (np.diff(losses) <= 1e-12).all()
    assert log_loss(likelihoods, mixture_weights(likelihoods)) <= losses[-1] + 1e-9


def test_the_shares_of_a_known_mixture_are_found() -> None:
    random = np.random.default_rng(1)
    tables = np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    drawn = random.choice(3, 20_000, p=0.8 * tables[0] + 0.2 * tables[1])
    np.testing.assert_allclose(mixture_weights(tables[:, drawn]), [0.8, 0.2], atol=0.02)


def test_equal_models_keep_equal_weights_and_an_impossible_example_says_nothing() -> None:
    np.testing.assert_allclose(mixture_weights(np.full((4, 9), 0.3)), [0.25] * 4)
    np.testing.assert_allclose(mixture_weights(np.zeros((2, 3))), [0.5, 0.5])
    likelihoods = np.array([[0.9, 0.0, 0.5], [0.3, 0.0, 0.5]])
    np.testing.assert_allclose(mixture_weights(likelihoods), [1, 0], atol=1e-4)


@given(st.integers(1, 3), st.integers(1, 12), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_no_weights_on_a_grid_come_closer(count: int, examples: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    targets = random.normal(size=(examples, 2))
    predictions = targets + random.normal(size=(count, examples, 2)) * random.uniform(0.1, 2, (count, 1, 1))
    weights = least_squares_weights(predictions, targets)
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()

    def error(tried: np.ndarray) -> float:
        return float(((np.tensordot(tried, predictions, 1) - targets) ** 2).sum())

    assert error(weights) <= min(error(tried) for tried in simplex(count, 20)) * (1 + 1e-6) + 1e-9


def test_many_models_and_copies_of_one() -> None:
    random = np.random.default_rng(3)
    targets = random.normal(size=400)
    noise = random.normal(size=(12, 400)) * np.linspace(0.5, 3, 12)[:, None]
    weights = least_squares_weights(targets + noise, targets)
    assert weights.sum() == pytest.approx(1)
    # Independent errors: the best weights go with one over the variance.
    wanted = np.linspace(0.5, 3, 12) ** -2
    np.testing.assert_allclose(weights, wanted / wanted.sum(), atol=0.06)
    same = np.stack([targets + noise[0]] * 3)
    assert least_squares_weights(same, targets).sum() == pytest.approx(1)
    exact = least_squares_weights(np.stack([targets, targets + 1]), targets)
    np.testing.assert_allclose(exact, [1, 0])
