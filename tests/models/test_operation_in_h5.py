"""An operation in a whole-model `.h5` of Keras 3, which does not say that it is one: read as one, and told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from keras_weld.checks.architecture import compare
from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import ModelState
from keras_weld.errors import UnknownClassError, WrongKindError
from keras_weld.io.kinds import Kind
from keras_weld.io.newer_config import with_operations
from keras_weld.models import load
from keras_weld.models.refusal import refusal

pytestmark = pytest.mark.keras


def tensor(name: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"shape": [None, 8], "keras_history": [name, 0, 0]}}


def config(*, modules: bool) -> dict[str, Any]:
    """The sum of a Dense layer and its input, as `.keras` has it, or as it is read from an `.h5` without modules."""
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
    whole = {"class_name": "Functional", "config": {"name": "m", "trainable": True, "layers": layers, **ends}}
    return whole if modules else with_operations(whole, {"p"})


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


def test_an_operation_is_not_blamed_for_another_layer() -> None:
    state = ModelState("m.h5", Kind.LEGACY_MODEL, {}, config(modules=False), None, {"keras_version": "3.15.1"})
    found = (
        "Error when deserializing class 'Dense' using config={'name': 'p', 'units': 0}.\n\nException encountered: no"
    )
    told = refusal(TypeError(found), state)
    assert (told.layer, told.found) == ("p (Dense)", "no")
    assert "weld.load(file, architecture='arch.json')" in str(told.remedy)


@pytest.mark.parametrize(
    ("words", "layer"),
    [
        ("You cannot add new elements of state to a layer that is already built.", None),
        ("Layer 'dense' expected 2 variables, but received 3", "dense"),
        ("Weight count mismatch for layer #0 (named dense_1 in the current model)", "dense_1"),
        ("Layer outer/dense weight shape (3,) is not compatible", "outer/dense"),
    ],
)
def test_a_layer_is_read_out_of_the_words_of_keras_where_they_name_one(words: str, layer: str | None) -> None:
    state = ModelState("m.keras", Kind.KERAS, {}, None, None, {"keras_version": "3.15.1"})
    assert refusal(ValueError(words), state).layer == layer


def masked() -> keras.Model:
    """An Embedding that masks makes a NotEqual in the graph; further operations are called beside it."""
    words = keras.Input((4,), name="words")
    vectors = keras.layers.Embedding(7, 3, mask_zero=True, name="embedding")(words)
    state = keras.layers.LSTM(3, name="lstm")(vectors)
    mean = keras.ops.mean(vectors[:, 1], axis=-1, keepdims=True)
    return keras.Model(words, [keras.layers.Dense(2, name="dense")(state), keras.ops.square(mean)])


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_with_its_architecture_beside_it_the_weights_are_loaded(tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    model = masked()
    model.save(tmp_path / "m.h5")
    model.save(tmp_path / "m.keras")
    (tmp_path / "m.json").write_text(model.to_json())
    with pytest.raises(WrongKindError, match="holds an operation of"):
        load(tmp_path / "m.h5")
    examples = np.array([[1, 2, 3, 0], [4, 0, 0, 0]])
    expected = model(examples)
    fresh = masked()
    fresh.save(tmp_path / "other.keras")  # its weights are others, and give way
    for name in ("m.json", "m.keras", "other.keras"):
        for one, other in zip(load(tmp_path / "m.h5", architecture=tmp_path / name)(examples), expected, strict=True):
            np.testing.assert_array_equal(one, other)
    asked = ["convert", tmp_path / "m.h5", tmp_path / "new.keras", "--architecture", tmp_path / "m.json"]
    weld_here(*asked, check=True)
    np.testing.assert_array_equal(load(tmp_path / "new.keras")(examples)[0], expected[0])
    assert "loads" in weld_here("load", tmp_path / "m.h5", "--architecture", tmp_path / "m.json", check=True).stdout
