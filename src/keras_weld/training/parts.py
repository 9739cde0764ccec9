"""The layers of a live model that training can change, from its inputs to its outputs, models in it opened up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.graph_order import calls_in_order
from keras_weld.models.keras_private import layers_in, made_to_be_trained
from keras_weld.models.replay import graph_of, operations_of


@dataclass(frozen=True, slots=True)
class Part:
    """A layer that training can change. A layer made of layers (an LSTM and its cell) is one part.

    Attributes:
        path: names from the outside in, `backbone/conv1`.
        layer: the layer.
        ahead: how many such layers are still to come on the longest way from here to an output.
    """

    path: str
    layer: keras.Layer
    ahead: int

    @property
    def frozen(self) -> bool:
        """Whether training leaves it alone as it is."""
        own = _trained(self.layer)
        return not self.layer.trainable or (bool(own) and not any(one.trainable for one in own))


def parts_of(model: keras.Model) -> list[Part]:
    """All parts of a model in a topological order: each stands after those whose results it takes.

    The order goes by the distance to the outputs, so that the last parts of models that stand side by side are
    all near the end. A layer that is called several times stands where it is called first.
    """
    found: dict[int, Part] = {}
    graph = graph_of(model)
    if graph.opaque:
        _count_back(list(_each(model, "")) if _is_bag(model) else [(model.name, model)], 0, found)
    else:
        _walk(model, graph, dict.fromkeys(graph.outputs, 0), "", found)
    return sorted(found.values(), key=lambda part: part.ahead)[::-1]


def is_part(layer: Any) -> bool:
    """Whether training can change a layer: its weights, or the statistics of a normalization in it."""
    return bool(_trained(layer)) or any(isinstance(one, keras.layers.BatchNormalization) for one in layers_in(layer))


def _trained(layer: Any) -> list[Any]:
    """The variables that were made to be trained, whether or not they are frozen now."""
    return [variable for one in layers_in(layer) for variable in made_to_be_trained(one)]


def _walk(model: Any, graph: ModelGraph, after: dict[Edge, int], path: str, found: dict[int, Part]) -> list[int]:
    """Enter the parts of a graph, from its end; gives what is ahead of each of its inputs.

    Args:
        model: the model.
        graph: its graph.
        after: how many parts come after each of its outputs.
        path: the model's own path, with a slash at its end.
        found: the parts by the identity of their layers.
    """
    ahead = dict(after)
    layers = operations_of(model)
    for layer, number in reversed(calls_in_order(graph)):
        made = {edge.tensor: count for edge, count in ahead.items() if (edge.layer, edge.call) == (layer.name, number)}
        if layer.is_input or layer.is_operation or not made:
            entering = [max(made.values(), default=0)] * len(_inbound(layer, number))
        elif layer.graph is not None and not layer.graph.opaque:
            inner: dict[Edge, int] = {}
            for index, count in made.items():
                edge = layer.graph.outputs[index]
                inner[edge] = max(count, inner.get(edge, 0))
            entering = _walk(layers[layer.name], layer.graph, inner, f"{path}{layer.name}/", found)
        else:
            behind = _count_back(_opened(layers[layer.name], path), max(made.values()), found)
            entering = [behind] * len(_inbound(layer, number))
        for edge, count in zip(_inbound(layer, number), entering, strict=False):
            ahead[edge] = max(count, ahead.get(edge, 0))
    return [ahead.get(edge, 0) for edge in graph.inputs]


def _inbound(layer: GraphLayer, number: int) -> tuple[Edge, ...]:
    return layer.calls[number].inbound if number < len(layer.calls) else ()


def _opened(layer: Any, path: str) -> list[tuple[str, Any]]:
    """A layer by itself; a model whose graph is in its code as its layers, in the order in which it lists them."""
    name = f"{path}{layer.name}"
    return list(_each(layer, f"{name}/")) if _is_bag(layer) else [(name, layer)]


def _is_bag(layer: Any) -> bool:
    """Whether it is a model with no variables besides those of its layers."""
    return isinstance(layer, keras.Model) and not made_to_be_trained(layer)


def _each(model: Any, path: str) -> Iterator[tuple[str, Any]]:
    for layer in model.layers:
        if _is_bag(layer):
            yield from _each(layer, f"{path}{layer.name}/")
        else:
            yield f"{path}{layer.name}", layer


def _count_back(layers: list[tuple[str, Any]], ahead: int, found: dict[int, Part]) -> int:
    """Enter layers that stand in a row, the last first; gives what is ahead of what goes into the first."""
    for path, layer in reversed(layers):
        if not is_part(layer):
            continue
        known = found.get(id(layer))
        if known is None or known.ahead < ahead:
            found[id(layer)] = Part(path if known is None else known.path, layer, ahead)
        ahead += 1
    return ahead
