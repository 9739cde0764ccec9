"""Models with Keras's own rarer functions and layers load without anything being passed."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras.src.applications import convnext, inception_resnet_v2

from keras_weld.models import load, save

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
def test_metrics_and_losses_given_as_functions(name, tmp_path):
    metrics = [keras.metrics.categorical_accuracy, keras.metrics.pearson_correlation, keras.metrics.mean_squared_error]
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", keras.losses.tversky, metrics=metrics)
    x, y = np.ones((4, 2)), np.eye(4, 3)
    expected = model.evaluate(x, y, verbose=0)
    model.save(tmp_path / name)
    np.testing.assert_allclose(load(tmp_path / name).evaluate(x, y, verbose=0), expected, rtol=1e-6)


def test_layers_that_keras_applications_has_to_itself(tmp_path):
    given = keras.Input((4,))
    scaled = convnext.LayerScale(0.5, 4)(given)
    dropped = convnext.StochasticDepth(0.1)(scaled)
    joined = inception_resnet_v2.CustomScaleLayer(0.2)([given, dropped])
    model = keras.Model(given, joined)
    loaded = load(save(model, tmp_path / "m.keras"))
    np.testing.assert_array_equal(loaded(np.ones((2, 4))), model(np.ones((2, 4))))
