"""A `.keras` whose configuration is broken is refused when it is read, not when a merge of it is loaded."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import handmade
import pytest

from keras_weld.errors import DamagedFileError, ShapeMismatchError
from keras_weld.recipes.average import average
from keras_weld.recipes.check import check
from keras_weld.recipes.inspect import inspect

Config = dict[str, Any]


def tensor(*history: Any) -> Config:
    described = {"shape": [None, 6], "dtype": "float32", "keras_history": list(history)}
    return {"class_name": "__keras_tensor__", "config": described}


def functional() -> Config:
    """The model of `handmade.config()` as a Functional one."""
    made = handmade.config()
    entries = made["config"]["layers"]
    for number, entry in enumerate(entries):
        entry["name"] = entry["config"]["name"]
        before = entries[number - 1]["config"]["name"]
        entry["inbound_nodes"] = [{"args": [tensor(before, 0, 0)], "kwargs": {}}] if number else []
    inner = {"name": "small", "layers": entries, "input_layers": ["given", 0, 0], "output_layers": ["out", 0, 0]}
    return {**made, "class_name": "Functional", "config": inner}


def change(config: Config, trail: tuple[Any, ...], value: Any) -> Config:
    changed = copy.deepcopy(config)
    here: Any = changed
    for key in trail[:-1]:
        here = here[key]
    here[trail[-1]] = value
    return changed


INPUT = ("config", "layers", 0, "config")
LAYER = ("config", "layers", 1)
SEQUENTIAL = [
    (("module",), 5, "module", "a name", "5"),
    (("module",), None, "module", "a name", "nothing"),
    (("class_name",), None, "class_name", "the name of a class", "nothing"),
    (("config",), 5, "config", "an object with name and layers", "5"),
    (("config", "name"), 5, "config.name", "a name", "5"),
    (("config", "layers"), 5, "config.layers", "a list of layers", "5"),
    ((*LAYER, "module"), 5, "config.layers[1].module", "the name of a module", "5"),
    ((*LAYER, "config"), None, "config.layers[1].config", "an object with the layer's options", "nothing"),
    ((*LAYER, "build_config"), 5, "config.layers[1].build_config", "an object, or nothing", "5"),
    ((*LAYER, "config", "units"), "no", "config.layers[1].config.units", "a whole number from 1 on", "'no'"),
    ((*LAYER, "config", "use_bias"), [], "config.layers[1].config.use_bias", "true or false", "[]"),
    ((*LAYER, "config", "activation"), 5, "config.layers[1].config.activation", "a name, an object", "5"),
    ((*LAYER, "config", "dtype"), {}, "config.layers[1].config.dtype", "a name, an object", "{}"),
    (("config", "layers", 0, "config", "batch_shape"), 5, "config.layers[0].config.batch_shape", "a shape", "5"),
    (
        ("config", "layers", 0, "config", "batch_shape", 1),
        -8,
        "config.layers[0].config.batch_shape",
        "a shape",
        "[None, -8]",
    ),
    ((*LAYER, "config", "rate"), math.nan, "config.layers[1].config.rate", "a number from 0 to 1", "nan"),
    ((*LAYER, "config", "dropout"), 1.5, "config.layers[1].config.dropout", "a number from 0 to 1", "1.5"),
]
NODE = (*LAYER, "inbound_nodes")
FUNCTIONAL = [
    (("config", "input_layers"), [], "config.input_layers", "[layer, call, tensor] of layers in this list", "[]"),
    (("config", "output_layers"), ["gone", 0, 0], "config.output_layers", "[layer, call, tensor]", "['gone', 0, 0]"),
    ((*LAYER, "name"), None, "config.layers[1].name", "a name", "nothing"),
    (NODE, 5, "config.layers[1].inbound_nodes", "a list of calls", "5"),
    (NODE, [], "config.layers[1].inbound_nodes", "a call, since the layer is part of the model", "[]"),
    (NODE, [5], "config.layers[1].inbound_nodes[0]", "an object with args and kwargs", "5"),
    (
        NODE,
        [{"args": [tensor("gone", 0, 0)], "kwargs": {}}],
        "config.layers[1].inbound_nodes[0]",
        "tensors of layers in this list",
        "['gone', 0, 0]",
    ),
    (
        NODE,
        [{"args": [5], "kwargs": {}}],
        "config.layers[1].inbound_nodes[0]",
        "a call on a tensor of this model",
        "{'args': [5], 'kwargs': {}}",
    ),
]
CASES = [(handmade.config, *case) for case in SEQUENTIAL] + [(functional, *case) for case in FUNCTIONAL]


@pytest.mark.parametrize(("make", "trail", "value", "where", "expected", "found"), CASES)
def test_a_broken_configuration_is_refused_with_its_place(
    tmp_path: Path,
    make: Callable[[], Config],
    trail: tuple[Any, ...],
    value: Any,
    where: str,
    expected: str,
    found: str,
) -> None:
    whole = handmade.make_keras(tmp_path / "a.keras", handmade.tensors(), config=make())
    file = handmade.make_keras(tmp_path / "b.keras", handmade.tensors(), config=change(make(), trail, value))
    for refused in (
        lambda: inspect(file),
        lambda: check([whole, file]),
        lambda: average([whole, file], tmp_path / "out.keras"),
    ):
        with pytest.raises(DamagedFileError) as caught:
            refused()
        error = caught.value
        assert error.problem == f"The model's configuration is broken at {where}."
        assert error.file == str(file)
        assert error.expected is not None
        assert error.expected.startswith(expected)
        assert error.found == found
        assert error.remedy is not None
        assert error.remedy.startswith("Save the model again with model.save()")
    assert not (tmp_path / "out.keras").exists()


def test_layers_in_a_circle_are_refused(tmp_path: Path) -> None:
    circle = change(functional(), NODE, [{"args": [tensor("out", 0, 0)], "kwargs": {}}])
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors(), config=circle)
    with pytest.raises(DamagedFileError, match="layers wait for each other in a circle") as caught:
        inspect(file)
    assert caught.value.layer == "hidden"


def test_a_configuration_of_other_weights_is_not_written(tmp_path: Path) -> None:
    config = change(handmade.config(), ("config", "layers", 3, "config", "units"), 7)
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors(), config=config)
    with pytest.raises(
        ShapeMismatchError, match="asks for a tensor of another shape than the file has stored"
    ) as caught:
        average([file, file], tmp_path / "out.keras")
    assert caught.value.layer is not None
    assert caught.value.layer.startswith("out/")
    assert not (tmp_path / "out.keras").exists()


def test_a_whole_one_and_those_of_other_classes_pass(tmp_path: Path) -> None:
    own = change(change(handmade.config(), ("module",), "mine"), ("config", "layers"), 5)
    for number, config in enumerate([handmade.config(), functional(), own]):
        inspect(handmade.make_keras(tmp_path / f"{number}.keras", handmade.tensors(), config=config))


def test_a_model_of_a_class_in_the_script_itself_has_no_module(tmp_path: Path) -> None:
    own = {**handmade.config(), "class_name": "Net", "module": None, "registered_name": "Net", "config": {}}
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors(), config=own)
    assert inspect(file).kind == "keras"


def test_a_registered_name_that_is_no_text_is_refused_by_the_scan(tmp_path: Path) -> None:
    config = change(handmade.config(), (*LAYER, "registered_name"), 5)
    file = handmade.make_keras(tmp_path / "m.keras", handmade.tensors(), config=config)
    assert any("expected names that are texts" in told for told in inspect(file).problems)
