"""A model in ONNX Runtime gives what it gives in Keras."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore")]

import keras  # noqa: E402
import numpy as np  # noqa: E402

from keras_weld.judging.latency import as_given, speedup  # noqa: E402
from keras_weld.judging.onnx_runtime import in_onnx_runtime, onnx_is_there  # noqa: E402


@pytest.fixture
def model() -> keras.Model:
    picture = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, activation="relu")(picture)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(x))
    outputs = {task: keras.layers.Dense(classes, name=task)(x) for task, classes in (("kind", 3), ("colour", 4))}
    return keras.Model(picture, outputs)


@pytest.mark.skipif(not onnx_is_there(), reason="ONNX Runtime and a converter are not installed")
@pytest.mark.parametrize("batch", [1, 8])
def test_it_gives_what_keras_gives_at_any_batch(model: keras.Model, batch: int) -> None:
    call, given = in_onnx_runtime(model), as_given(model, batch)
    for found, wanted in zip(call(given), model(given, training=False).values(), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    assert speedup([lambda: call(given)], lambda: call(given), repeats=3).value > 0


def test_without_the_package_it_is_known_not_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keras_weld.judging.onnx_runtime.find_spec", lambda name: None)
    assert not onnx_is_there()
