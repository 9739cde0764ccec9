"""Seeds of dropout go into the file, so that training goes on from it with the same bits."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from small_models import digits

from keras_weld.models import load, save

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def build():
    keras.utils.set_random_seed(1)
    layers = keras.layers
    inner = keras.Sequential([keras.Input((64,)), layers.Dense(4), layers.Dropout(0.5)])
    model = keras.Sequential([keras.Input((64,)), layers.GaussianNoise(0.1, seed=3), inner, layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def fit(model, epochs):
    x, y = digits()
    model.fit(x[:64], y[:64], epochs=epochs, batch_size=32, shuffle=False, verbose=0)
    return model


def arrays(model):
    return [keras.ops.convert_to_numpy(one) for one in [*model.variables, *model.optimizer.variables]]


def test_training_with_dropout_goes_on_from_a_file_with_the_same_bits(tmp_path):
    whole = arrays(fit(build(), 2))
    first = fit(build(), 1)
    for name in ("m.keras", "m.h5"):
        for ours, theirs in zip(arrays(fit(load(save(first, tmp_path / name)), 1)), whole, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_states_that_do_not_fit_are_told(tmp_path):
    save(build(), tmp_path / "m.weights.h5")
    other = keras.Sequential([keras.Input((64,)), keras.Sequential([keras.Input((64,)), keras.layers.Dense(4)])])
    other.add(keras.layers.Dense(10))
    save(other, tmp_path / "other.json")
    with pytest.warns(UserWarning, match="states of seeds that do not fit the model"):
        load(tmp_path / "m.weights.h5", architecture=tmp_path / "other.json")
