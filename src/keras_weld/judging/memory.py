"""How much memory a model needs to answer, as the backend itself accounts for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np


@dataclass(frozen=True, slots=True)
class Needed:
    """Memory for one call, in bytes.

    Attributes:
        weights: of all variables of the model.
        working: the most that is held at a time beside them: what goes in, what comes out, and what lies between.
    """

    weights: int
    working: int

    @property
    def total(self) -> int:
        """Both together."""
        return self.weights + self.working


def memory_of(model: keras.Model, given: Any) -> Needed | None:
    """What a compiled call of a model needs.

    JAX tells it of the compiled program: XLA has laid out all buffers before the call. TensorFlow notes every
    allocation of a call as it is made and given back; the operations run one after the other, as they do in
    inference on a small device; of models with vocabularies it does not tell. Other backends never do. Then it is None.

    Args:
        model: the live model.
        given: what it is called on.
    """
    backend = keras.backend.backend()
    if backend == "jax":
        working = _of_xla(model, given)
    elif backend == "tensorflow":
        working = _of_allocations(model, given)
    else:
        working = None
    weights = sum(math.prod(one.shape) * np.dtype(_plain(one.dtype)).itemsize for one in model.weights)
    return None if working is None else Needed(weights, working)


def _plain(dtype: str) -> str:
    return {"bfloat16": "float16", "float8_e4m3fn": "int8", "float8_e5m2": "int8"}.get(dtype, dtype)


def _of_xla(model: keras.Model, given: Any) -> int | None:
    import jax

    state = [one.value for one in model.trainable_variables], [one.value for one in model.non_trainable_variables]
    jitted = jax.jit(lambda trainable, fixed, x: model.stateless_call(trainable, fixed, x, training=False)[0])
    told = jitted.lower(*state, given).compile().memory_analysis()
    if told is None:
        return None
    entering = sum(one.nbytes for one in keras.tree.flatten(given))
    return int(entering + told.output_size_in_bytes + told.temp_size_in_bytes)


def _of_allocations(model: keras.Model, given: Any) -> int | None:
    """The most bytes that a call held at a time: what it had allocated and not yet given back."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    traced = tf.function(lambda x: model(x, training=False)).get_concrete_function(given)
    frozen = convert_variables_to_constants_v2(traced)
    values = keras.tree.flatten(given)
    if len(frozen.inputs) != len(values):  # it looks words up in a table, which is no constant
        return None
    feeds = {tensor.name: np.asarray(value) for tensor, value in zip(frozen.inputs, values, strict=True)}
    compat = tf.compat.v1
    settings = compat.ConfigProto(inter_op_parallelism_threads=1, device_count={"GPU": 0})
    full = compat.RunOptions(trace_level=compat.RunOptions.FULL_TRACE)
    told = compat.RunMetadata()
    with compat.Session(graph=frozen.graph, config=settings) as session:
        names = [one.name for one in frozen.outputs]
        session.run(names, feeds)  # constants are laid out in the first call
        session.run(names, feeds, options=full, run_metadata=told)
    records = [
        (record.alloc_micros, record.alloc_bytes)
        for device in told.step_stats.dev_stats
        for node in device.node_stats
        for allocator in node.memory
        for record in allocator.allocation_records
    ]
    held = most = 0
    for _, change in sorted(records, key=lambda record: (record[0], record[1])):
        held += change
        most = max(most, held)
    return sum(value.nbytes for value in feeds.values()) + most if records else None
