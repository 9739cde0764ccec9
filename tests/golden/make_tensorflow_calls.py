"""Write the golden files of models that call TensorFlow's functions on their tensors, into `tensorflow_calls/`.

Needs an environment of its own, apart from the package's: Python 3.11 with

    pip install tensorflow-cpu==2.21.0
    pip install --no-deps tf_keras==2.21.0

From this folder run

    python make_tensorflow_calls.py

Each model is kept as its architecture, with inputs and what tf_keras answers to them; `network`, which has weights, is
kept whole. A second run writes the same, but for the dates within the files.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras as keras
from golden_common import HERE, SEED, predict

OUT = HERE / "tensorflow_calls"
ROWS, WIDTH = 3, 4


def arithmetic(x: Any, y: Any) -> list[Any]:
    """Operators, with tensors and constants on either side."""
    five = tf.constant([0.5, 1.5, 2.5, 3.5])
    return [
        x + y, x + 1, 1.0 - x, x - y, x * 2, 0.5 * x, five * x, x * [1.0, 2.0, 3.0, 4.0], x / 3, 2.0 / (y + 5.0),
        -x, abs(x), x**2, 2.0**x, x // 0.5, x % 0.5, tf.math.divide_no_nan(x, y), tf.add_n([x, y, x]),
        tf.add(x, y), tf.divide(x, 3.0), tf.math.floordiv(x, y), tf.multiply(x, y), tf.subtract(x, 1.0),
        tf.maximum(x, 0.0), tf.minimum(x, y), x @ tf.constant(np.eye(WIDTH)[:, :2], tf.float32),
    ]  # fmt: skip


def comparing(x: Any, y: Any) -> list[Any]:
    """Comparisons, as numbers."""
    true = [
        x > 0, x >= y, x < y, x <= 0.5, tf.equal(x, x), tf.not_equal(x, y), tf.logical_not(x > 0),
        (x > 0) & (y > 0), (x > 0) | (y > 0), tf.reduce_any(x > 0, axis=1), tf.reduce_all(x > -1, axis=-1),
        tf.math.is_nan(x), tf.math.is_finite(x), tf.math.is_inf(x),
    ]  # fmt: skip
    return [*(tf.cast(one, "float32") for one in true), tf.where(x > 0, x, y), tf.where(x > 0, x, 0.0)]


def functions(x: Any, y: Any) -> list[Any]:
    """Functions of one tensor."""
    positive = tf.square(x) + 0.1
    return [
        tf.nn.relu(x), tf.nn.relu6(9 * x), tf.nn.leaky_relu(x), tf.nn.leaky_relu(x, alpha=0.3), tf.nn.elu(x),
        tf.nn.selu(x), tf.nn.gelu(x), tf.nn.gelu(x, approximate=True), tf.nn.silu(x), tf.nn.softmax(x),
        tf.nn.softmax(x, axis=1), tf.nn.log_softmax(x), tf.nn.sigmoid(x), tf.nn.tanh(x), tf.math.softplus(x),
        tf.nn.softsign(x), tf.exp(x), tf.math.expm1(x), tf.math.log(positive), tf.math.log1p(positive),
        tf.sqrt(positive), tf.math.rsqrt(positive), tf.math.reciprocal(positive), tf.sin(x), tf.cos(x), tf.tan(x),
        tf.math.erf(x), tf.floor(x), tf.math.ceil(x), tf.round(3 * x), tf.sign(x), tf.stop_gradient(x),
        tf.identity(x), tf.clip_by_value(x, -0.5, 0.5), tf.math.l2_normalize(x, axis=1), tf.norm(x, axis=-1),
        tf.norm(x, ord=1, axis=1, keepdims=True), tf.zeros_like(x), tf.ones_like(x), tf.cumsum(x, axis=1),
        tf.math.log_sigmoid(x), tf.math.sinh(x), tf.math.cosh(x), tf.math.atan(x),
        tf.math.acos(x / 9.0), tf.math.asin(x / 9.0),
        tf.math.l2_normalize(x * 1e-8, axis=-1),
    ]  # fmt: skip


def over_axes(x: Any, y: Any) -> list[Any]:
    """Functions that take in one axis or several."""
    cube = tf.reshape(x, (-1, 2, 2))
    return [
        tf.reduce_mean(x, axis=1), tf.reduce_mean(x, 1, keepdims=True), tf.reduce_mean(cube, [1, 2]),
        tf.reduce_mean(input_tensor=x, axis=-1), tf.reduce_sum(x, -1), tf.reduce_max(cube, axis=(1, 2)),
        tf.reduce_min(x, 1), tf.reduce_prod(x, 1), tf.math.reduce_std(x, 1), tf.math.reduce_variance(x, axis=1),
        tf.reduce_logsumexp(x, axis=1), tf.cast(tf.argmax(x, axis=1), "int32"),
        tf.cast(tf.argmin(x, axis=-1), "int32"), tf.math.top_k(x, k=2)[0], tf.math.top_k(x, k=2)[1],
        keras.backend.mean(x, axis=1), keras.backend.sum(x, axis=-1, keepdims=True),
    ]  # fmt: skip


def shapes(x: Any, y: Any) -> list[Any]:
    """Functions that move, take apart and put together."""
    cube = tf.reshape(x, [-1, 2, 2])
    picture = tf.reshape(x, (-1, 2, 2, 1))
    first, second = tf.split(x, 2, axis=1)
    left, right = tf.split(x, [1, 3], axis=-1)
    return [
        x[:, 0], x[:, 1:3], x[:, ::2], x[:, ::-1], x[..., -1], x[:, tf.newaxis], x[:, None, 1:], cube[:, 1, :],
        tf.concat([x, y], axis=-1), tf.concat(values=[x, y, x], axis=1), tf.stack([x, y], axis=1),
        tf.expand_dims(x, 1), tf.expand_dims(x, axis=-1), tf.squeeze(tf.expand_dims(x, 1), axis=1),
        tf.squeeze(tf.expand_dims(x, 2), [2]), tf.transpose(cube, [0, 2, 1]), tf.tile(x, [1, 2]),
        tf.repeat(x, 2, axis=1), tf.reverse(x, [1]), tf.pad(x, [[0, 0], [1, 2]]),
        tf.pad(x, [[0, 0], [1, 1]], "REFLECT"), tf.pad(x, [[0, 0], [1, 0]], constant_values=2.0),
        tf.gather(x, [2, 0], axis=1), first, second, left, right, *tf.unstack(x, axis=1)[1:3],
        tf.matmul(cube, cube), tf.matmul(cube, cube, transpose_b=True), tf.matmul(cube, cube, transpose_a=True),
        tf.one_hot(tf.cast(tf.abs(x) * 3, "int32"), 4), tf.image.resize(picture, (4, 4)),
        tf.image.resize(picture, [4, 6], method="nearest"), keras.backend.expand_dims(x, 1),
        tf.broadcast_to(tf.reduce_mean(x, axis=0), [3, 4]), tf.tensordot(x, tf.ones((4, 2)), axes=1),
    ]  # fmt: skip


def refused(x: Any, y: Any) -> list[Any]:
    """A function for which Keras has none of equal meaning: the shape of a batch is not known in its graph."""
    return [tf.reshape(x, (tf.shape(x)[0], 2, 2))]


MODELS: dict[str, Callable[[Any, Any], list[Any]]] = {
    one.__name__: one for one in (arithmetic, comparing, functions, over_axes, shapes, refused)
}


def network() -> Any:
    """Layers with weights around calls, in a model inside another, trained by nothing."""
    keras.utils.set_random_seed(SEED)
    inner_input = keras.Input((6,), name="scaled")
    inner = keras.Model(inner_input, keras.layers.Dense(3, name="inside")(tf.nn.relu(inner_input) * 2.0), name="inner")
    x = keras.Input((WIDTH,), name="x")
    hidden = keras.layers.Dense(6, name="hidden")(x / 255.0 - 0.5)
    both = inner(hidden) + inner(tf.nn.tanh(hidden))
    normal = keras.layers.BatchNormalization(name="normal")(both)
    return keras.Model(
        x, keras.layers.Dense(2, name="out")(tf.concat([normal, hidden[:, :2]], axis=-1)), name="network"
    )


def main() -> None:
    """Make the files again, all of them."""
    print(f"tf_keras {keras.__version__}, tensorflow {tf.__version__}")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    drawn = np.random.RandomState(SEED)
    inputs = [drawn.normal(size=(ROWS, WIDTH)).astype("float32") for _ in range(2)]
    for name, call in MODELS.items():
        keras.backend.clear_session()
        x, y = keras.Input((WIDTH,), name="x"), keras.Input((WIDTH,), name="y")
        model = keras.Model([x, y], call(x, y), name=name)
        (OUT / f"{name}.json").write_text(model.to_json() + "\n", encoding="utf-8")
        save(name, inputs, predict(model, inputs))
    keras.backend.clear_session()
    model = network()
    inputs = [drawn.uniform(0, 255, size=(ROWS, WIDTH)).astype("float32")]
    for ending in ("h5", "keras"):
        model.save(str(OUT / f"network.{ending}"))
    save("network", inputs, predict(model, inputs))


def save(name: str, inputs: list[np.ndarray], outputs: list[np.ndarray]) -> None:
    """Keep what a model is given, and what it answers."""
    named = {f"{letter}{i}": one for letter, some in (("x", inputs), ("y", outputs)) for i, one in enumerate(some)}
    np.savez_compressed(str(OUT / f"{name}.expected.npz"), **named)


if __name__ == "__main__":
    main()
