"""How long models take, measured side by side: one after the other in turn, so that a busy machine is fair to all."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

REPEATS = 15
WARM_UP = 2


@dataclass(frozen=True, slots=True)
class Ratio:
    """How many times as fast one way is as another.

    Attributes:
        value: the median of the ratios of pairs that were timed one after the other.
        low: the lower quartile.
        high: the upper quartile.
    """

    value: float
    low: float
    high: float


def compiled(model: keras.Model) -> Callable[[Any], Any]:
    """A model for inference as one compiled function of the backend, which ends when the answers are there."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        traced = tf.function(lambda x: model(x, training=False))
        return lambda x: keras.tree.map_structure(np.asarray, traced(x))
    if backend == "jax":
        import jax

        # Copies, since Keras gives the arrays themselves up in a step or a prediction.
        state = jax.tree.map(
            jax.numpy.copy,
            ([one.value for one in model.trainable_variables], [one.value for one in model.non_trainable_variables]),
        )
        jitted = jax.jit(lambda trainable, fixed, x: model.stateless_call(trainable, fixed, x, training=False)[0])
        return lambda x: jax.block_until_ready(jitted(*state, x))  # type: ignore[no-untyped-call]
    return lambda x: keras.tree.map_structure(keras.ops.convert_to_numpy, model(x, training=False))


def speedup(separate: Sequence[Callable[[], Any]], merged: Callable[[], Any], *, repeats: int = REPEATS) -> Ratio:
    """How many times as fast one call is as several calls one after the other.

    Args:
        separate: the several.
        merged: the one that does the same work.
        repeats: pairs that are timed.
    """

    def together() -> None:
        for one in separate:
            one()

    for _ in range(WARM_UP):
        together()
        merged()
    ratios = [_seconds(together) / _seconds(merged) for _ in range(repeats)]
    low, middle, high = np.quantile(ratios, [0.25, 0.5, 0.75])
    return Ratio(float(middle), float(low), float(high))


def as_given(model: keras.Model, batch: int, seed: int = 0) -> Any:
    """Examples that a model can take, drawn by a seed: what they hold does not matter for its speed."""
    random = np.random.default_rng(seed)

    def example(tensor: Any) -> Any:
        shape = (batch, *(size or 1 for size in tensor.shape[1:]))
        if tensor.dtype == "string":
            words = np.full(shape, "some words")
            return keras.ops.convert_to_tensor(words) if keras.backend.backend() == "tensorflow" else words
        return keras.ops.convert_to_tensor(random.uniform(0, 1, shape).astype(tensor.dtype))

    taken = model.inputs[0] if isinstance(model, keras.Sequential) else model.input  # that of a Sequential is unset
    return keras.tree.map_structure(example, taken)


def _seconds(run: Callable[[], Any]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began
