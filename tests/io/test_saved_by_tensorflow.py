"""SavedModels that `tf.saved_model.save` writes of models of Keras 3: read like those of `model.export`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import Role
from keras_weld.io.read import open_model
from keras_weld.models import load

pytestmark = [
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow saves models of its own"),
]
layers = keras.layers


def sequential() -> keras.Model:
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(4)])
    model.compile("adam", "mse")
    model.fit(np.ones((2, 4)), np.ones((2, 4)), verbose=0)
    return model


def functional() -> keras.Model:
    given = keras.Input((4, 8))
    found = layers.Dropout(0.1)(layers.MultiHeadAttention(2, 4)(given, given))
    found = layers.Bidirectional(layers.GRU(3))(found)
    shared = layers.Dense(6, name="a_last")
    inner = keras.Sequential([layers.Dense(6), layers.Dense(6)], name="inner")
    return keras.Model(given, inner(shared(shared(layers.Dense(6, name="b_first")(found)))))


def weights(state: ModelState) -> list[LazyTensor]:
    return [tensor for tensor in state.weights if tensor.spec.role is not Role.SEED_STATE]


@pytest.mark.parametrize("make", [sequential, functional])
def test_every_variable_is_found_in_the_models_order(tmp_path: Path, make: Callable[[], keras.Model]) -> None:
    import tensorflow as tf

    model = make()
    model.save(tmp_path / "m.keras")
    tf.saved_model.save(model, str(tmp_path / "m"))
    with open_model(tmp_path / "m") as found, open_model(tmp_path / "m.keras") as wanted:
        assert len(weights(found)) == len(weights(wanted))
        for ours, theirs in zip(weights(found), weights(wanted), strict=True):
            np.testing.assert_array_equal(ours.read(), theirs.read())
        assert not any(tensor.spec.name.startswith("adam") for tensor in weights(found))
    filled = load(tmp_path / "m", architecture=tmp_path / "m.keras")
    for one, other in zip(filled.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
