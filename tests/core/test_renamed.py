"""Architectures that are one but for the names of their layers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keras_weld.core.graph import ModelGraph
from keras_weld.core.renamed import same_but_for_names


def _tensor(layer: str) -> dict[str, Any]:
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [layer, 0, 0]}}


def _layer(name: str, kind: str, *inbound: str, **options: Any) -> dict[str, Any]:
    nodes = [{"args": [_tensor(one)], "kwargs": {}} for one in inbound]
    return {
        "module": "keras.layers",
        "class_name": kind,
        "name": name,
        "config": {"name": name, **options},
        "inbound_nodes": nodes,
    }


def _model(
    start: str = "start",
    first: str = "first",
    second: str = "second",
    *,
    called: str | None = None,
    units: int = 4,
    activation: str = "relu",
    name: str = "whole",
) -> dict[str, Any]:
    layers = [
        _layer(start, "InputLayer", batch_shape=[None, 4]),
        _layer(first, "Dense", start, units=4, activation=activation),
        _layer(second, "Dense", called or first, units=units, activation="relu"),
    ]
    ends = {"input_layers": [[start, 0, 0]], "output_layers": [[second, 0, 0]]}
    return {"module": "keras", "class_name": "Functional", "config": {"name": name, "layers": layers, **ends}}


def _same(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    graphs = [ModelGraph.from_config(one) for one in (ours, theirs)]
    return same_but_for_names(json.dumps(ours), json.dumps(theirs), *graphs)


def _around(inner: dict[str, Any], name: str) -> dict[str, Any]:
    """The model as a layer in another one."""
    layer = {**inner, "name": name, "inbound_nodes": [{"args": [_tensor("outside")], "kwargs": {}}]}
    layers = [_layer("outside", "InputLayer", batch_shape=[None, 4]), layer]
    ends = {"input_layers": [["outside", 0, 0]], "output_layers": [[name, 0, 0]]}
    return {"module": "keras", "class_name": "Functional", "config": {"name": "outer", "layers": layers, **ends}}


@pytest.mark.parametrize(
    "names",
    [{}, {"start": "input_1"}, {"name": "whole_1"}, {"start": "a", "first": "b", "second": "c", "name": "d"}],
    ids=["none", "input", "model", "all"],
)
def test_names_alone(names: dict[str, str]) -> None:
    """Whatever the layers and the model are called, the architecture is the same."""
    assert _same(_model(), _model(**names))


def test_names_inside() -> None:
    """Also those of a model inside."""
    assert _same(_around(_model(), "whole"), _around(_model(first="other", name="whole_1"), "whole_1"))


@pytest.mark.parametrize(
    "other",
    [
        {"units": 5},
        {"start": "input_1", "units": 5},
        {"start": "input_1", "called": "input_1"},
        {"start": "input_1", "activation": "tanh"},
    ],
    ids=["units", "name and units", "connected otherwise", "name and activation"],
)
def test_more_than_names(other: dict[str, Any]) -> None:
    """A setting or a connection that differs is seen beside names that do."""
    assert not _same(_model(), _model(**other))


def test_exchanged_names() -> None:
    """Where a name stands for another layer in the other model, tensors go by names: a closer look is needed."""
    assert not _same(_model(), _model(first="second", second="first"))


def test_counted_on() -> None:
    """The same where names of a counter overlap."""
    ours, theirs = _model(first="dense", second="dense_1"), _model(first="dense_1", second="dense_2")
    assert not _same(ours, theirs)


def test_name_that_is_a_setting_too() -> None:
    """A layer that is called as its activation: the setting is no name, and must stay."""
    assert _same(_model(first="relu"), _model(first="relu"))
    assert not _same(_model(first="relu"), _model(first="relu_1"))


def test_another_number_of_layers() -> None:
    """A model that has a layer more."""
    longer = _model()
    longer["config"]["layers"].append(_layer("third", "Dense", "second", units=4))
    assert not _same(_model(), longer)
