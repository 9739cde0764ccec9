"""Means and variances in pieces, and statistics of a normalization that go along with its inputs."""

from __future__ import annotations

import numpy as np

from keras_weld.weights.moments import Moments, carried_over, mixed

RANDOM = np.random.default_rng(0)
EPSILON = 1e-3


def moments(rows: np.ndarray) -> Moments:
    found = Moments.of_width(rows.shape[1])
    for some in np.array_split(rows, [1, 7, 20]):
        found.add(some)
    return found


def normalized(rows: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    return (rows - mean) / np.sqrt(variance + EPSILON)


def test_moments_in_pieces_are_those_of_the_whole() -> None:
    rows = RANDOM.normal(1e4, 1, (50, 3)).astype("float32")
    found = moments(rows)
    np.testing.assert_allclose(found.mean, rows.astype("float64").mean(0), rtol=1e-12)
    np.testing.assert_allclose(found.variance, rows.astype("float64").var(0), rtol=1e-9)
    assert found.count == 50


def test_what_is_normalized_keeps_its_mean_and_spread_though_the_inputs_change() -> None:
    rows, mean, variance = RANDOM.normal(2, 3, (80, 4)), np.full(4, 1.5), np.full(4, 7.0)
    changed = rows**2 / 5 + 1
    given = normalized(rows, mean, variance)
    after = normalized(changed, *carried_over(mean, variance, EPSILON, moments(rows), moments(changed)))
    np.testing.assert_allclose(after.mean(0), given.mean(0), atol=1e-12)
    np.testing.assert_allclose(after.std(0), given.std(0), rtol=1e-12)


def test_a_channel_that_dies_keeps_its_mean_and_one_that_comes_alive_stays_quiet() -> None:
    rows, mean, variance = RANDOM.normal(2, 3, (80, 2)), np.array([1.5, 0.5]), np.array([7.0, 0.0])
    rows[:, 1] = 0.25
    changed = rows[:, ::-1]
    given = normalized(rows, mean, variance)
    after = normalized(changed, *carried_over(mean, variance, EPSILON, moments(rows), moments(changed)))
    np.testing.assert_allclose(after.mean(0), given.mean(0), atol=1e-9)
    assert after.std(0).max() < 0.1


def test_inputs_that_do_not_change_leave_the_statistics_and_a_dead_channel_stays_dead() -> None:
    rows = RANDOM.normal(size=(30, 2))
    rows[:, 1] = 0
    mean, variance = np.array([0.3, 0.0]), np.array([1.2, 0.0])
    found = carried_over(mean, variance, EPSILON, moments(rows), moments(rows))
    np.testing.assert_allclose(found, (mean, variance), atol=1e-15)


def test_populations_together_each_count_the_same() -> None:
    first, second = RANDOM.normal(0, 1, (40, 3)), RANDOM.normal(2, 3, (40, 3))
    together = np.concatenate([first, second])
    found = mixed([(part.mean(0), part.var(0)) for part in (first, second)])
    np.testing.assert_allclose(found, (together.mean(0), together.var(0)), rtol=1e-12)
