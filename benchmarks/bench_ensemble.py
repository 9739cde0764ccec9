"""Members of one architecture side by side in one graph, against one batched graph that computes all at once.

    KERAS_BACKEND=jax python benchmarks/bench_ensemble.py

The batched form stacks the members' channels: a convolution becomes a grouped one, a dense layer a product over
stacked kernels, and what works channel by channel stays as it is. Both forms give the mean of the members' answers and
are compiled; they are called in turn, and the ratio is the median over the pairs. Above 1 the batched form is faster.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

COUNTS, BATCHES, ROUNDS = (2, 4, 8), (1, 32), 40
PER_CHANNEL = (
    *("Activation", "AveragePooling2D", "BatchNormalization", "DepthwiseConv2D", "GlobalAveragePooling2D"),
    *("MaxPooling2D", "ReLU", "ZeroPadding2D"),
)


def mlp() -> Any:
    """64 features, two hidden layers."""
    from keras import Input, Sequential, layers

    hidden = [layers.Dense(128, activation="relu"), layers.Dense(64, activation="relu")]
    return Sequential([Input((64,)), *hidden, layers.Dense(10, activation="softmax")])


def cnn() -> Any:
    """Grey pictures of 28 x 28, two convolutions."""
    from keras import Input, Sequential, layers

    stack = [layers.Conv2D(16, 3, activation="relu"), layers.MaxPooling2D(), layers.Conv2D(32, 3, activation="relu")]
    stack += [layers.MaxPooling2D(), layers.Flatten(), layers.Dense(64, activation="relu")]
    return Sequential([Input((28, 28, 1)), *stack, layers.Dense(10, activation="softmax")])


def mobilenet() -> Any:
    """MobileNet of width 0.25 at 96 x 96."""
    import keras

    return keras.applications.MobileNet(weights=None, input_shape=(96, 96, 3), alpha=0.25, classes=10)


def side_by_side(models: list[Any]) -> Any:
    """The members as layers of one graph, and the mean of what they give."""
    import keras

    start = keras.Input(models[0].input_shape[1:])
    members = [keras.Model(one.inputs[0], one.outputs[0], name=f"member_{number}") for number, one in enumerate(models)]
    return keras.Model(start, keras.layers.Average()([member(start) for member in members]))


def batched(models: list[Any]) -> Any:
    """The same with the members' channels stacked, member by member."""
    import keras
    from keras import layers, ops

    count = len(models)
    start = keras.Input(models[0].input_shape[1:])
    x, stacked, filled = start, False, []
    for column in zip(*(model.layers for model in models), strict=True):
        first, kind = column[0], type(column[0]).__name__
        config = {**first.get_config(), "name": f"all_{first.name}"}
        if kind in ("InputLayer", "Dropout"):
            continue
        if kind == "Conv2D":
            if not stacked:  # the same picture for all: no groups are needed
                layer = layers.Conv2D.from_config({**config, "filters": first.filters * count})
            else:
                layer = layers.Conv2D.from_config({**config, "filters": first.filters * count, "groups": count})
            axis, stacked = -1, True
        elif kind == "Dense":
            if not stacked:
                layer = layers.EinsumDense("bi,nio->bno", (count, first.units), bias_axes="no", activation=None)
            else:
                x = layers.Reshape((count, -1))(x) if len(x.shape) == 2 else x
                layer = layers.EinsumDense("bni,nio->bno", (count, first.units), bias_axes="no", activation=None)
            axis, stacked = 0, True
        elif kind == "Flatten":
            x = layers.Reshape((*x.shape[1:-1], count, x.shape[-1] // count))(x)
            x = layers.Reshape((count, -1))(ops.moveaxis(x, -2, 1))
            continue
        elif kind == "Reshape":
            x = layers.Reshape((count, -1))(x)
            continue
        elif kind in PER_CHANNEL:
            layer, axis = type(first).from_config(config), -2 if kind == "DepthwiseConv2D" else -1
        else:
            raise SystemExit(f"no batched form of {kind}")
        x = layer(x)
        if kind == "Dense" and first.activation.__name__ != "linear":
            x = layers.Activation(first.activation)(x)
        if layer.weights:
            filled.append((layer, column, axis))
    model = keras.Model(start, ops.mean(x, axis=1))
    for layer, column, axis in filled:
        values = []
        for number in range(len(layer.weights)):
            parts = [np.asarray(one.get_weights()[number]) for one in column]
            if axis == 0:
                values.append(np.stack(parts))
            else:
                values.append(np.concatenate(parts, axis if parts[0].ndim > 1 else -1))
        layer.set_weights(values)
    return model


def compiled(model: Any) -> Callable[[Any], Any]:
    """The model as one compiled function of a batch."""
    import keras

    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        call = tf.function(lambda x: model(x, training=False))
        return lambda x: call(x).numpy()
    import jax

    trained = [variable.value for variable in model.trainable_variables]
    kept = [variable.value for variable in model.non_trainable_variables]
    call = jax.jit(lambda x: model.stateless_call(trained, kept, x, training=False)[0])
    return lambda x: np.asarray(call(x))


def seconds(call: Callable[[Any], Any], x: Any) -> float:
    """Wall seconds of one call, the mean of a few where it is short."""
    times = 1
    start = time.perf_counter()
    call(x)
    while time.perf_counter() - start < 0.004:
        call(x)
        times += 1
    return (time.perf_counter() - start) / times


def measure(name: str, make: Callable[[], Any], count: int) -> None:
    """Print the ratio for each batch size."""
    import keras

    keras.utils.set_random_seed(0)
    models = [make() for _ in range(count)]
    separate, together = compiled(side_by_side(models)), compiled(batched(models))
    for batch in BATCHES:
        x = keras.ops.convert_to_tensor(np.random.default_rng(0).random((batch, *models[0].input_shape[1:]), "float32"))
        apart = float(np.abs(separate(x) - together(x)).max())
        pairs = [(seconds(separate, x), seconds(together, x)) for _ in range(ROUNDS)]
        ratio = statistics.median(one / other for one, other in pairs)
        side, all_at_once = (1e3 * statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"  {name:<10} {count} members, batch {batch:<3} side by side {side:8.3f} ms, "
            f"batched {all_at_once:8.3f} ms, ratio {ratio:5.2f}   (apart {apart:.1e})",
            flush=True,
        )


def main() -> int:
    """Measure on one backend; without KERAS_BACKEND, on both in processes of their own."""
    if "KERAS_BACKEND" not in os.environ:
        quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
        for backend in ("tensorflow", "jax"):
            environment = {**os.environ, **quiet, "KERAS_BACKEND": backend}
            subprocess.run([sys.executable, __file__], env=environment, check=True)
        return 0
    print(f"\n{os.environ['KERAS_BACKEND']}, batched against side by side:")
    for name, make in (("mlp", mlp), ("cnn", cnn), ("mobilenet", mobilenet)):
        for count in COUNTS:
            measure(name, make, count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
