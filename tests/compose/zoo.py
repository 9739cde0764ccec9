"""Small models of all kinds, untrained, by name; each made anew when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import custom_parts
import keras
import numpy as np
from keras import layers

CLASSES = 4


def mlp() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((12,), name="sensor"),
            layers.Dense(16, activation="relu"),
            layers.Dense(8, activation="relu", name="last_hidden"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28, 1), name="image"),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(CLASSES),
            layers.Softmax(),
        ]
    )


def mobilenet() -> keras.Model:
    return keras.applications.MobileNet(weights=None, input_shape=(32, 32, 3), alpha=0.25, classes=CLASSES)


def resnet() -> keras.Model:
    return keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=CLASSES)


def efficientnet() -> keras.Model:
    return keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=CLASSES)


def lstm() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32", name="words"),
            layers.Embedding(50, 8, mask_zero=True),
            layers.LSTM(6),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def transformer() -> keras.Model:
    words = keras.Input((10,), dtype="int32", name="words")
    x = layers.Embedding(50, 8)(words)
    x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4)(x, x))
    x = keras.ops.mean(x, axis=1)
    return keras.Model(words, layers.Dense(CLASSES, activation="softmax")(x))


def two_inputs() -> keras.Model:
    image, age = keras.Input((8, 8, 1), name="image"), keras.Input((3,), name="age")
    x = layers.Concatenate()([layers.Flatten()(image), layers.Dense(5)(age)])
    x = layers.Dense(9, activation="relu")(x)
    return keras.Model({"image": image, "age": age}, layers.Dense(CLASSES, activation="softmax", name="kind")(x))


def subclassed() -> keras.Model:
    model = custom_parts.Tower(width=7, classes=CLASSES)
    model(np.zeros((1, 12), "float32"))
    return model


def nested() -> keras.Model:
    backbone = keras.Sequential(
        [keras.Input((12,)), layers.Dense(9, activation="relu"), layers.Dense(6, activation="relu", name="deep")],
        name="backbone",
    )
    head = keras.Sequential([keras.Input((6,)), layers.Dropout(0.2), layers.Dense(CLASSES)], name="top")
    return keras.Sequential([keras.Input((12,), name="sensor"), backbone, layers.Dropout(0.1), head])


ZOO: dict[str, Callable[[], keras.Model]] = {
    "mlp": mlp,
    "cnn": cnn,
    "mobilenet": mobilenet,
    "resnet": resnet,
    "efficientnet": efficientnet,
    "lstm": lstm,
    "transformer": transformer,
    "two_inputs": two_inputs,
    "subclassed": subclassed,
    "nested": nested,
}


HEAVY = ("resnet", "efficientnet")
KINDS = [kind for kind in ZOO if kind not in HEAVY or keras.backend.backend() == "tensorflow"]
"""Those that tests go through: JAX compiles every operation of the heavy ones by itself, which takes minutes."""


def batch_for(model: keras.Model, seed: int = 0) -> Any:
    """Random data that a model with inputs takes, as a list, or alone."""
    random = np.random.default_rng(seed)
    made = []
    for port in model.inputs:
        shape = (3, *(size or 7 for size in port.shape[1:]))
        made.append(random.integers(0, 40, shape) if "int" in port.dtype else random.random(shape, "float32"))
    return made[0] if len(made) == 1 else made


def outputs_of(model: keras.Model, batch: Any) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(one)) for one in keras.tree.flatten(model(batch))]
