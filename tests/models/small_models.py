"""Small real models: a digit classifier that was trained for a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GOLDEN = Path(__file__).parents[1] / "golden"


def digits():
    """Handwritten digits, 64 pixels from 0 to 1 each, and their labels."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16).astype("float32"), found.target


def build(seed=0, width=24):
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((64,), name="pixels"),
            layers.Dense(width, activation="relu", name="hidden"),
            layers.BatchNormalization(name="norm"),
            layers.Dropout(0.1, name="drop"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )


def train(model, epochs=2, examples=600):
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = digits()
    model.fit(x[:examples], y[:examples], epochs=epochs, batch_size=64, shuffle=False, verbose=0)
    return model


def same_predictions(first, second, x):
    np.testing.assert_array_equal(first.predict_on_batch(x), second.predict_on_batch(x))
