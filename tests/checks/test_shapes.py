"""Shapes worked out without Keras, against those that Keras wrote or works out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from handmade_models import dense, layer, sequential

from keras_weld.checks.shapes import Shapes
from keras_weld.core.graph import ModelGraph
from keras_weld.core.graph_nodes import Edge

GOLDEN = Path(__file__).parent.parent / "golden"
CONV = {"filters": 4, "kernel_size": [3, 3], "strides": [2, 2], "padding": "valid", "dilation_rate": [1, 1]}


def shape_after(one, shape):
    graph = ModelGraph.from_config(sequential([one], shape))
    return Shapes(graph).of(graph.outputs[0])


@pytest.mark.parametrize(
    ("one", "given", "expected"),
    [
        (dense("d", 3), (5, 8), (None, 5, 3)),
        (layer("Flatten", "f"), (4, 4, 3), (None, 48)),
        (layer("Flatten", "f"), (None, 3), (None, None)),
        (layer("Reshape", "r", target_shape=[-1, 2]), (4, 3), (None, 6, 2)),
        (layer("Conv2D", "c", **CONV), (9, 8, 3), (None, 4, 3, 4)),
        (layer("Conv2D", "c", **{**CONV, "padding": "same"}), (9, None, 3), (None, 5, None, 4)),
        (layer("DepthwiseConv2D", "c", kernel_size=3, depth_multiplier=2), (9, 9, 3), (None, 7, 7, 6)),
        (layer("MaxPooling2D", "p", pool_size=[2, 2], strides=None), (9, 8, 3), (None, 4, 4, 3)),
        (layer("GlobalAveragePooling2D", "g"), (9, 8, 3), (None, 3)),
        (layer("LSTM", "l", units=6), (5, 8), (None, 6)),
        (layer("GRU", "l", units=6, return_sequences=True), (5, 8), (None, 5, 6)),
        (layer("Bidirectional", "b", layer=layer("LSTM", "l", units=6)), (5, 8), (None, 12)),
        (layer("TimeDistributed", "t", layer=dense("d", 3)), (5, 8), (None, 5, 3)),
        (layer("Embedding", "e", output_dim=7), (5,), (None, 5, 7)),
        (layer("MyOwn", "m"), (5,), None),
        (layer("Reshape", "r", target_shape="nonsense"), (5,), None),
    ],
)
def test_shapes(one, given, expected):
    assert shape_after(one, given) == expected


@pytest.mark.parametrize("version", ["keras1_2", "keras2_15", "keras3_0"])
@pytest.mark.parametrize("name", ["mlp", "cnn", "lstm", "nested", "two_io"])
def test_outputs_of_other_versions(version, name):
    config = json.loads((GOLDEN / version / f"{name}.json").read_text())
    graph = ModelGraph.from_config(config)
    shapes = Shapes(graph)
    widths = [(shapes.of(edge) or (None,))[-1] for edge in graph.outputs]
    assert widths == ([3, 2] if name == "two_io" else [3])


def test_a_chain_longer_than_the_stack_of_python():
    graph = ModelGraph.from_config(sequential([layer("ReLU", f"r{number}") for number in range(3000)]))
    assert Shapes(graph).of(graph.outputs[0]) == (None, 8)


@pytest.mark.keras
def test_shapes_agree_with_keras():
    import keras

    layers = keras.layers
    inputs = keras.Input((33, 32, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(inputs)
    x = layers.SeparableConv2D(6, 3, dilation_rate=2)(x)
    x = layers.AveragePooling2D(2, padding="same")(layers.BatchNormalization()(x))
    x = layers.Concatenate()([x, layers.ReLU()(x)])
    x = layers.Reshape((-1, 12))(x)
    x = layers.Bidirectional(layers.GRU(5, return_sequences=True))(x)
    model = keras.Model(inputs, layers.Dense(2)(layers.GlobalMaxPooling1D()(x)))
    graph = ModelGraph.from_config({"class_name": "Functional", "config": model.get_config()})
    worked_out = Shapes(graph)
    worked_out._found = {edge: edge.shape for edge in graph.inputs}  # forget what Keras wrote
    for one in model.layers:
        assert worked_out.of(Edge(one.name)) == tuple(one.output.shape), one.name
