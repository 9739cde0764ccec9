"""An operation in a whole-model `.h5` of Keras 3, which does not say that it is one: read as one, and told."""

from __future__ import annotations

from typing import Any

import pytest

from keras_weld.checks.architecture import compare
from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import ModelState
from keras_weld.errors import UnknownClassError, WrongKindError
from keras_weld.io.kinds import Kind
from keras_weld.models.refusal import refusal

pytestmark = pytest.mark.keras


def tensor(name: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 8], "keras_history": [name, 0, 0]}}


def config(*, modules: bool) -> dict[str, Any]:
    """The sum of a Dense layer and its input, as `.keras` has it, or as `.h5` without the modules."""
    data = {"batch_shape": [None, 8], "dtype": "float32", "name": "x"}
    dense = {"name": "p", "trainable": True, "units": 8, "activation": "linear", "use_bias": True}
    layers: list[dict[str, Any]] = [
        {"class_name": "InputLayer", "config": data, "name": "x", "inbound_nodes": []},
        {"class_name": "Dense", "config": dense, "name": "p", "inbound_nodes": [{"args": [tensor("x")], "kwargs": {}}]},
        {
            "class_name": "Add",
            "config": {"name": "add"},
            "name": "add",
            "inbound_nodes": [{"args": [tensor("x"), tensor("p")], "kwargs": {}}],
        },
    ]
    if modules:
        for layer, module in zip(layers, ["keras.layers", "keras.layers", "keras.src.ops.numpy"], strict=True):
            layer["module"] = module
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["add", 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "m", "trainable": True, "layers": layers, **ends}}


def test_it_is_the_same_architecture() -> None:
    whole, bare = (ModelGraph.from_config(config(modules=modules)) for modules in (True, False))
    assert [layer.is_operation for layer in bare.layers] == [False, False, True]
    assert compare(whole, bare) == compare(bare, whole) == []


def test_the_refusal_names_it() -> None:
    state = ModelState("m.h5", Kind.LEGACY_MODEL, {}, config(modules=False), None, {"keras_version": "3.15.1"})
    told = refusal(TypeError("too many positional arguments"), state)
    assert isinstance(told, WrongKindError)
    assert told.layer == "add (Add)"
    assert "model.to_json()" in str(told.remedy)
    own = refusal(TypeError("Could not locate class 'Mine'."), state)
    assert isinstance(own, UnknownClassError)
