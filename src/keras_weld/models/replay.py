"""Call the layers of a live model again, all or some of them, on other tensors: how graphs are cut and rewired."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras

from keras_weld.core.graph import ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.graph_order import calls_in_order
from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.models.write import first_words

Tensor = Any
"""A symbolic tensor of Keras, of a shape with the batch first."""


def graph_of(model: keras.Model) -> ModelGraph:
    """The graph of a live model; it is opaque for one whose layers are in its code.

    Raises:
        UsageError: if the model, or a layer of it, cannot say what it was made from.
    """
    try:
        config = keras.saving.serialize_keras_object(model)
    except Exception as error:  # a get_config of the user's own may raise anything
        raise UsageError(
            f"The model {model.name!r} cannot be written down, so it could not be saved after a merge.",
            expected="a get_config() in every class of your own",
            found=f"{type(error).__name__}: {first_words(error)}",
            remedy="Write one that returns the arguments of __init__, as Keras's guide on saving shows.",
        ) from error
    return ModelGraph.from_config(config)


def operations_of(model: keras.Model) -> dict[str, Any]:
    """The layers and operations of a model by their names in its graph."""
    return {one.name: one for one in getattr(model, "operations", model.layers)}


def replay(model: keras.Model, graph: ModelGraph, given: Mapping[Edge, Tensor], wanted: Sequence[Edge]) -> list[Tensor]:
    """Call as many of a model's layers as it takes to make some tensors out of others.

    The layers are those of the model, so weights are shared with it.

    Args:
        model: a Functional or Sequential model.
        graph: its graph.
        given: the tensors that are there already, by their places in the graph.
        wanted: the places of the tensors to make.

    Returns:
        The tensors, in the order of `wanted`.

    Raises:
        IncompatibleModelsError: if a wanted tensor depends on an input that is not given.
    """
    made: dict[Edge, Tensor] = dict(given)
    needed = _needed(graph, made, wanted)
    layers = operations_of(model)
    for layer, number in calls_in_order(graph):
        if (layer.name, number) not in needed:
            continue
        if layer.is_input:
            raise IncompatibleModelsError(
                "The model cannot be cut there: what comes after also depends on the input by another way.",
                layer=layer.name,
                expected="a place that everything goes through",
                found=", ".join(edge.layer for edge in given),
                remedy="Choose a layer behind which all branches have joined.",
            )
        call = layer.calls[number]
        operation = layers[layer.name]
        results = operation(*filled(call.args, made), **inferring(operation, filled(call.kwargs, made)))
        for index, result in enumerate(keras.tree.flatten(results)):
            made[Edge(layer.name, number, index)] = result
    return [made[edge] for edge in wanted]


def inferring(operation: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call, for inference where `training=True` is but the layer's default.

    Layers that work on images have this default, and Keras writes it down with the call. Called without a word on
    training, a model then hands it on to the models in it that come after: they drop out, and change their
    statistics. `fit` and `predict` say what they want and are not concerned.
    """
    if kwargs.get("training") is not True:
        return kwargs
    default = inspect.signature(operation.call).parameters["training"].default
    return {**kwargs, "training": False} if default is True else kwargs


def _needed(graph: ModelGraph, given: Iterable[Edge], wanted: Sequence[Edge]) -> set[tuple[str, int]]:
    """The calls that lead from the given tensors to the wanted ones."""
    layers = {layer.name: layer for layer in graph.layers}
    there = set(given)
    needed: set[tuple[str, int]] = set()
    waiting = [edge for edge in wanted if edge not in there]
    while waiting:
        edge = waiting.pop()
        if (edge.layer, edge.call) in needed:
            continue
        needed.add((edge.layer, edge.call))
        calls = layers[edge.layer].calls
        waiting += [one for one in calls[edge.call].inbound if one not in there] if calls else []
    return needed


def filled(value: Any, made: Mapping[Any, Tensor], place: type = Edge) -> Any:
    """Arguments of a call with tensors where there are places, and objects where there is their description.

    Args:
        value: arguments as a graph has them.
        made: the tensors by their places.
        place: the class of these.
    """
    if isinstance(value, place):
        return made[value]
    if isinstance(value, list | tuple):
        return type(value)(filled(item, made, place) for item in value)
    if isinstance(value, dict):
        if value.get("class_name") == "__tuple__":
            return tuple(filled(item, made, place) for item in value["items"])
        if "class_name" in value and "config" in value:
            return keras.saving.deserialize_keras_object(value)
        return {key: filled(item, made, place) for key, item in value.items()}
    return value
