"""The models of `make_keras2.py` and `make_keras3_early.py`, for any `keras` with Keras 2's names.

Every function takes the `keras` module and gives an unbuilt-on-data, uncompiled model.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from golden_common import CLASSES, STEPS, VOCABULARY


def build_mlp(keras: Any) -> Any:
    """A `Sequential` with BatchNormalization and Dropout, and a softmax at its end."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(8, activation="relu"),
            layers.BatchNormalization(momentum=0.8),
            layers.Dropout(0.25),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def build_cnn(keras: Any) -> Any:
    """Plain, depthwise and separable convolutions; the momentum makes the moving averages move."""
    layers = keras.layers
    image = layers.Input((8, 8, 2))
    x = layers.Conv2D(3, 3, padding="same", activation="relu")(image)
    x = layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2)(x)
    x = layers.BatchNormalization(momentum=0.5)(x)
    x = layers.SeparableConv2D(4, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(CLASSES, activation="softmax")(x))


def build_lstm(keras: Any) -> Any:
    """Embedding, a bidirectional LSTM, a GRU."""
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((STEPS,), dtype="int32"),
            layers.Embedding(VOCABULARY, 4),
            layers.Bidirectional(layers.LSTM(3, return_sequences=True)),
            layers.GRU(4),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def build_two_io(keras: Any) -> Any:
    """Two inputs and two outputs, joined by Add and by Concatenate."""
    layers = keras.layers
    left = layers.Input((4,), name="left")
    right = layers.Input((6,), name="right")
    left_code = layers.Dense(5, activation="tanh", name="left_code")(left)
    right_code = layers.Dense(5, activation="tanh", name="right_code")(right)
    total = layers.Add(name="total")([left_code, right_code])
    joined = layers.Concatenate(name="joined")([total, right])
    first = layers.Dense(CLASSES, activation="softmax", name="first")(joined)
    second = layers.Dense(2, activation="softmax", name="second")(total)
    return keras.Model([left, right], [first, second], name="two_io")


def build_nested(keras: Any) -> Any:
    """A functional model that holds a `Sequential` and a functional one with a frozen layer.

    The BatchNormalization and the frozen layer make the order of the weights depend on how a
    format counts those of a model within a model.
    """
    layers = keras.layers
    encoder = keras.Sequential(
        [
            layers.Input((6,)),
            layers.Dense(5, activation="relu", name="encoder_dense"),
            layers.BatchNormalization(name="encoder_norm"),
            layers.Dense(4, name="encoder_out"),
        ],
        name="encoder",
    )
    code = layers.Input((4,), name="code")
    frozen = layers.Dense(4, activation="tanh", name="head_frozen")
    head = keras.Model(code, layers.Dense(4, name="head_out")(frozen(code)), name="head")
    frozen.trainable = False  # once built: Keras 3.0 would not tell the weights otherwise
    features = layers.Input((6,), name="features")
    output = layers.Dense(CLASSES, activation="softmax", name="result")(head(encoder(features)))
    return keras.Model(features, output, name="nested")


def build_attention(keras: Any) -> Any:
    """One block of self-attention with a residual and LayerNormalization."""
    layers = keras.layers
    sequence = layers.Input((STEPS, 6))
    attended = layers.MultiHeadAttention(num_heads=2, key_dim=3)(sequence, sequence)
    x = layers.LayerNormalization()(layers.Add()([sequence, attended]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(sequence, layers.Dense(CLASSES, activation="softmax")(x))


def build_subclassed(keras: Any) -> Any:
    """A subclass of `keras.Model` that holds a layer, a list of layers and a model."""

    class Subclassed(keras.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.stem = keras.layers.Dense(5, activation="relu")
            self.blocks = [keras.layers.Dense(5, activation="tanh") for _ in range(2)]
            self.norm = keras.layers.BatchNormalization()
            self.head = keras.Sequential([keras.layers.Input((5,)), keras.layers.Dense(CLASSES, activation="softmax")])

        def call(self, inputs: Any, training: bool = False) -> Any:
            x = self.stem(inputs)
            for block in self.blocks:
                x = x + block(x)
            return self.head(self.norm(x, training=training))

    return Subclassed()


BUILDERS: dict[str, Callable[[Any], Any]] = {
    "mlp": build_mlp,
    "cnn": build_cnn,
    "lstm": build_lstm,
    "two_io": build_two_io,
    "nested": build_nested,
    "attention": build_attention,
    "subclassed": build_subclassed,
}

# Models trained for a few steps; the weights of the others are only nudged, and those are saved
# without having been compiled.
TRAINED = ("mlp", "cnn", "two_io")


def compile_model(keras: Any, name: str, model: Any) -> None:
    """Compile a model of `TRAINED` with its optimizer."""
    losses = ["categorical_crossentropy"] * len(model.outputs)
    if name == "mlp":
        model.compile(keras.optimizers.Adam(learning_rate=0.002), losses[0], metrics=["accuracy"])
    else:
        model.compile(keras.optimizers.SGD(learning_rate=0.05), losses if len(losses) > 1 else losses[0])
