"""Live Keras models of many kinds, small, each with different values in every variable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import layers

Array = np.ndarray[Any, Any]


@contextmanager
def numpy_initializers() -> Iterator[None]:
    """Initial values from NumPy, none of them like another: JAX compiles every initializer for every shape."""
    rng = np.random.default_rng(7)

    def values(self: Any, shape: Any, dtype: Any = None) -> Any:
        drawn = rng.uniform(0.5, 1.5, shape).astype("float32")
        return keras.ops.convert_to_tensor(drawn if dtype in (None, "float32") else drawn.astype(_name(dtype)))

    kinds: list[Any] = [keras.initializers.VarianceScaling, keras.initializers.RandomUniform]
    kinds += [keras.initializers.RandomNormal, keras.initializers.TruncatedNormal]
    kinds += [keras.initializers.Zeros, keras.initializers.Ones, keras.initializers.Orthogonal]
    before = [kind.__call__ for kind in kinds]
    for kind in kinds:
        kind.__call__ = values
    try:
        yield
    finally:
        for kind, original in zip(kinds, before, strict=True):
            kind.__call__ = original


def _name(dtype: Any) -> Any:
    return keras.backend.standardize_dtype(dtype)


def values_of(variable: Any) -> Array:
    """A variable's values as an array of the dtype that it has."""
    return np.asarray(keras.ops.convert_to_numpy(variable))


def different_values(model: keras.Model) -> keras.Model:
    """Give every floating-point weight values that no other has."""
    rng = np.random.default_rng(8)
    for variable in model.weights:
        if "float" in _name(variable.dtype) and "float8" not in _name(variable.dtype):
            drawn = rng.uniform(0.5, 1.5, variable.shape)
            variable.assign(keras.ops.cast(drawn.astype("float32"), variable.dtype))
    return model


@keras.saving.register_keras_serializable("live_models")
class Scaled(layers.Layer):
    """A layer of one's own: variables of its own, a part, and a list of parts."""

    def __init__(self, units: int = 3, **options: Any) -> None:
        super().__init__(**options)
        self.units = units
        self.gate = layers.Dense(units, name="gate_of_scaled")
        self.stack = [layers.Dense(units, name=f"stacked_{number}") for number in range(2)]

    def build(self, shape: Any) -> None:
        """Two variables, one of them frozen, and the parts'."""
        self.factor = self.add_weight(shape=(self.units,), name="factor")
        self.steps = self.add_weight(shape=(), name="steps", trainable=False, dtype="int32", initializer="zeros")
        self.gate.build(shape)
        for part in self.stack:
            part.build((*shape[:-1], self.units))

    def call(self, x: Any) -> Any:
        """Gate, then the stack, then the factor."""
        x = self.gate(x)
        for part in self.stack:
            x = part(x)
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        """With the number of units."""
        return {**super().get_config(), "units": self.units}


