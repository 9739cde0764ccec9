"""Channels in another order: the model predicts the same, the old order is found back, what cannot be is refused."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from zip_models import answers, examples, made  # noqa: E402

from keras_weld.core.permutation_groups import Permutable  # noqa: E402
from keras_weld.core.permutations import groups_of  # noqa: E402
from keras_weld.errors import IncompatibleModelsError  # noqa: E402
from keras_weld.zipping.alignment import align, calls_of, permute  # noqa: E402
from keras_weld.zipping.trace import Trace, trace  # noqa: E402

GROUPS = {
    "mlp": [8, 6],
    "cnn": [4, 6, 5],
    "mobile": [4, 6, 8, 8],
    "residual": [4, 4, 4],
    "transformer": [8, 12, 12],
    "nested": [4, 6, 8, 8],
    "lstm": [],
}


def shuffled(one: Trace, found: Permutable, seed: int = 0) -> dict[int, np.ndarray]:
    random = np.random.default_rng(seed)
    orders = {group: random.permutation(found.sizes[group]) for group in found.free}
    permute(one, found, orders)
    return orders


def values(model: keras.Model) -> list[np.ndarray]:
    return [keras.ops.convert_to_numpy(one).copy() for one in model.weights]


@pytest.mark.parametrize("kind", GROUPS)
def test_permuted_it_predicts_the_same_and_the_inverse_brings_it_back(kind: str) -> None:
    model = made(kind)
    x, one, kept = examples(model), trace(model), values(model)
    wanted, found = answers(model, x), groups_of(calls_of(one), one.outputs)
    assert [found.sizes[group] for group in found.free] == GROUPS[kind]
    orders = shuffled(one, found)
    if orders:
        assert any(not np.array_equal(*pair) for pair in zip(kept, values(model), strict=True))
    for given, want in zip(answers(model, x), wanted, strict=True):
        np.testing.assert_allclose(given, want, rtol=1e-4, atol=1e-5 * np.abs(want).max())
    permute(one, found, {group: np.argsort(order) for group, order in orders.items()})
    for before, after in zip(kept, values(model), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("kind", ["cnn", "residual", "transformer"])
def test_the_order_of_another_model_is_found_back(kind: str) -> None:
    first, second = made(kind), made(kind, 4)
    for one, other in zip(first.weights, second.weights, strict=True):
        if one.shape == other.shape:
            other.assign(one)
    one, other, kept = trace(first), trace(second), values(second)
    shuffled(other, groups_of(calls_of(other), other.outputs))
    align(one, other, len(one.steps) - 1)
    for before, after in zip(kept, values(second), strict=True):
        np.testing.assert_array_equal(before, after)


class ReLU(keras.layers.Layer):  # type: ignore[misc]
    """Of the user's own, with a known name: it treats each channel in another way."""

    def call(self, x: object) -> object:
        return x * keras.ops.arange(1, x.shape[-1] + 1, dtype="float32")  # type: ignore[attr-defined]


def test_a_model_that_predicts_otherwise_then_is_refused_and_left_as_it_was() -> None:
    body = [keras.layers.Dense(6), ReLU(), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((5,)), *body])
    one, kept = trace(model), values(model)
    found = groups_of(calls_of(one), one.outputs)
    with pytest.raises(IncompatibleModelsError, match="predicts otherwise"):
        permute(one, found, {group: np.roll(np.arange(found.sizes[group]), 1) for group in found.free})
    for before, after in zip(kept, values(model), strict=True):
        np.testing.assert_array_equal(before, after)
