"""What the numbers that come out of a model mean, from the last layers and the loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from keras_weld.checks.shapes import Shapes
from keras_weld.checks.training import Loss
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.layer_parts import is_serialized
from keras_weld.core.snake_case import snake_case


class Kind(StrEnum):
    """The kinds of meaning that can be told apart."""

    CLASSES = "class probabilities"
    INDEPENDENT = "independent probabilities"
    CLASS_LOGITS = "class logits"
    INDEPENDENT_LOGITS = "independent logits"
    VALUES = "real values"
    OPEN = "logits or real values"
    FEATURES = "features"
    UNKNOWN = "unknown"


PROBABILITIES = (Kind.CLASSES, Kind.INDEPENDENT)
LOGITS = (Kind.CLASS_LOGITS, Kind.INDEPENDENT_LOGITS)


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one output means.

    Attributes:
        kind: which kind of numbers.
        classes: how many classes there are, where it is about classes and the number is known.
        text: the same in words.
        why: what it was told from.
        doubt: what the loss says against it, in words; None if nothing.
    """

    kind: Kind
    classes: int | None
    text: str
    why: str
    doubt: str | None = None

    @property
    def is_clear(self) -> bool:
        """Whether the file tells what the numbers are."""
        return self.kind not in (Kind.UNKNOWN, Kind.OPEN)


_THROUGH = frozenset(
    {
        "ActivityRegularization",
        "Cast",
        "Dropout",
        "Flatten",
        "GaussianNoise",
        "Identity",
        "Reshape",
        "Squeeze",
        "ExpandDims",
    }
)
_OPERATIONS = {"Softmax": "softmax", "Sigmoid": "sigmoid", "Tanh": "tanh", "Relu": "relu", "ReLU": "relu"}
_NO_UNITS = ("Pooling", "Normalization")
_RANGES = {
    "relu": "values of 0 and more",
    "relu6": "values from 0 to 6",
    "softplus": "values above 0",
    "exponential": "values above 0",
    "tanh": "values from -1 to 1",
}
_OF_PROBABILITIES = frozenset(
    {
        "binary_crossentropy",
        "binary_focal_crossentropy",
        "categorical_crossentropy",
        "categorical_focal_crossentropy",
        "sparse_categorical_crossentropy",
    }
)
"""Losses of Keras that take probabilities unless they are told otherwise."""
_REGRESSION = ("error", "huber", "log_cosh", "poisson", "cosine_similarity")


def meaning_of(graph: ModelGraph, edge: Edge, loss: Loss | None, width: int | None) -> Meaning:
    """What one output means.

    Args:
        graph: the graph that the output is in.
        edge: the output.
        loss: the loss on it, if the file tells.
        width: the size of its last axis, if known.
    """
    meaning = _by_layers(graph, edge, loss, width)
    return replace(meaning, doubt=_doubt(meaning, loss)) if loss is not None else meaning


def _by_layers(graph: ModelGraph, edge: Edge, loss: Loss | None, width: int | None) -> Meaning:
    layer, activation = _last(graph, edge)
    where = f'layer "{layer.name}"' if layer else "the config"
    if layer is None or activation is None:
        return Meaning(Kind.UNKNOWN, None, "unknown", f"{where} does not tell")
    if activation == "softmax":
        classes = "probabilities of one class" if width == 1 else f"probabilities of {_count(width)} classes"
        return Meaning(Kind.CLASSES, width, classes, f"softmax in {where}")
    if activation in ("sigmoid", "hard_sigmoid"):
        return Meaning(Kind.INDEPENDENT, width, _TEXTS[Kind.INDEPENDENT](width), f"{activation} in {where}")
    if activation in _RANGES:
        return Meaning(Kind.VALUES, None, _RANGES[activation], f"{activation} in {where}")
    if activation == "linear":
        return _linear(layer, loss, width, where)
    return Meaning(Kind.UNKNOWN, None, "unknown", f"{activation} in {where}")


def meaning_by_loss(loss: Loss, width: int | None) -> Meaning:
    """What an output means by the loss on it alone, where the layers are in the model's own code.

    Args:
        loss: the loss.
        width: the size of the output's last axis, if known.
    """
    why = f"loss {loss.name}"
    known = _by_loss(loss, width, why)
    if known is not None:
        return known
    if "crossentropy" not in loss.name:
        return Meaning(Kind.UNKNOWN, None, "unknown", why)
    if loss.from_logits is None:
        return Meaning(Kind.UNKNOWN, None, "unknown", f"{why}, by its name alone, without from_logits")
    kind = Kind.INDEPENDENT if loss.name.startswith("binary") else Kind.CLASSES
    return Meaning(kind, width, _TEXTS[kind](width), f"{why} with from_logits=False")


def meaning_told(word: str, width: int | None) -> Meaning | None:
    """What an output means by the word of the file's lineage; None if it is no such word.

    Args:
        word: the value of a `Kind`.
        width: the size of the output's last axis, if known.
    """
    kind = next((one for one in _TEXTS if one == word), None)
    if kind is None:
        return None
    classes = None if kind is Kind.VALUES else width
    return Meaning(kind, classes, _TEXTS[kind](width), "the lineage in the file says so")


