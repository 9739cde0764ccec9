"""Which models have one graph: what is connected, called or ordered otherwise is told, other writing is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from handmade_models import candidate

from keras_weld.checks.architecture import Difference, compare
from keras_weld.checks.finding import Severity
from keras_weld.checks.for_zip import agree
from keras_weld.checks.tensors import pair
from keras_weld.core.graph import ModelGraph
from keras_weld.io.read import open_model

GOLDEN = Path(__file__).parent.parent / "golden"
Layer = dict[str, Any]


def tensor(name: str, call: int = 0) -> dict[str, Any]:
    config = {"shape": [None, 8], "dtype": "float32", "keras_history": [name, call, 0]}
    return {"class_name": "__keras_tensor__", "config": config}


def data(name: str) -> Layer:
    config = {"name": name, "batch_shape": [None, 8], "dtype": "float32"}
    return {"module": "keras.layers", "class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}


def called(class_name: str, name: str, *args: Any, module: str = "keras.layers", **kwargs: Any) -> Layer:
    options = kwargs.pop("options", {})
    return {
        "module": module,
        "class_name": class_name,
        "name": name,
        "config": {"name": name, **options},
        "inbound_nodes": [{"args": list(args), "kwargs": kwargs}],
    }


def dense(name: str, on: str, units: int = 8) -> Layer:
    return called("Dense", name, tensor(on), options={"units": units, "activation": "relu", "use_bias": True})


def merge(class_name: str, *names: str) -> Layer:
    return called(class_name, "merge", [tensor(name) for name in names])


def op(class_name: str, *args: Any) -> Layer:
    return called(class_name, class_name.lower(), *args, module="keras.src.ops.numpy")


def model(inputs: Sequence[str], outputs: Sequence[str], layers: Sequence[Layer]) -> ModelGraph:
    ends = {"input_layers": [[name, 0, 0] for name in inputs], "output_layers": [[name, 0, 0] for name in outputs]}
    return ModelGraph.from_config({"class_name": "Functional", "config": {"name": "m", "layers": list(layers), **ends}})


def two_inputs(class_name: str, *order: str) -> ModelGraph:
    """As Keras writes it: the inputs stand in the order in which they are first taken."""
    return model("ab", ["end"], [*map(data, order), merge(class_name, *order), dense("end", "merge")])


def branches(class_name: str, *order: str) -> ModelGraph:
    layers = [data("i"), *(dense(name, "i") for name in order), merge(class_name, *order), dense("end", "merge")]
    return model("i", ["end"], layers)


def scaled(*args: Any) -> ModelGraph:
    return model("i", ["end"], [data("i"), op("Multiply", *args), dense("end", "multiply")])


def texts(found: Sequence[Difference]) -> list[str]:
    return [one.text for one in found]


@pytest.mark.parametrize("made", [two_inputs, branches])
@pytest.mark.parametrize("class_name", ["Concatenate", "Subtract"])
def test_parts_the_other_way_round_are_another_graph(made: Any, class_name: str) -> None:
    names = "ab" if made is two_inputs else "pq"
    (found,) = compare(made(class_name, *names), made(class_name, *reversed(names)))
    assert (found.severity, found.text) == (Severity.REFUSAL, "The layer is connected otherwise.")
    assert (found.layer, found.expected, found.found) == (
        "merge",
        f"called on {names[0]}, {names[1]}",
        f"called on {names[1]}, {names[0]}",
    )


@pytest.mark.parametrize("made", [two_inputs, branches])
@pytest.mark.parametrize("class_name", ["Add", "Multiply", "Average", "Maximum", "Minimum"])
def test_sums_and_the_like_have_no_order(made: Any, class_name: str) -> None:
    names = "ab" if made is two_inputs else "pq"
    assert compare(made(class_name, *names), made(class_name, *reversed(names))) == []


def test_attention_that_takes_its_sources_crosswise_is_another_graph() -> None:
    def attention(*order: str) -> ModelGraph:
        views = [called("Reshape", f"view_{name}", tensor(name), options={"target_shape": [1, 8]}) for name in order]
        query, value = (tensor(f"view_{name}") for name in order)
        heads = called("MultiHeadAttention", "heads", query, value, options={"num_heads": 2, "key_dim": 4})
        return model("ab", ["heads"], [*map(data, order), *views, heads])

    assert texts(compare(attention("a", "b"), attention("b", "a"))) == ["The layer is connected otherwise."]


def test_the_order_of_entries_in_the_config_does_not_matter() -> None:
    layers = [data("i"), dense("p", "i"), dense("q", "i", 4), merge("Concatenate", "p", "q"), dense("end", "merge")]
    ours = model("i", ["end"], layers)
    assert compare(ours, model("i", ["end"], [layers[number] for number in (0, 2, 1, 3, 4)])) == []
    assert compare(ours, model("i", ["end"], layers[::-1])) == []


def test_names_that_keras_counted_do_not_count() -> None:
    def counted(*names: str) -> ModelGraph:
        a, b, p, q = names
        layers = [data(a), data(b), dense(p, a), dense(q, b), merge("Concatenate", p, q)]
        return model([a, b], ["merge"], layers)

    ours = counted("input_layer", "input_layer_1", "dense", "dense_1")
    assert compare(ours, counted("input_layer_2", "input_layer_3", "dense_2", "dense_3")) == []
    assert compare(ours, counted("input_layer_1", "input_layer", "dense_2", "dense_3")) == []


def test_the_forms_of_older_versions_are_one_graph_with_that_of_keras_3() -> None:
    older = [
        {"class_name": "InputLayer", "name": name, "config": data(name)["config"], "inbound_nodes": []} for name in "ab"
    ]
    heads = {"num_heads": 2, "key_dim": 4}
    older.append(
        {
            "class_name": "MultiHeadAttention",
            "name": "heads",
            "config": {"name": "heads", **heads},
            "inbound_nodes": [[["a", 0, 0, {"value": ["b", 0, 0], "training": None}]]],
        }
    )
    by_name = called("MultiHeadAttention", "heads", tensor("a"), value=tensor("b"), mask=None, options=heads)
    by_place = called("MultiHeadAttention", "heads", tensor("a"), tensor("b"), options=heads)
    first = model("ab", ["heads"], older)
    assert compare(first, model("ab", ["heads"], [data("a"), data("b"), by_name])) == []
    assert compare(first, model("ab", ["heads"], [data("a"), data("b"), by_place])) == []
    swapped = called("MultiHeadAttention", "heads", tensor("b"), value=tensor("a"), options=heads)
    assert len(compare(first, model("ab", ["heads"], [data("a"), data("b"), swapped]))) == 1


@pytest.mark.parametrize("name", ["mlp", "nested", "two_io", "attention"])
def test_files_of_all_versions_hold_one_architecture(name: str) -> None:
    files = sorted(file for end in ("h5", "keras") for file in GOLDEN.glob(f"*/{name}.{end}"))
    graphs = []
    for file in files:
        with open_model(file) as state:
            graphs.append(state.graph)
    assert len(graphs) > 2
    assert [compare(graphs[0], other) for other in graphs[1:] if graphs[0] and other] == [[]] * (len(graphs) - 1)


def test_constants_of_operations_are_compared() -> None:
    (found,) = compare(scaled(tensor("i"), 2.0), scaled(tensor("i"), 3.0))
    assert (found.severity, found.text) == (Severity.REFUSAL, "The layer is called with other values.")
    assert (found.layer, found.expected, found.found) == ("multiply", "·, 2.0", "·, 3.0")
    assert compare(scaled(tensor("i"), 2.0), scaled(2, tensor("i"))) == []
    nan = float("nan")
    assert compare(scaled(tensor("i"), nan), scaled(tensor("i"), float("nan"))) == []

    def less(*args: Any) -> ModelGraph:
        return model("i", ["subtract"], [data("i"), op("Subtract", *args)])

    assert texts(compare(less(1.0, tensor("i")), less(tensor("i"), 1.0))) == ["The layer is called with other values."]


@pytest.mark.parametrize(
    ("ours", "theirs", "severity"),
    [
        (True, False, Severity.WARNING),
        (None, True, Severity.WARNING),
        (False, None, Severity.NOTE),
    ],
)
def test_a_layer_that_always_trains_is_told(ours: Any, theirs: Any, severity: Severity) -> None:
    def dropped(training: Any) -> ModelGraph:
        layer = called("Dropout", "drop", tensor("i"), training=training, options={"rate": 0.5})
        return model("i", ["end"], [data("i"), layer, dense("end", "drop")])

    (found,) = compare(dropped(ours), dropped(theirs))
    assert (found.severity, found.layer) == (severity, "drop")
    assert (found.expected, found.found) == (f"training={ours}", f"training={theirs}")
    assert compare(dropped(ours), dropped(ours)) == []


def test_inputs_and_outputs_in_another_order_are_told() -> None:
    layers = [data("a"), data("b"), merge("Concatenate", "a", "b"), dense("p", "merge"), dense("q", "merge")]
    ours = model("ab", "pq", layers)
    (inputs,) = compare(ours, model("ba", "pq", layers))
    assert inputs.text == "The inputs stand in another order; the result takes them in the first model's."
    assert (inputs.severity, inputs.expected, inputs.found) == (Severity.WARNING, "a, b", "b, a")
    (outputs,) = compare(ours, model("ab", "qp", layers))
    assert outputs.text == "The outputs stand in another order; the result has them in the first model's."
    assert (outputs.severity, outputs.expected, outputs.found) == (Severity.WARNING, "p, q", "q, p")
    assert texts(compare(ours, model("ab", "pp", layers))) == ["Other layers give the outputs."]


def test_what_a_model_inside_gives_is_compared_too() -> None:
    def outer(*ends: str) -> ModelGraph:
        inside = [data("j"), dense("p", "j"), dense("q", "j")]
        config = {"name": "inner", "layers": inside, "input_layers": [["j", 0, 0]]}
        config["output_layers"] = [[name, 0, 0] for name in ends]
        inner = {"module": "keras", "class_name": "Functional", "name": "inner", "config": config}
        inner["inbound_nodes"] = [{"args": [tensor("i")], "kwargs": {}}]
        results = [tensor("inner"), tensor("inner")]
        results[1]["config"]["keras_history"] = ["inner", 0, 1]
        joined = called("Subtract", "merge", results)
        return model("i", ["merge"], [data("i"), inner, joined])

    assert compare(outer("p", "q"), outer("p", "q")) == []
    (found,) = compare(outer("p", "q"), outer("q", "p"))
    assert (found.severity, found.text, found.layer) == (Severity.REFUSAL, "Other layers give the outputs.", "inner")


def test_calls_of_one_layer_are_told_apart() -> None:
    def shared(*order: int) -> ModelGraph:
        layer = dense("p", "a")
        layer["inbound_nodes"].append({"args": [tensor("b")], "kwargs": {}})
        joined = called("Subtract", "merge", [tensor("p", call) for call in order])
        return model("ab", ["merge"], [data("a"), data("b"), layer, joined])

    (found,) = compare(shared(0, 1), shared(1, 0))
    assert (found.expected, found.found) == ("called on p, p (call 2)", "called on p (call 2), p")


def test_layers_can_be_shared_up_to_the_one_that_is_connected_otherwise() -> None:
    def parting(class_name: str) -> Difference | None:
        ours, theirs = (two_inputs(class_name, *order) for order in ("ab", "ba"))
        models = [replace(candidate([dense("end", "merge")]), graph=graph) for graph in (ours, theirs)]
        return agree(*models, pair(models[0].state, models[1].state)).parts_at

    found = parting("Concatenate")
    assert found is not None
    assert (found.layer, found.text) == ("merge", "The layer is connected otherwise.")
    assert parting("Add") is None
