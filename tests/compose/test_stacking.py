"""The combiner: where it starts, that it stops in time, and that it is the same each time."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_weld.compose.stacking import _loss, _loss_and_slopes, train_combiner


def logs_of(scores: np.ndarray) -> np.ndarray:
    return scores - np.log(np.exp(scores).sum(-1, keepdims=True))


def test_it_learns_which_model_to_believe() -> None:
    random = np.random.default_rng(0)
    classes = random.integers(0, 3, 400)
    good = logs_of(3 * np.eye(3)[classes] + random.normal(size=(400, 3)))
    noise = logs_of(2 * random.normal(size=(400, 3)))
    found = train_combiner(np.stack([noise, good]), classes)
    assert found.loss_after < 0.8 * found.loss_before
    believed = np.abs(found.kernel.reshape(2, 3, 3)).sum((1, 2))
    assert believed[1] > 2 * believed[0]
    assert (found.trained_on, found.stopped_on) == (300, 100)


@given(st.integers(0, 10_000), st.integers(1, 25), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_it_is_never_worse_than_the_geometric_mean_on_what_stops_it(seed: int, count: int, models: int) -> None:
    random = np.random.default_rng(seed)
    logs, classes = logs_of(random.normal(size=(models, count, 4))), random.integers(0, 4, count)
    found = train_combiner(logs, classes, seed=seed)
    assert found.loss_after <= found.loss_before
    again = train_combiner(logs, classes, seed=seed)
    np.testing.assert_array_equal(found.kernel, again.kernel)
    np.testing.assert_array_equal(found.bias, again.bias)


def test_it_starts_as_the_geometric_mean() -> None:
    logs = logs_of(np.random.default_rng(1).normal(size=(2, 8, 3)))
    classes = np.zeros(8, int)
    found = train_combiner(logs, classes, l2=1e9)  # so heavy that it cannot move
    np.testing.assert_allclose(found.kernel, np.tile(np.eye(3) / 2, (2, 1)), atol=1e-6)
    order = np.random.default_rng(0).permutation(8)[:2]
    wanted = -logs_of(logs.mean(0))[order, 0].mean()
    np.testing.assert_allclose(found.loss_before, wanted)


def test_the_slopes_are_those_of_the_loss() -> None:
    random = np.random.default_rng(2)
    rows, classes, start = random.normal(size=(7, 6)), random.integers(0, 3, 7), random.normal(size=(6, 3))
    kernel, bias = random.normal(size=(6, 3)), random.normal(size=3)
    _, (slopes, _) = _loss_and_slopes(rows, classes, kernel, bias, start, 0.0)
    for place in ((0, 0), (3, 2)):
        moved = kernel.copy()
        moved[place] += 1e-6
        change = (_loss(rows, classes, moved, bias) - _loss(rows, classes, kernel, bias)) / 1e-6
        np.testing.assert_allclose(slopes[place], change, atol=1e-5)
