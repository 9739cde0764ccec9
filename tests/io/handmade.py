"""Model files made with h5py and zipfile alone, the obvious way: what the reader is compared with."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

Array = np.ndarray[Any, Any]
Tensors = dict[str, Array]

METADATA = {"keras_version": "3.15.1", "date_saved": "2026-01-02@03:04:05"}
PATHS = {
    "hidden/kernel": "layers/dense/vars/0",
    "hidden/bias": "layers/dense/vars/1",
    "norm/gamma": "layers/batch_normalization/vars/0",
    "norm/beta": "layers/batch_normalization/vars/1",
    "norm/moving_mean": "layers/batch_normalization/vars/2",
    "norm/moving_variance": "layers/batch_normalization/vars/3",
    "out/kernel": "layers/dense_1/vars/0",
    "out/bias": "layers/dense_1/vars/1",
}
"""The tensors of `config()`, by name and by path, in the model's order."""


def _layer(class_name: str, **config: Any) -> dict[str, Any]:
    return {"module": "keras.layers", "class_name": class_name, "config": config, "registered_name": None}


def config(inputs: int = 6, hidden: int = 5, outputs: int = 3) -> dict[str, Any]:
    """A Sequential model of Dense `hidden`, BatchNormalization `norm` and Dense `out`, as Keras 3 writes it."""
    layers = [
        _layer("InputLayer", batch_shape=[None, inputs], dtype="float32", name="given"),
        _layer("Dense", name="hidden", units=hidden, activation="relu", use_bias=True),
        _layer("BatchNormalization", name="norm", axis=-1),
        _layer("Dense", name="out", units=outputs, activation="softmax", use_bias=True),
    ]
    inner = {"name": "small", "trainable": True, "layers": layers, "build_input_shape": [None, inputs]}
    return {"module": "keras", "class_name": "Sequential", "config": inner, "registered_name": None}


def tensors(seed: int = 0, *, inputs: int = 6, hidden: int = 5, outputs: int = 3, dtype: Any = "float32") -> Tensors:
    """Values for the weights of `config()`, by path; the same shapes give other values for another seed."""
    rng = np.random.default_rng(seed)
    shapes = [(inputs, hidden), *[(hidden,)] * 5, (hidden, outputs), (outputs,)]
    drawn = [rng.uniform(0.1, 1.0, shape) for shape in shapes]
    return {path: values.astype(dtype) for path, values in zip(PATHS.values(), drawn, strict=True)}


def make_weights(file: Path | io.BytesIO, values: Mapping[str, Array], **how: Any) -> None:
    """A `.weights.h5` of these tensors. `how` goes to h5py's `create_dataset`, for all but scalars."""
    with h5py.File(file, "w") as content:
        for path, value in values.items():
            options = how if np.ndim(value) else {}
            if value.dtype.name == "bfloat16":
                made = content.create_dataset(path, data=value.view("V2"), **options)
                made.attrs["dtype"] = "bfloat16"
            else:
                content.create_dataset(path, data=value, **options)


def make_keras(
    file: Path,
    values: Mapping[str, Array],
    *,
    config: Mapping[str, Any] = config(),
    metadata: Mapping[str, Any] = METADATA,
    assets: Mapping[str, bytes] | None = None,
    deflate: bool = False,
    **how: Any,
) -> Path:
    """A `.keras` file as Keras writes it."""
    weights = io.BytesIO()
    make_weights(weights, values, **how)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as archive:
        archive.writestr("metadata.json", json.dumps(metadata))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", weights.getvalue())
        for name, data in (assets or {}).items():
            archive.writestr(f"assets/{name}", data)
    return file


def make_shards(file: Path, values: Mapping[str, Array], groups_each: int = 1) -> Path:
    """Sharded weights as Keras writes them: `file` is the map."""
    groups: dict[str, Tensors] = {}
    for path, value in values.items():
        groups.setdefault(path.rpartition("/")[0], {})[path] = value
    places = {}
    for number, group in enumerate(groups):
        name = f"{file.name.removesuffix('.weights.json')}_{number // groups_each:05}.weights.h5"
        with h5py.File(file.with_name(name), "a") as content:
            for path, value in groups[group].items():
                content[path] = value
        places[f"/{group}"] = name
    total = sum(value.nbytes for value in values.values())
    file.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}))
    return file


def make_legacy(file: Path, values: Mapping[str, Array], *, with_config: bool = True) -> Path:
    """A whole-model `.h5` of the model of `config()`, or its weights alone."""
    by_path = {path: name for name, path in PATHS.items()}
    with h5py.File(file, "w") as content:
        top = content.create_group("model_weights") if with_config else content
        top.attrs["layer_names"] = [b"hidden", b"norm", b"out"]
        top.attrs["keras_version"], top.attrs["backend"] = b"3.15.1", b"jax"
        for layer in ("hidden", "norm", "out"):
            names = [by_path[path] for path in values if by_path[path].startswith(f"{layer}/")]
            top.create_group(layer).attrs["weight_names"] = [name.encode() for name in names]
            for name in names:
                top[f"{layer}/{name}"] = values[PATHS[name]]
        if with_config:
            content.attrs["model_config"] = json.dumps(config())
            content.attrs["keras_version"], content.attrs["backend"] = b"3.15.1", b"jax"
    return file
