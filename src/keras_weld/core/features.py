"""Where in a model its features end and its classifier begins, told from the graph and not from names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.layer_parts import is_serialized

_AFTER = frozenset(
    {
        "Activation",
        "ActivityRegularization",
        "Cast",
        "ELU",
        "ExpandDims",
        "Flatten",
        "Identity",
        "LeakyReLU",
        "PReLU",
        "ReLU",
        "Relu",
        "Reshape",
        "Sigmoid",
        "Softmax",
        "Squeeze",
        "Tanh",
    }
)
_NOISE = ("AlphaDropout", "Dropout", "Gaussian", "SpatialDropout")
_OF_CONV = ("GlobalAveragePooling", "GlobalMaxPooling", "AveragePooling", "Mean")
_NO_CLASSIFIER = ("Normalization", "Pooling", "LSTM", "GRU", "RNN", "Embedding", "Attention", "Bidirectional")
_WRAPPERS = frozenset({"SpectralNormalization", "TimeDistributed", "Wrapper"})


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor somewhere in a model.

    Attributes:
        within: names of the models around it, from the outside in; empty for the model itself.
        edge: the tensor, in the graph of the innermost of them.
    """

    within: tuple[str, ...]
    edge: Edge

    def __str__(self) -> str:
        """The name of what makes it, `backbone/avg_pool`."""
        return "/".join((*self.within, self.edge.layer))


@dataclass(frozen=True, slots=True)
class Features:
    """Where a model's features are.

    Attributes:
        place: the tensor.
        classifier: the layer that makes the model's answer out of them; None if the model has no such layer,
            and what it gives is taken itself.
    """

    place: Place
    classifier: str | None


def features_of(graph: ModelGraph, output: int = 0) -> Features:
    """The tensor that goes into the last layer before an output.

    From the output back: what only changes the form of an answer (activations, reshaping) is passed; the first
    layer after that is the classifier, if it is one that can be; dropout before it is passed too. A model
    that ends in pooling, normalization, a recurrent layer or a merge of branches gives features itself, and so
    does one whose classifier works on the input.

    Args:
        graph: a graph that tells its layers.
        output: which of the model's outputs.

    Example:
        >>> str(features_of(graph).place)  # doctest: +SKIP
        'global_average_pooling2d'
    """
    found = _search(graph, graph.outputs[output], ())
    if found is None or found.place.edge in graph.inputs:
        return Features(Place((), graph.outputs[output]), None)
    return found


def _search(graph: ModelGraph, edge: Edge, within: tuple[str, ...]) -> Features | None:
    """The features; their place may be an input of this graph. None if what the graph gives is features itself."""
    layers = {layer.name: layer for layer in graph.layers}
    scored = pooled = False
    for _ in graph.layers:
        layer = layers[edge.layer]
        inbound = layer.calls[edge.call].inbound if edge.call < len(layer.calls) else ()
        if layer.graph is not None:
            return _inside(graph, layer, edge, within)
        if len(inbound) != 1:
            return None  # an input, or a merge of branches
        if scored and not pooled and layer.class_name.startswith(_OF_CONV):
            pooled = True  # the scores of a convolution at every place, then their mean
        elif layer.class_name not in _AFTER and not layer.class_name.startswith(_NOISE):
            if layer.is_operation or any(word in _class_of(layer) for word in _NO_CLASSIFIER):
                return None
            if pooled and "Conv" not in layer.class_name:
                return None
            return Features(Place(within, _before_noise(graph, inbound[0])), "/".join((*within, layer.name)))
        scored = scored or layer.class_name in ("Softmax", "Sigmoid", "Activation")
        edge = inbound[0]
    return None


def _inside(graph: ModelGraph, layer: GraphLayer, edge: Edge, within: tuple[str, ...]) -> Features | None:
    """The features of a model in the model; where its head stands alone, they are what goes into it."""
    inner, inbound = layer.graph, layer.calls[edge.call].inbound
    if inner is None or inner.opaque or edge.tensor >= len(inner.outputs):
        return None
    path = (*within, layer.name)
    found = _search(inner, inner.outputs[edge.tensor], path)
    if found is None or found.place.within != path or found.place.edge not in inner.inputs:
        return found
    number = inner.inputs.index(found.place.edge)
    return Features(Place(within, _before_noise(graph, inbound[number])), found.classifier)


def _before_noise(graph: ModelGraph, edge: Edge) -> Edge:
    layers = {layer.name: layer for layer in graph.layers}
    while layers[edge.layer].class_name.startswith(_NOISE) and len(layers[edge.layer].calls) > edge.call:
        edge = layers[edge.layer].calls[edge.call].inbound[0]
    return edge


def _class_of(layer: GraphLayer) -> str:
    inner: Any = layer.config.get("layer")
    return str(inner["class_name"]) if layer.class_name in _WRAPPERS and is_serialized(inner) else layer.class_name
