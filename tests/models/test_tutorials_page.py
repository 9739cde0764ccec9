"""docs/from-tutorials.md: what it says that Keras does is what Keras does."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

pytestmark = [
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="the page tells of TensorFlow"),
]

PAGE = (Path(__file__).parents[2] / "docs" / "from-tutorials.md").read_text()
X, Y = np.ones((8, 4), "float32"), np.zeros(8, "int64")


def build(width=3):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(width, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit_compiled_by_position():
    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    model.fit(X, Y, verbose=0)


def fit_after_loading_h5():
    model = build()
    model.fit(X, Y, verbose=0)
    model.save("x.h5")
    keras.saving.load_model("x.h5").fit(X, Y, verbose=0)


class Own(keras.Model):
    def __init__(self, **settings):
        super().__init__(**settings)
        self.inner = keras.layers.Dense(2)

    def call(self, inputs):
        return self.inner(inputs)


def load_h5_with_layers_in_its_code():
    model = Own()
    model(X)
    model.save("x.h5")
    keras.saving.load_model("x.h5", custom_objects={"Own": Own})


def load_h5_with_a_short_name():
    model = build()
    model.compile("sgd", "mse")
    model.save("x.h5")
    keras.saving.load_model("x.h5")


def call_tensorflow():
    import tensorflow

    tensorflow.nn.relu(keras.Input((4,)))


CALLS = Path(__file__).parents[1] / "golden" / "tensorflow_calls" / "network.h5"
REFUSED = {
    "`tf.nn.relu(x)` on the output": (
        call_tensorflow,
        "ValueError: A KerasTensor cannot be used as input to a TensorFlow function",
    ),
    "`x * 2` or `tf.nn.relu(x)` in it": (
        lambda: keras.saving.load_model(CALLS),
        "ValueError: Unknown layer: 'TFOpLambda'",
    ),
    'model.save("model")': (lambda: build().save("model"), "ValueError: Invalid filepath extension for saving"),
    "whose layers are in its own code": (
        load_h5_with_layers_in_its_code,
        "ValueError: Layer count mismatch when loading weights from file",
    ),
    'model.save_weights("w.h5")': (lambda: build().save_weights("w.h5"), "ValueError: The filename must end in"),
    "model.to_yaml()": (lambda: build().to_yaml(), "AttributeError: 'Sequential' object has no attribute 'to_yaml'"),
    "period=2": (
        lambda: keras.callbacks.ModelCheckpoint("m.keras", period=2),
        "TypeError: ModelCheckpoint.__init__() got an unexpected keyword argument 'period'",
    ),
    'load_model("x.h5")`, then `fit`': (fit_after_loading_h5, "ValueError: Unknown variable"),
    'compiled with `loss="mse"`': (load_h5_with_a_short_name, "ValueError: Could not deserialize 'keras.metrics.mse'"),
    'model.load_weights("w.ckpt")': (lambda: build().load_weights("w.ckpt"), "ValueError: File format not supported"),
    "optimizer.lr`": (lambda: build().optimizer.lr, "AttributeError: 'Adam' object has no attribute 'lr'"),
    "Adam(lr=0.01)": (lambda: keras.optimizers.Adam(lr=0.01), "ValueError: Argument(s) not recognized: {'lr': 0.01}"),
    "K.get_value(x)": (
        lambda: keras.backend.get_value(1),
        "AttributeError: module 'keras.backend' has no attribute 'get_value'",
    ),
    'model.compile("adam", "mse", ["accuracy"])': (
        fit_compiled_by_position,
        "ValueError: dtype='string' is not a valid dtype",
    ),
    "batch_input_shape": (
        lambda: keras.layers.Dense(3, batch_input_shape=(None, 4)),
        "ValueError: Unrecognized keyword arguments passed to Dense: {'batch_input_shape': (None, 4)}",
    ),
    "model.fit_generator": (
        lambda: build().fit_generator(None),
        "AttributeError: 'Sequential' object has no attribute 'fit_generator'",
    ),
}


@pytest.mark.parametrize("call", REFUSED)
def test_what_is_refused_is_refused_in_these_words(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    function, words = REFUSED[call]
    assert any(call in line and words in line for line in PAGE.splitlines())
    with pytest.raises(Exception, match=r"\S") as refused:
        function()
    said = " ".join(str(refused.value).split())
    assert f"{type(refused.value).__name__}: {said}".startswith(words)


def test_what_is_done_without_a_word(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = build()
    model.fit(X, Y, verbose=0)
    model.save("x.keras", save_format="tf", include_optimizer=False)
    assert (tmp_path / "x.keras").read_bytes()[:2] == b"PK"
    assert len(keras.saving.load_model("x.keras").optimizer.variables) == len(model.optimizer.variables)
    model.optimizer.lr = 0.5
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(0.001)
    model.save("x.h5")
    model.save("y.keras")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer"):
        spoilt = keras.saving.load_model("y.keras")
    assert type(spoilt.optimizer).__name__ == "RMSprop"
    other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="another_name")])
    before = other.get_weights()
    other.load_weights("x.h5", by_name=True)
    for ours, theirs in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
