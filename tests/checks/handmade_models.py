"""Small models made without Keras: a config as Keras 3 writes it, and arrays by a seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.checks.candidate import Candidate, candidate_of
from keras_weld.core.layer_variables import variables_of
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import TensorSpec
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.kinds import Kind
from keras_weld.io.write import open_sink

Layer = dict[str, Any]


def layer(class_name: str, name: str, **options: Any) -> Layer:
    return {"module": "keras.layers", "class_name": class_name, "config": {"name": name, **options}}


def dense(name: str, units: int, activation: str = "relu", **options: Any) -> Layer:
    return layer("Dense", name, units=units, activation=activation, use_bias=True, **options)


def mlp(*, units: int = 16, classes: int = 10, activation: str = "softmax") -> list[Layer]:
    return [dense("first", units), dense("second", units), dense("head", classes, activation)]


def sequential(
    layers: list[Layer], shape: tuple[int | None, ...] = (8,), dtype: str = "float32", name: str = "model"
) -> dict[str, Any]:
    """The config of a Sequential model."""
    start = layer("InputLayer", "data", batch_shape=[None, *shape], dtype=dtype)
    config = {"name": name, "trainable": True, "layers": [start, *layers]}
    return {"module": "keras", "class_name": "Sequential", "config": config, "registered_name": None}


def _shapes(one: Layer, width: int) -> tuple[list[tuple[int, ...]], int]:
    options = one["config"]
    if one["class_name"] == "Dense":
        return [(width, options["units"]), (options["units"],)], options["units"]
    if one["class_name"] == "BatchNormalization":
        return [(width,)] * 4, width
    if one["class_name"] == "Conv2D":
        return [(*options["kernel_size"], width, options["filters"]), (options["filters"],)], options["filters"]
    if one["class_name"] == "Embedding":
        return [(options["input_dim"], options["output_dim"])], options["output_dim"]
    return [], width


def state(
    layers: list[Layer],
    *,
    shape: tuple[int | None, ...] = (8,),
    dtype: str = "float32",
    seed: int = 0,
    drift: float = 0.0,
    source: str = "a.keras",
    loss: Any = None,
    metadata: dict[str, Any] | None = None,
    config: bool = True,
    precision: Any = np.float32,
) -> ModelState:
    """A model in memory.

    `seed` is the start that its weights are drawn from; `drift` adds that share of other random numbers, as
    training does.
    """
    start, moved = np.random.default_rng(seed), np.random.default_rng([seed, len(source), hash_of(source)])
    tensors: dict[str, LazyTensor] = {}
    used: dict[str, int] = {}
    width = shape[-1] or 1
    for one in layers:
        group = {"BatchNormalization": "batch_normalization"}.get(one["class_name"], one["class_name"].lower())
        number = used[group] = used.get(group, -1) + 1
        shapes, width = _shapes(one, width)
        named = variables_of(one["class_name"], one["config"]) or []
        for index, (size, (name, role)) in enumerate(zip(shapes, named, strict=True)):
            values = start.normal(size=size) + drift * moved.normal(size=size)
            path = f"layers/{group}{f'_{number}' if number else ''}/vars/{index}"
            _add(tensors, values.astype(precision), f"{one['config']['name']}/{name}", role, path)
    return ModelState(
        source=source,
        kind=Kind.KERAS,
        tensors=tensors,
        config=sequential(layers, shape, dtype) if config else None,
        compile_config=None if loss is None else {"loss": loss},
        metadata=metadata or {},
    )


def hash_of(text: str) -> int:
    return sum(ord(letter) * 31**number for number, letter in enumerate(text)) % (1 << 32)


def _add(tensors: dict[str, LazyTensor], values: Any, name: str, role: Any, path: str) -> None:
    spec = TensorSpec(name, values.shape, values.dtype, role, path, name.rpartition("/")[0])
    tensors[name] = LazyTensor(spec, lambda: values)


def candidate(layers: list[Layer], *, labels: list[str] | None = None, **options: Any) -> Candidate:
    return candidate_of(state(layers, **options), labels)


def write(path: Path, made: ModelState) -> Path:
    """The same as a file."""
    slots = [Slot(one.spec.path, one.spec.shape, one.spec.dtype, one.spec.layer) for one in made.weights]
    config = {**(made.config or {}), "compile_config": made.compile_config}
    metadata = {"keras_version": "3.15.0", "date_saved": "2025-01-01@00:00:00", **made.metadata}
    with open_sink(path, slots, config=config, metadata=lambda: metadata) as sink:
        for one in made.weights:
            sink.put(one.spec.path, 0, one.read().reshape(-1))
    return path
