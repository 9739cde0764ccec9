"""The layers of a model in one flat row, models inside unfolded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from keras_weld.checks.options import class_name_of
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_order import calls_in_order
from keras_weld.core.layer_parts import sub_layers_of
from keras_weld.core.layer_variables import variables_of


@dataclass(frozen=True, slots=True)
class Node:
    """A layer in the flat order of a model.

    Attributes:
        number: its position in that order.
        name: its name, those of the models around it first.
        class_name: its class in the terms of Keras 3.
        layer: the layer.
        places: the positions of the layers around it, by their names in the model that it stands in.
        inner: if it is a model, the positions of the layers in it.
    """

    number: int
    name: str
    class_name: str
    layer: GraphLayer
    places: Mapping[str, int] = field(repr=False)
    inner: Mapping[str, int] = field(repr=False)


def flatten(graph: ModelGraph) -> list[Node]:
    """All layers and operations, models inside unfolded, in the order in which they can be called."""
    nodes: list[Node] = []
    _flatten(graph, "", {}, nodes)
    return nodes


def _flatten(graph: ModelGraph, path: str, places: dict[str, int], nodes: list[Node]) -> None:
    layers = {layer.name: layer for layer, _ in calls_in_order(graph)}
    for layer in layers.values():
        inner: dict[str, int] = {}
        places[layer.name] = len(nodes)
        nodes.append(Node(len(nodes), f"{path}{layer.name}", class_name_of(layer), layer, places, inner))
        if layer.graph is not None:
            _flatten(layer.graph, f"{path}{layer.name}/", inner, nodes)


def has_weights(node: Node) -> bool:
    """Whether a layer has variables, of its own or in its parts; layers of the user's own are taken to."""
    if node.layer.is_input or node.layer.is_operation or node.layer.graph is not None:
        return False
    own = variables_of(node.layer.class_name, node.layer.config)
    return own != [] or bool(sub_layers_of(node.layer.class_name, node.layer.config))
