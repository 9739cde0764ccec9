"""Small models of many kinds, each made with weights that are not those of a fresh model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers

FACES = (12, 12, 3)
WORDS = 20


def mlp(classes: int = 3) -> keras.Model:
    body = [layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dense(6, activation="tanh")]
    return keras.Sequential([keras.Input((5,)), *body, layers.Dropout(0.2), layers.Dense(classes)])


def cnn(classes: int = 3) -> keras.Model:
    first = [layers.Rescaling(1 / 255), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU()]
    then = [layers.Conv2D(6, 3, activation="relu"), layers.Flatten(), layers.Dense(5, activation="relu")]
    return keras.Sequential([keras.Input(FACES), *first, *then, layers.Dense(classes, activation="softmax")])


def mobile(classes: int = 3) -> keras.Model:
    """A stem and three separable blocks, as a MobileNet has them."""
    x = picture = keras.Input(FACES)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", name="stem")(x)))
    for number, filters in enumerate((6, 8, 8), 1):
        x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name=f"depthwise_{number}")(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.Conv2D(filters, 1, use_bias=False, name=f"pointwise_{number}")(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, layers.Dense(classes, activation="softmax")(x))


def residual(classes: int = 3) -> keras.Model:
    x = picture = keras.Input(FACES)
    x = layers.Conv2D(4, 3, padding="same")(x)
    for _ in range(2):
        y = layers.Conv2D(4, 3, padding="same")(layers.ReLU()(layers.BatchNormalization()(x)))
        x = layers.Add()([x, layers.Conv2D(4, 1)(y)])
    x = layers.GlobalMaxPooling2D()(layers.ReLU()(x))
    return keras.Model(picture, layers.Dense(classes)(x))


def lstm(classes: int = 3) -> keras.Model:
    body = [layers.Embedding(WORDS, 4), layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.LSTM(3)]
    return keras.Sequential([keras.Input((3,), dtype="int32"), *body, layers.Dense(classes, activation="softmax")])


def transformer(classes: int = 3) -> keras.Model:
    """Two blocks with attention; its sums are calls of `keras.ops`."""
    words = keras.Input((3,), dtype="int32")
    x = layers.Embedding(WORDS, 8)(words)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        x = x + layers.MultiHeadAttention(2, 4)(y, y)
        y = layers.Dense(8)(layers.Dense(12, activation="gelu")(layers.LayerNormalization()(x)))
        x = keras.ops.add(x, y)
    return keras.Model(words, layers.Dense(classes)(layers.GlobalAveragePooling1D()(x)))


def nested(classes: int = 3) -> keras.Model:
    """A backbone inside, with what prepares the pictures before it."""
    whole = mobile()
    backbone = keras.Model(whole.inputs, whole.layers[-2].output, name="backbone")
    picture = keras.Input(FACES)
    return keras.Model(picture, layers.Dense(classes)(backbone(layers.Rescaling(1 / 127.5, -1)(picture))))


def two_outputs(classes: int = 3) -> keras.Model:
    """Two outputs, and one layer that is called twice."""
    x = picture = keras.Input(FACES)
    twice = layers.Conv2D(3, 3, padding="same", activation="relu")
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(twice(twice(x))))
    return keras.Model(picture, [layers.Dense(classes, name="kind")(x), layers.Dense(1, name="size")(x)])


KINDS: dict[str, Callable[[int], keras.Model]] = {
    one.__name__: one for one in (mlp, cnn, mobile, residual, lstm, transformer, nested, two_outputs)
}


def made(kind: str, classes: int = 3, seed: int = 0) -> keras.Model:
    """A model with weights drawn by a seed, those of statistics too."""
    model, random = KINDS[kind](classes), np.random.default_rng(seed)
    for variable in model.weights:
        values = random.normal(
            1.0 if "variance" in variable.path or "gamma" in variable.path else 0.0, 0.2, variable.shape
        )
        variable.assign(np.abs(values) if "variance" in variable.path else values)
    return model


def examples(model: keras.Model, count: int = 4, seed: int = 1) -> Any:
    """What the model can be called on."""
    random, shape = np.random.default_rng(seed), model.inputs[0].shape[1:]
    if "int" in model.inputs[0].dtype:
        return random.integers(0, WORDS, (count, *shape)).astype("int32")
    return (
        random.uniform(0, 255, (count, *shape)).astype("float32")
        if len(shape) == 3
        else random.normal(size=(count, *shape)).astype("float32")
    )


def answers(model: keras.Model, x: Any) -> list[np.ndarray]:
    """What it gives for inference, output by output."""
    return [keras.ops.convert_to_numpy(one) for one in keras.tree.flatten(model(x, training=False))]