@keras.saving.register_keras_serializable("live_models")
class Subclassed(keras.Model):
    """A model without a graph in its config."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.stem = layers.Dense(4, activation="relu", name="the_stem")
        self.blocks = [layers.Dense(4, name=f"block_{number}") for number in range(12)]
        self.norm = layers.BatchNormalization(name="the_norm")
        self.head = keras.Sequential([layers.Input((4,)), layers.Dense(2, name="inner")], name="the_head")

    def call(self, x: Any, training: bool = False) -> Any:
        """Through all of its parts."""
        x = self.stem(x)
        for block in self.blocks:
            x = x + block(x)
        return self.head(self.norm(x, training=training))


def mobilenet() -> keras.Model:
    return keras.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None, classes=5)


def resnet50() -> keras.Model:
    return keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=5)


def efficientnet() -> keras.Model:
    return keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=5)


def densenet() -> keras.Model:
    return keras.applications.DenseNet121(weights=None, input_shape=(32, 32, 3), classes=5)


def recurrent() -> keras.Model:
    given = layers.Input((5, 3), name="given")
    x = layers.LSTM(3, return_sequences=True, name="plain")(given)
    x = layers.Bidirectional(layers.GRU(2, return_sequences=True, name="gru"), name="both_ways")(x)
    x = layers.RNN([layers.LSTMCell(3), layers.GRUCell(3), layers.GRUCell(2)], return_sequences=True, name="cells")(x)
    x = layers.TimeDistributed(layers.Dense(3, name="each"), name="steps")(x)
    x = layers.SimpleRNN(3, use_bias=False, name="simple")(x)
    return keras.Model(given, x, name="recurrent")


def attention() -> keras.Model:
    words = layers.Input((5,), dtype="int32", name="words")
    x = layers.Embedding(11, 6, name="table")(words)
    attended = layers.MultiHeadAttention(2, 3, name="mha")(x, x)
    x = layers.LayerNormalization(name="norm")(layers.Add(name="residual")([x, attended]))
    x = layers.GroupQueryAttention(3, 4, 2, name="gqa")(x, x)
    x = layers.AdditiveAttention(name="additive")([x, x])
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(words, layers.Dense(3, name="result")(x), name="attention")


def own_layers() -> keras.Model:
    given = layers.Input((4,), name="given")
    x = Scaled(3, name="first_scaled")(given)
    x = Scaled(3, name="second_scaled")(x)
    return keras.Model(given, layers.Dense(2, name="result")(x), name="own_layers")


def subclassed() -> keras.Model:
    model = Subclassed(name="subclassed")
    model(np.zeros((1, 3), "float32"))
    return model


def nested() -> keras.Model:
    inner = keras.Sequential(
        [layers.Input((4,)), layers.Dense(3, name="deep"), layers.BatchNormalization(name="deep_norm")], name="inner"
    )
    code = layers.Input((4,), name="code")
    frozen = layers.Dense(3, name="frozen")
    backbone = keras.Model(code, layers.Add(name="sum")([inner(code), frozen(code)]), name="backbone")
    frozen.trainable = False
    given = layers.Input((4,), name="given")
    x = layers.Dense(4, name="before")(given)
    return keras.Model(given, layers.Dense(2, name="after")(backbone(x)), name="nested")


def two_io() -> keras.Model:
    left, right = layers.Input((4,), name="left"), layers.Input((6,), name="right")
    joined = layers.Concatenate(name="join")([layers.Dense(3, name="b")(left), layers.Dense(3, name="a")(right)])
    return keras.Model([left, right], [layers.Dense(2, name="z")(joined), layers.Dense(3, name="y")(joined)])


def shared() -> keras.Model:
    tower = keras.Sequential([layers.Input((4,)), layers.Dense(3, name="in_tower")], name="tower")
    twice = layers.Dense(4, name="twice")
    left, right = layers.Input((4,), name="left"), layers.Input((4,), name="right")
    both = layers.Concatenate(name="join")([tower(twice(left)), tower(twice(right))])
    return keras.Model([left, right], layers.Dense(2, name="result")(both), name="shared")


def convolutions() -> keras.Model:
    image = layers.Input((8, 8, 2), name="image")
    x = layers.Conv2D(4, 3, padding="same", name="conv")(image)
    x = layers.PReLU(name="slope")(x)
    x = layers.DepthwiseConv2D(3, name="deep")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.BatchNormalization(scale=False, center=False, name="bare")(x)
    x = layers.SeparableConv2D(4, 3, name="separable")(x)
    x = layers.GroupNormalization(2, name="groups")(x)
    x = layers.Conv2DTranspose(2, 2, use_bias=False, name="up")(x)
    x = layers.Dropout(0.5, name="drop")(layers.RandomFlip(name="flip")(x))
    return keras.Model(image, layers.Flatten(name="flat")(x), name="convolutions")


def normalization() -> keras.Model:
    scale = layers.Normalization(name="scale")
    scale.adapt(np.arange(12, dtype="float32").reshape(4, 3))
    given = layers.Input((3,), name="given")
    return keras.Model(given, layers.Dense(2, name="result")(scale(given)), name="normalization")


def of_dtype(dtype: str) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        given = layers.Input((4,), name="given")
        x = layers.Dense(3, dtype=dtype, name="dense")(given)
        x = layers.BatchNormalization(dtype=dtype, name="norm")(x)
        return different_values(keras.Model(given, x, name=f"of_{dtype}"))

    return build


def quantized(mode: str) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        given = layers.Input((5,) if mode != "float8" else (5, 6), name="given")
        x = layers.Embedding(11, 6, name="table")(given) if mode != "float8" else given
        x = layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d", name="einsum")(x)
        x = layers.Dense(4, name="dense")(x)
        model = different_values(keras.Model(given, layers.Dense(2, name="result")(x), name=f"of_{mode}"))
        model.quantize(mode)
        return model

    return build


GRAPHS: dict[str, Callable[[], keras.Model]] = {
    "mobilenet": mobilenet,
    "resnet50": resnet50,
    "efficientnet": efficientnet,
    "densenet": densenet,
    "recurrent": recurrent,
    "attention": attention,
    "own_layers": own_layers,
    "nested": nested,
    "two_io": two_io,
    "shared": shared,
    "convolutions": convolutions,
    "normalization": normalization,
    **{dtype: of_dtype(dtype) for dtype in ("float16", "bfloat16", "float64", "mixed_float16", "mixed_bfloat16")},
    **{mode: quantized(mode) for mode in ("int8", "int4", "float8")},
}
"""Models whose architecture stands in their config."""
