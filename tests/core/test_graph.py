"""Graphs from the configs of Keras 1, 2 and 3, written out by hand and from real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from keras_weld.core.graph import ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.graph_order import calls_in_order, consumers
from keras_weld.errors import DamagedFileError

GOLDEN = Path(__file__).parent.parent / "golden"
ARCHITECTURES = sorted(GOLDEN.glob("*/*.json"))


def tensor(layer, call=0, index=0, shape=(None, 4)):
    history = {"shape": list(shape), "dtype": "float32", "keras_history": [layer, call, index]}
    return {"class_name": "__keras_tensor__", "config": history}


def entry(name, class_name, *calls, module="keras.layers", **config):
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": name, **config},
        "name": name,
        "inbound_nodes": [{"args": list(call), "kwargs": {}} for call in calls],
    }


def functional(*layers, inputs, outputs, name="outer", **more):
    config = {"name": name, "trainable": True, "layers": list(layers), **more}
    config |= {"input_layers": inputs, "output_layers": outputs}
    return {"module": "keras", "class_name": "Functional", "config": config}


def encoder(name="encoder"):
    inner = functional(
        entry("inside", "InputLayer", batch_shape=[None, 4], dtype="float32"),
        entry("dense", "Dense", [tensor("inside")], units=4),
        inputs=["inside", 0, 0],
        outputs=["dense", 0, 0],
        name=name,
    )
    return inner | {"name": name}


INPUT = entry("in", "InputLayer", batch_shape=[None, 4], dtype="float32")


def test_a_functional_model_of_keras_3():
    config = functional(
        INPUT,
        entry("a", "Dense", [tensor("in")], units=4),
        entry("plus", "Add", [tensor("a"), 1.0], module="keras.src.ops.numpy"),
        entry("add", "Add", [[tensor("plus"), tensor("in")]]),
        inputs=["in", 0, 0],
        outputs=["add", 0, 0],
    )
    graph = ModelGraph.from_config(config)
    assert graph.inputs == (Edge("in"),)
    assert (graph.inputs[0].shape, graph.inputs[0].dtype) == ((None, 4), "float32")
    assert graph.outputs == (Edge("add"),)
    assert graph.layer("add").calls[0].inbound == (Edge("plus"), Edge("in"))
    assert graph.layer("plus").calls[0].args == (Edge("a"), 1.0)
    assert graph.layer("plus").is_operation
    # The operation has no place in a file, and does not count among the layers of its name.
    assert [(one.path_name, one.storage_path) for one in graph.walk()] == [
        ("in", "layers/input_layer"),
        ("a", "layers/dense"),
        ("add", "layers/add"),
    ]


def test_a_layer_called_twice_and_calls_out_of_order():
    config = functional(
        INPUT,
        entry("a", "Dense", [tensor("in")], [tensor("b")], units=4),
        entry("b", "Dense", [tensor("a")], units=4),
        inputs=[["in", 0, 0]],
        outputs=[["a", 1, 0]],
    )
    graph = ModelGraph.from_config(config)
    order = [(layer.name, call) for layer, call in calls_in_order(graph)]
    assert order == [("in", 0), ("a", 0), ("b", 0), ("a", 1)]
    assert consumers(graph) == {Edge("in"): [("a", 0)], Edge("b"): [("a", 1)], Edge("a"): [("b", 0)]}
    assert graph.output_structure == [Edge("a", 1)]


def test_calls_of_a_nested_model_count_from_zero():
    """Keras 3 counts them from 0 in calls and from 1 in the list of outputs."""
    nested = encoder() | {
        "inbound_nodes": [{"args": [tensor("in")], "kwargs": {"mask": None}}, {"args": [tensor("head")]}]
    }
    config = functional(
        INPUT,
        nested,
        entry("head", "Dense", [tensor("encoder")], units=4),
        inputs=["in", 0, 0],
        outputs=["encoder", 2, 0],
    )
    graph = ModelGraph.from_config(config)
    assert graph.layer("head").calls[0].inbound == (Edge("encoder", 0),)
    assert graph.outputs == (Edge("encoder", 1),)
    assert [(one.path_name, one.storage_path) for one in graph.walk()][1:4] == [
        ("encoder", "layers/functional"),
        ("encoder/inside", "layers/functional/layers/input_layer"),
        ("encoder/dense", "layers/functional/layers/dense"),
    ]


def test_inputs_and_outputs_in_a_dict_are_sorted_as_keras_does():
    config = functional(
        INPUT,
        entry("other", "InputLayer", batch_shape=[None, 2], dtype="int32"),
        entry("one", "Dense", [tensor("in")], units=1),
        entry("two", "Dense", [tensor("other", shape=(None, 2))], units=2),
        inputs={"z": ["in", 0, 0], "a": ["other", 0, 0]},
        outputs={"second": ["one", 0, 0], "first": ["two", 0, 0]},
    )
    graph = ModelGraph.from_config(config)
    assert (graph.input_names, graph.inputs) == (("a", "z"), (Edge("other"), Edge("in")))
    assert (graph.output_names, graph.outputs) == (("first", "second"), (Edge("two"), Edge("one")))
    assert graph.input_structure == {"z": Edge("in"), "a": Edge("other")}


def test_a_frozen_model_freezes_what_is_inside():
    nested = encoder() | {"inbound_nodes": [{"args": [tensor("in")], "kwargs": {}}]}
    nested["config"] = nested["config"] | {"trainable": False}
    config = functional(INPUT, nested, inputs=["in", 0, 0], outputs=["encoder", 1, 0])
    placed = {one.path_name: one for one in ModelGraph.from_config(config).walk()}
    assert placed["encoder/dense"].config["trainable"] is False
    assert "trainable" not in placed["in"].config


def test_a_shared_layer_comes_once():
    shared = entry("dense", "Dense", [tensor("in")], units=4) | {"shared_object_id": 7}
    nested = encoder() | {"inbound_nodes": [{"args": [tensor("dense")], "kwargs": {}}]}
    config = functional(INPUT, shared, nested, inputs=["in", 0, 0], outputs=["encoder", 1, 0])
    assert [one.storage_path for one in ModelGraph.from_config(config).walk()] == [
        "layers/input_layer",
        "layers/dense",
        "layers/functional",
        "layers/functional/layers/input_layer",
    ]
    del shared["shared_object_id"]  # two layers that merely look alike
    assert "layers/functional/layers/dense" in {one.storage_path for one in ModelGraph.from_config(config).walk()}


def test_a_sequential_model_of_keras_1_is_a_bare_list():
    layers = [
        {"class_name": "Dense", "config": {"name": "dense_1", "batch_input_shape": [None, 6], "units": 5}},
        {"class_name": "Dropout", "config": {"name": "dropout_1", "rate": 0.5}},
        {"class_name": "Dense", "config": {"name": "dense_2", "units": 3}},
    ]
    for config in (layers, {"class_name": "Sequential", "config": layers}):
        graph = ModelGraph.from_config(config)
        assert graph.inputs == (Edge("dense_1_input"),)
        assert graph.inputs[0].shape == (None, 6)
        assert graph.outputs == (Edge("dense_2"),)
        assert graph.layers[0].implied
        assert [one.storage_path for one in graph.walk()] == [
            "layers/dense",
            "layers/dropout",
            "layers/dense_1",
        ]


def test_calls_of_keras_2_carry_arguments_and_constants():
    def old(name, class_name, *nodes, **config):
        config = {"name": name, **config}
        return {"class_name": class_name, "name": name, "config": config, "inbound_nodes": list(nodes)}

    config = {
        "class_name": "Functional",
        "config": {
            "name": "model",
            "layers": [
                old("q", "InputLayer", batch_input_shape=[None, 5, 4], dtype="float32"),
                old("v", "InputLayer", batch_input_shape=[None, 7, 4], dtype="float32"),
                old("mha", "MultiHeadAttention", [["q", 0, 0, {"value": ["v", 0, 0]}]]),
                old("op", "TFOpLambda", [["_CONSTANT_VALUE", -1, 2.0, {"y": ["mha", 0, 0], "name": None}]]),
                old("sum", "Add", [["op", 0, 0, {}], ["mha", 0, 0, {}]]),
            ],
            "input_layers": [["q", 0, 0], ["v", 0, 0]],
            "output_layers": [["sum", 0, 0]],
        },
    }
    graph = ModelGraph.from_config(config)
    assert graph.layer("mha").calls[0].inbound == (Edge("q"), Edge("v"))
    assert graph.layer("mha").calls[0].kwargs == {"value": Edge("v")}
    assert graph.layer("op").calls[0].args == (2.0,)
    assert graph.layer("op").calls[0].inbound == (Edge("mha"),)
    assert graph.layer("sum").calls[0].args == ([Edge("op"), Edge("mha")],)
    assert [edge.shape for edge in graph.inputs] == [(None, 5, 4), (None, 7, 4)]


def test_a_subclassed_model_is_opaque():
    config = {"module": "mine", "class_name": "MyModel", "config": {"name": "mine", "width": 3}}
    graph = ModelGraph.from_config(config)
    assert graph.opaque
    assert (graph.name, graph.class_name, list(graph.walk())) == ("mine", "MyModel", [])


def test_a_reference_to_a_call_that_is_not_there_is_refused():
    config = functional(
        INPUT,
        entry("a", "Dense", [tensor("in", 3)], units=4),
        inputs=["in", 0, 0],
        outputs=["a", 0, 0],
    )
    with pytest.raises(DamagedFileError, match="refers to a call that is not there") as caught:
        ModelGraph.from_config(config)
    assert (caught.value.layer, caught.value.found) == ("in", "call 3")


def test_two_layers_of_one_name_are_refused():
    config = functional(INPUT, INPUT, inputs=["in", 0, 0], outputs=["in", 0, 0])
    with pytest.raises(DamagedFileError, match="Two layers of one model have the same name"):
        ModelGraph.from_config(config)


def test_what_is_no_layer_is_refused():
    config = functional(INPUT, "dense", inputs=["in", 0, 0], outputs=["in", 0, 0])
    with pytest.raises(DamagedFileError, match="something that is no layer"):
        ModelGraph.from_config(config)


def test_a_circle_is_noticed():
    config = functional(
        INPUT,
        entry("a", "Dense", [tensor("b")], units=4),
        entry("b", "Dense", [tensor("a")], units=4),
        inputs=["in", 0, 0],
        outputs=["b", 0, 0],
    )
    assert [layer.name for layer, _ in calls_in_order(ModelGraph.from_config(config))] == ["in"]


@pytest.mark.parametrize("path", ARCHITECTURES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_architectures_of_other_versions(path):
    graph = ModelGraph.from_config(json.loads(path.read_text()))
    assert not graph.opaque
    assert all(edge.shape for edge in graph.inputs)
    # Every call can be made: nothing is lost between the layers.
    assert len(calls_in_order(graph)) == sum(max(1, len(layer.calls)) for layer in graph.layers)
    used = {edge.layer for edge in [*consumers(graph), *graph.outputs, *graph.inputs]}
    assert used == {layer.name for layer in graph.layers}


def test_a_layer_goes_by_the_name_that_keras_exports_it_by() -> None:
    entry = {"class_name": "GroupedQueryAttention", "config": {"name": "gqa", "trainable": True}}
    graph = ModelGraph.from_config({"class_name": "Sequential", "config": {"name": "s", "layers": [entry]}})
    assert graph.layer("gqa").class_name == "GroupQueryAttention"
    assert [one.storage_path for one in graph.walk()] == ["layers/grouped_query_attention"]
