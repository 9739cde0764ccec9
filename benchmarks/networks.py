"""Three small networks of different architecture for colour pictures, and how they are trained from nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras import layers

Array = np.ndarray[Any, np.dtype[Any]]
BATCH = 64


def plain(size: int, classes: int) -> keras.Model:
    """A plain stack of pairs of convolutions with a hidden dense layer."""
    stack: list[Any] = [keras.Input((size, size, 3), name="picture"), layers.Rescaling(1 / 255)]
    for filters in (24, 48, 96):
        for _ in range(2):
            convolution = layers.Conv2D(filters, 3, padding="same", use_bias=False)
            stack += [convolution, layers.BatchNormalization(), layers.ReLU()]
        stack.append(layers.MaxPooling2D())
    stack += [layers.Flatten(), layers.Dense(96, activation="relu"), layers.Dropout(0.3)]
    return keras.Sequential([*stack, layers.Dense(classes, activation="softmax")], name="plain")


def residual(size: int, classes: int) -> keras.Model:
    """Five residual blocks of widths 24 to 64 behind a first stride of 2."""

    def normalized(x: Any, filters: int, strides: int = 1, kernel: int = 3) -> Any:
        x = layers.Conv2D(filters, kernel, strides=strides, padding="same", use_bias=False)(x)
        return layers.BatchNormalization()(x)

    x = picture = keras.Input((size, size, 3), name="picture")
    x = layers.ReLU()(normalized(layers.Rescaling(1 / 127.5, -1)(x), 24, strides=2))
    for filters, strides in ((24, 1), (48, 2), (48, 1), (64, 2), (64, 1)):
        y = normalized(layers.ReLU()(normalized(x, filters, strides)), filters)
        if strides != 1:
            x = normalized(x, filters, strides, kernel=1)
        x = layers.ReLU()(layers.Add()([x, y]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(picture, layers.Dense(classes, activation="softmax")(x), name="residual")


def dense(size: int, classes: int) -> keras.Model:
    """Three blocks in which each convolution sees what all before it gave, after a first stride of 2."""
    picture = keras.Input((size, size, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, -1)(picture)
    x = layers.Conv2D(32, 5, strides=2, padding="same", use_bias=False)(x)
    for block in range(3):
        for _ in range(3):
            y = layers.ReLU()(layers.BatchNormalization()(x))
            x = layers.Concatenate()([x, layers.Conv2D(20, 3, padding="same", use_bias=False)(y)])
        if block < 2:
            y = layers.ReLU()(layers.BatchNormalization()(x))
            x = layers.AveragePooling2D(2)(layers.Conv2D(x.shape[-1] // 2, 1, use_bias=False)(y))
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    return keras.Model(picture, layers.Dense(classes, activation="softmax")(x), name="dense")


NETWORKS: dict[str, Callable[[int, int], keras.Model]] = {"plain": plain, "residual": residual, "dense": dense}


def train(model: keras.Model, x: Array, y: Array, epochs: int, seed: int, *, peak: float = 2e-3) -> None:
    """Adam with a cosine schedule on mirrored and shifted pictures, in batches of 64."""
    steps = len(x) // BATCH
    schedule = keras.optimizers.schedules.CosineDecay(
        peak / 10, epochs * steps, warmup_target=peak, warmup_steps=min(steps, 200)
    )
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(seed)
    for epoch in range(epochs):
        found = {}
        for pictures, labels in _batches(x, y, random):
            found = model.train_on_batch(pictures, labels, return_dict=True)
            if not math.isfinite(float(found["loss"])):
                raise RuntimeError(f"the loss of {model.name} is {found['loss']}")
        print(f"  {model.name} epoch {epoch + 1}/{epochs}: {found}", flush=True)


def _batches(x: Array, y: Array, random: np.random.Generator) -> Iterator[tuple[Array, Array]]:
    order = random.permutation(len(x))
    margin = max(2, x.shape[1] // 12)
    for at in range(0, len(x) - BATCH + 1, BATCH):
        rows = order[at : at + BATCH]
        padded = np.pad(x[rows], ((0, 0), (margin, margin), (margin, margin), (0, 0)), mode="reflect")
        down, right = random.integers(0, 2 * margin + 1, 2)
        pictures = padded[:, down : down + x.shape[1], right : right + x.shape[2]]
        mirrored = random.random(BATCH) < 0.5
        yield np.where(mirrored[:, None, None, None], pictures[:, :, ::-1], pictures).astype("float32"), y[rows]
