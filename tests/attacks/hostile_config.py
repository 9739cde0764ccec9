"""Configurations that name, call, open or ask for what no model needs."""

from __future__ import annotations

import json

import numpy as np
from honest import function, hdf5, keras, layer, legacy, sequential, with_layers

LAMBDA = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}


def activation(value):
    return with_layers(layer("Activation", "act", activation=value))


def gadget(module, name):
    return activation(function(name, module))


def lambda_in_legacy(path):
    legacy(path, {"class_name": "Lambda", "config": {"name": "code", "function": ["4wEAAAA=", None, None]}})


def compiled(**settings):
    return lambda path: keras(path, {**sequential(), "compile_config": settings})


def eager(path):
    """A graph that computes a large tensor while it is being built, without any layer's output."""
    given = layer("InputLayer", "in", batch_shape=[None, 4])
    given |= {"name": "in", "inbound_nodes": []}
    value = {"class_name": "__tensor__", "config": {"value": [1.0], "dtype": "float32"}}
    tile = layer("Tile", "tile", module="keras.src.ops.numpy", registered_name="Tile")
    tile |= {"name": "tile", "inbound_nodes": [{"args": [value, [1 << 33]], "kwargs": {}}]}
    inner = {"name": "f", "layers": [given, tile], "input_layers": [["in", 0, 0]]}
    inner["output_layers"] = [["tile", 0, 0]]
    keras(path, {"module": "keras", "class_name": "Functional", "config": inner, "registered_name": None})


def wide(units):
    """Asks for far more than is stored; with an input of one number, so that the file stays small."""
    return with_layers(layer("Dense", "wide", units=units))


def wide_by_its_input(path):
    """The stored kernel fits the layer's own sizes, and not the input that it was built for."""
    config = sequential()
    config["config"]["layers"][1]["build_config"] = {"input_shape": [None, 9_000_000]}
    keras(path, config)


def many_of_one(path):
    """Four thousand layers that all match the one tensor that is stored."""
    big = layer("Dense", "big", units=400, use_bias=False)
    big["build_config"] = {"input_shape": [None, 400]}
    layers = [{**big, "config": {**big["config"], "name": f"d{number}"}} for number in range(4000)]
    config = sequential()
    config["config"]["layers"] = [config["config"]["layers"][0], *layers]

    def build(file):
        file["layers/dense/vars/0"] = np.zeros((400, 400), "f4")

    keras(path, config, hdf5(build))


def no_weights(path):
    keras(path, sequential(layer("Dense", "wide", units=15_000_000)), hdf5(lambda file: None))


def deep(path):
    nested = b'{"class_name": "x", "config": ' * 50_000 + b"1" + b"}" * 50_000
    path.write_bytes(nested)


def deep_below_the_recursion_limit(path):
    path.write_bytes(b'{"class_name": "x", "config": ' + b"[" * 400 + b"]" * 400 + b"}")


def many_values(path):
    path.write_bytes(b'{"class_name": "x", "config": [' + b"[],{}," * 1_300_000 + b"1]}")


def long(path):
    path.write_bytes(b'{"class_name": "x", "config": "' + b"x" * (60 << 20) + b'"}')


def numpy_bomb(path):
    value = {"class_name": "__numpy__", "config": {"value": ["x"], "dtype": "U500000000"}}
    with_layers(layer("Rescaling", "r", scale=value))(path)


def typespec(path):
    value = {"class_name": "__typespec__", "spec_name": "X", "module": "os", "config": [1]}
    with_layers(layer("Rescaling", "r", scale={**value, "registered_name": None}))(path)


def shards(target):
    return lambda path: path.write_text(json.dumps({"weight_map": {"/layers/dense/vars": target}}))
