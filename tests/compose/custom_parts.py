"""Layers and models of somebody's own, in a module that another process can import."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras

TABLE = MappingProxyType({0: 2.0})


class Tower(keras.Model):
    """A model whose layers are in its code."""

    def __init__(self, width: int = 7, classes: int = 4, **settings: Any) -> None:
        super().__init__(**settings)
        self.width, self.classes = width, classes
        self.hidden = keras.layers.Dense(width, activation="relu")
        self.out = keras.layers.Dense(classes, activation="softmax")

    def call(self, inputs: Any) -> Any:
        return self.out(self.hidden(inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "width": self.width, "classes": self.classes}


class TwoKeys(keras.Model):
    """A model whose layers are in its code, and which takes a dict of two inputs."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.out = keras.layers.Dense(3, activation="softmax")

    def call(self, inputs: Any) -> Any:
        return self.out(keras.ops.concatenate([inputs["wide"], inputs["narrow"]], axis=-1))


class Scale(keras.layers.Layer):
    """A layer that can be saved."""

    def __init__(self, factor: float = 2.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.factor = factor

    def call(self, inputs: Any) -> Any:
        return inputs * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


class Forgetful(keras.layers.Layer):
    """A layer that cannot say what it was made from: Keras writes down plain values by itself, a table not."""

    def __init__(self, table: Mapping[int, float], **settings: Any) -> None:
        super().__init__(**settings)
        self.table = table

    def call(self, inputs: Any) -> Any:
        return inputs * self.table[0]


class Silent(Scale):
    """A layer whose configuration leaves out what matters."""

    def get_config(self) -> dict[str, Any]:
        return keras.layers.Layer.get_config(self)