def activation_of(config: Mapping[str, Any]) -> str | None:
    """The name of a layer's activation: `linear` for none, None for one of the user's own."""
    value = config.get("activation")
    if value is None:
        return "linear"
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        if value.get("class_name") == "function":
            name = value.get("config")
            return name if isinstance(name, str) else None
        return snake_case(str(value.get("class_name", ""))) or None
    return None


def _linear(layer: GraphLayer, loss: Loss | None, width: int | None, where: str) -> Meaning:
    if any(word in layer.class_name for word in _NO_UNITS):
        return Meaning(Kind.FEATURES, None, f"{_count(width)} features", f"the last is {where}")
    why = f"no activation in {where}"
    if loss is None:
        return Meaning(Kind.OPEN, width, f"logits or real values ({_count(width)})", f"{why}, no loss in the file")
    why = f"{why}, loss {loss.name}"
    known = _by_loss(loss, width, why)
    return known or Meaning(Kind.OPEN, width, f"logits or real values ({_count(width)})", why)


def _by_loss(loss: Loss, width: int | None, why: str) -> Meaning | None:
    """What numbers without an activation mean by their loss, where that tells."""
    if "crossentropy" in loss.name and loss.from_logits:
        kind = Kind.INDEPENDENT_LOGITS if loss.name.startswith("binary") else Kind.CLASS_LOGITS
        return Meaning(kind, width, _TEXTS[kind](width), why)
    if any(word in loss.name for word in _REGRESSION):
        return Meaning(Kind.VALUES, None, _TEXTS[Kind.VALUES](width), why)
    return None


def _doubt(meaning: Meaning, loss: Loss) -> str | None:
    """Whether a loss takes what the layers do not give; trained so, a model learns badly, without a word of Keras."""
    if "crossentropy" not in loss.name:
        return None
    takes_probabilities = loss.from_logits is False or (loss.from_logits is None and loss.name in _OF_PROBABILITIES)
    if loss.from_logits and meaning.kind in PROBABILITIES:
        return f"the loss {loss.name} takes logits (from_logits=True), and the output has an activation already"
    if takes_probabilities and meaning.kind is Kind.OPEN:
        return f"the loss {loss.name} takes probabilities (from_logits=False), and nothing makes them of the output"
    return None


def _count(width: int | None) -> str:
    return "an unknown number of" if width is None else str(width)


_TEXTS: Mapping[Kind, Callable[[int | None], str]] = {
    Kind.CLASSES: lambda width: f"probabilities of {_count(width)} classes",
    Kind.INDEPENDENT: lambda width: (
        "the probability of yes" if width == 1 else f"{_count(width)} independent probabilities"
    ),
    Kind.CLASS_LOGITS: lambda width: f"logits of {_count(width)} classes",
    Kind.INDEPENDENT_LOGITS: lambda width: f"{_count(width)} independent logits",
    Kind.VALUES: lambda width: f"{_count(width)} real {'value' if width == 1 else 'values'}",
}
"""What the kinds are called, with a number of classes or values."""


def _last(graph: ModelGraph, edge: Edge, in_mean: bool = False) -> tuple[GraphLayer | None, str | None]:
    """The layer that gives an output its meaning, and the name of its activation."""
    layers = {layer.name: layer for layer in graph.layers}
    for _ in graph.layers:  # no path is longer, unless it goes in a circle
        layer = layers[edge.layer]
        if layer.graph is not None and edge.tensor < len(layer.graph.outputs):
            return _last(layer.graph, layer.graph.outputs[edge.tensor], in_mean)
        inbound = layer.calls[edge.call].inbound if edge.call < len(layer.calls) else ()
        linear = layer.class_name == "Activation" and activation_of(layer.config) == "linear"
        if (layer.class_name in _THROUGH or linear) and len(inbound) == 1:
            edge = inbound[0]
        elif layer.class_name == "Average" and not in_mean:
            # The mean of probabilities is one again, if all are of the same kind.
            found = {_last(graph, one, in_mean=True)[1] for one in inbound}
            return layer, found.pop() if len(found) == 1 else None
        else:
            return layer, _along(graph, layer, edge) or _activation(layer)
    return None, None


def _along(graph: ModelGraph, layer: GraphLayer, edge: Edge) -> str | None:
    """A softmax along another axis than the last, in words: what it gives are no probabilities of classes."""
    given = layer.config.get("activation")
    made = given if isinstance(given, Mapping) else {"class_name": layer.class_name, "config": layer.config}
    config = made.get("config")
    if made.get("class_name") != "Softmax" or not isinstance(config, Mapping):
        return None
    axis = config.get("axis", -1)
    if axis in (-1, [-1]):
        return None
    shape = Shapes(graph).of(edge)
    if shape is not None and axis in (len(shape) - 1, [len(shape) - 1]):
        return None
    return f"softmax along axis {axis}"


def _activation(layer: GraphLayer) -> str | None:
    config: Mapping[str, Any] = layer.config
    if layer.class_name in ("TimeDistributed", "SpectralNormalization", "Wrapper"):
        inner = config.get("layer")
        config = inner["config"] if inner and is_serialized(inner) else {}
        return activation_of(config) if "activation" in config else None
    if layer.class_name in _OPERATIONS:
        return _OPERATIONS[layer.class_name]
    if "activation" in config:
        return activation_of(config)
    return "linear" if any(word in layer.class_name for word in _NO_UNITS) else None
