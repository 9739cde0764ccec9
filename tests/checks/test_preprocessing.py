"""What a model does with its data before its first weights."""

from __future__ import annotations

from handmade_models import dense, layer, sequential

from keras_weld.checks.preprocessing import steps_of
from keras_weld.core.graph import ModelGraph


def texts(*layers, shape=(8, 8, 3)):
    return [step.text for step in steps_of(ModelGraph.from_config(sequential(list(layers), shape)))]


def test_a_model_without():
    assert texts(layer("Conv2D", "c", filters=4), layer("Rescaling", "later", scale=2.0)) == []


def test_layers_that_prepare():
    found = texts(
        layer("Resizing", "a", height=224, width=200),
        layer("RandomFlip", "augment"),
        layer("Rescaling", "b", scale=1 / 127.5, offset=-1.0),
        layer("Normalization", "c", mean=None),
        layer("Normalization", "d", mean=[0.5, 0.25], variance=[1.0, 2.0]),
        dense("e", 3),
    )
    assert found == [
        "resized to 224 x 200",
        "times 0.00784314, plus -1",
        "normalized with stored means and variances",
        "minus (0.5, 0.25), variance (1, 2)",
    ]


def test_text_that_is_encoded():
    assert texts(layer("TextVectorization", "t"), shape=()) == ["encoded by TextVectorization"]


def test_preparation_inside_a_model():
    inner = sequential([layer("Rescaling", "scale", scale=0.5)], (8, 8, 3), name="prepare")
    inner["config"]["build_input_shape"] = [None, 8, 8, 3]
    graph = ModelGraph.from_config(sequential([inner, layer("CenterCrop", "crop", height=4, width=4)]))
    assert [(step.layer, step.text) for step in steps_of(graph)] == [
        ("prepare/scale", "times 0.5, plus 0"),
        ("crop", "cropped to 4 x 4"),
    ]


def test_operations_with_a_constant():
    def node(name, class_name, args):
        return {
            "module": "keras.src.ops.numpy",
            "class_name": class_name,
            "config": {"name": name},
            "name": name,
            "inbound_nodes": [{"args": args, "kwargs": {}}],
        }

    def of(name):
        return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, 0, 0]}}

    start = layer("InputLayer", "in", batch_shape=[None, 4], dtype="float32") | {"name": "in"}
    layers = [
        start,
        node("half", "TrueDivide", [of("in"), 2.0]),
        node("less", "Subtract", [of("half"), 1]),
        node("both", "Add", [of("less"), of("in")]),
    ]
    ends = {"input_layers": ["in", 0, 0], "output_layers": ["both", 0, 0]}
    config = {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}}
    steps = steps_of(ModelGraph.from_config(config))
    assert [step.text for step in steps] == ["divided by 2", "minus 1"]
