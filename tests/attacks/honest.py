"""Small honest files, written without Keras, that every attack starts from."""

from __future__ import annotations

import io
import json
import zipfile

import h5py
import numpy as np

KERNEL = np.arange(32, dtype=np.float32).reshape(4, 8)
BIAS = np.zeros(8, np.float32)


def layer(class_name, name, module="keras.layers", registered_name=None, **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **config},
        "registered_name": registered_name,
    }


def sequential(*layers):
    """An input of four numbers, a Dense layer of eight, and what is given."""
    first = layer("InputLayer", "in", batch_shape=[None, 4], dtype="float32")
    dense = layer("Dense", "dense", units=8, activation="relu")
    dense["build_config"] = {"input_shape": [None, 4]}
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "mlp", "layers": [first, dense, *layers], "build_input_shape": [None, 4]},
        "registered_name": None,
        "build_config": {"input_shape": [None, 4]},
    }


def function(name, module):
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


def fill(file):
    """The weights of `sequential()`, in the layout of Keras 3."""
    group = file.create_group("layers/dense/vars")
    group.attrs["name"] = "dense"
    group["0"], group["1"] = KERNEL, BIAS


def hdf5(build=fill, **options):
    """The bytes of an HDF5 file that `build(file)` fills."""
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        build(file)
    return buffer.getvalue()


def members(config=None, weights=None):
    return {
        "metadata.json": json.dumps({"keras_version": "3.15.1"}).encode(),
        "config.json": json.dumps(sequential() if config is None else config).encode(),
        "model.weights.h5": hdf5() if weights is None else weights,
    }


def keras(path, config=None, weights=None, more=(), method=zipfile.ZIP_STORED):
    """A `.keras` file."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in [*members(config, weights).items(), *more]:
            archive.writestr(name, data)


def with_layers(*layers):
    """Makes a `.keras` file with more layers than the weights are for."""
    return lambda path: keras(path, sequential(*layers))


def legacy(path, config=None, build=None):
    """A whole-model `.h5` as Keras 2 wrote it."""
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, 4]}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 8}},
        *([] if config is None else [config]),
    ]
    model = {"class_name": "Sequential", "config": {"name": "mlp", "layers": layers}}
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(model)
        file.attrs["keras_version"] = "2.15.0"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"dense"])
        group = weights.create_group("dense")
        group.attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
        group["dense/kernel:0"], group["dense/bias:0"] = KERNEL, BIAS
        if build is not None:
            build(file)
