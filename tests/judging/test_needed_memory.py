"""The memory that a model needs, against what its layers must hold."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.keras

import keras  # noqa: E402

from keras_weld.judging.latency import as_given  # noqa: E402
from keras_weld.judging.memory import memory_of  # noqa: E402

WIDE = 50_000


def chain(*sizes: int) -> keras.Model:
    return keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(size) for size in sizes)])


def test_the_widest_activation_is_held_and_the_weights_are_counted() -> None:
    model = chain(WIDE, 2)
    found = memory_of(model, as_given(model, 1))
    assert found is not None
    assert found.weights == 4 * model.count_params()
    assert 4 * WIDE <= found.working < 3 * 4 * WIDE
    assert found.total == found.weights + found.working


def test_what_is_given_back_is_not_held_any_more() -> None:
    few, many = (memory_of(model, as_given(model, 1)) for model in (chain(WIDE, 2), chain(*[WIDE, 2] * 4)))
    assert few is not None
    assert many is not None
    assert many.working < 1.5 * few.working
    assert many.weights > 3 * few.weights


def test_a_larger_batch_needs_more() -> None:
    model = chain(WIDE, 2)
    one, eight = memory_of(model, as_given(model, 1)), memory_of(model, as_given(model, 8))
    assert one is not None
    assert eight is not None
    assert eight.weights == one.weights
    assert eight.working > 3 * one.working
