"""A model as a part of another: whole under a name of its own, or cut at a tensor into what is before and after.

Each part is a Functional model that shares its layers with the model it comes from. It is one layer of the
graph that it is put into, so names of layers never collide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_weld.core.features import Place
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.named_place import place_named
from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.models.replay import Tensor, graph_of, operations_of, replay


def inputs_of(model: keras.Model) -> list[Tensor]:
    """Fresh inputs like those of a model, in the order of its graph.

    Raises:
        UsageError: if a model of the user's own class does not tell the shape of what it takes.
    """
    if getattr(model, "inputs", None):
        return [keras.Input(batch_shape=one.shape, dtype=one.dtype, name=one.name) for one in model.inputs]
    shapes = _built_for(model)
    each = shapes if isinstance(shapes, Mapping) else {"input": shapes}
    if each and all(_is_shape(each[name]) for name in each):
        return [keras.Input(batch_shape=(None, *each[name][1:]), name=name) for name in sorted(each)]
    raise UsageError(
        f"The model {model.name!r} does not tell what it takes: its layers are in its own code.",
        expected="a model that was built for one input, or for a dict of inputs: model.build((None, …)), or called "
        "once before it was saved",
        found=f"{type(model).__name__} with {shapes!r}",
        remedy="Wrap it where it was made: keras.Model(inputs, your_model(inputs)), and save that.",
    )


def called(model: keras.Model, inputs: Sequence[Tensor]) -> list[Tensor]:
    """What a model of the user's own class makes of inputs like those of `inputs_of`."""
    shapes = _built_for(model)
    given = dict(zip(sorted(shapes), inputs, strict=True)) if isinstance(shapes, Mapping) else inputs[0]
    found: list[Tensor] = keras.tree.flatten(model(given))
    return found


def _built_for(model: keras.Model) -> Any:
    """The shape that a model was built for, or a dict of shapes."""
    return (model.get_build_config() or {}).get("input_shape")


def _is_shape(value: Any) -> bool:
    sizes = value if isinstance(value, tuple | list) else ()
    return bool(sizes) and all(size is None or isinstance(size, int) for size in sizes)


def whole(model: keras.Model, name: str) -> keras.Model:
    """The model from its inputs to all of its outputs, as a Functional model of another name."""
    graph, inputs = graph_of(model), inputs_of(model)
    outputs = called(model, inputs) if graph.opaque else replay(model, graph, _given(graph, inputs), graph.outputs)
    return keras.Model(alone(inputs), alone(outputs), name=name)


def before(model: keras.Model, places: Sequence[Place], name: str) -> keras.Model:
    """The part of a model from its inputs to some tensors in it.

    Args:
        model: a Functional or Sequential model.
        places: the tensors; each may lie in a model inside the model.
        name: the part's name.

    Raises:
        UsageError: if there is no such tensor.
        IncompatibleModelsError: if a model inside the model is called more than once on the way.
    """
    graph, inputs = graph_of(model), inputs_of(model)
    outputs = [_at(model, graph, _given(graph, inputs), place) for place in places]
    return keras.Model(alone(inputs), alone(outputs), name=name)


def after(model: keras.Model, place: Place, name: str) -> keras.Model:
    """The part of a model from a tensor in it to all of its outputs.

    Raises:
        UsageError: if there is no such tensor.
        IncompatibleModelsError: if the outputs depend on the inputs by another way, too.
    """
    graph = graph_of(model)
    if place.within:
        layer, inner = _inner(model, graph, place.within[0])
        tail = after(inner, Place(place.within[1:], place.edge), f"{layer.name}_tail")
        given = {Edge(layer.name, 0, index): one for index, one in enumerate(tail.outputs)}
        return keras.Model(alone(tail.inputs), alone(replay(model, graph, given, graph.outputs)), name=name)
    like = tensor_at(model, place)
    start = keras.Input(batch_shape=like.shape, dtype=like.dtype, name="features")
    return keras.Model(start, alone(replay(model, graph, {place.edge: start}, graph.outputs)), name=name)


def alone(tensors: Sequence[Tensor]) -> Tensor | list[Tensor]:
    """One tensor by itself, several as a list: the way in which Keras takes and gives them."""
    return tensors[0] if len(tensors) == 1 else list(tensors)


def tensor_at(model: keras.Model, place: Place) -> Tensor:
    """A symbolic tensor of the shape and dtype of the one at a place in a model."""
    return before(model, [place], "probe").outputs[0]


def place_of(model: keras.Model, path: str) -> Place:
    """The output of the layer that a path names, as `place_named` finds it.

    Raises:
        UsageError: if there is no such layer; names those that there are.
    """
    return place_named(graph_of(model), path)


def _at(model: keras.Model, graph: ModelGraph, given: dict[Edge, Tensor], place: Place) -> Tensor:
    if not place.within:
        return replay(model, graph, given, [place.edge])[0]
    layer, inner = _inner(model, graph, place.within[0])
    entering = replay(model, graph, given, layer.calls[0].inbound)
    part = before(inner, [Place(place.within[1:], place.edge)], layer.name)
    return part(alone(entering))


def _inner(model: keras.Model, graph: ModelGraph, name: str) -> tuple[GraphLayer, keras.Model]:
    layer = graph.layer(name)
    if len(layer.calls) != 1:
        raise IncompatibleModelsError(
            "A model inside the model is called more than once, so there is no one place in it to cut at.",
            layer=name,
            expected="one call",
            found=f"{len(layer.calls)} calls",
            remedy="Choose a layer of the outer model.",
        )
    return layer, operations_of(model)[name]


def _given(graph: ModelGraph, inputs: Sequence[Tensor]) -> dict[Edge, Tensor]:
    return dict(zip(graph.inputs, inputs, strict=True))
