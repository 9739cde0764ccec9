"""Which preparation of the data a model does by itself, between its inputs and its first weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.graph_order import consumers
from keras_weld.core.layer_variables import variables_of


@dataclass(frozen=True, slots=True)
class Step:
    """One step of preparation.

    Attributes:
        layer: the layer's name, outer models first.
        class_name: its class.
        text: what it does, in words; two steps with the same text do the same, as far as the config tells.
    """

    layer: str
    class_name: str
    text: str


_LOOKUPS = frozenset(
    {
        "CategoryEncoding",
        "Discretization",
        "HashedCrossing",
        "Hashing",
        "IntegerLookup",
        "MelSpectrogram",
        "STFTSpectrogram",
        "StringLookup",
        "TextVectorization",
    }
)
_ARITHMETIC = {
    "Add": "plus",
    "Divide": "divided by",
    "Multiply": "times",
    "Subtract": "minus",
    "TrueDivide": "divided by",
    "math.add": "plus",
    "math.multiply": "times",
    "math.subtract": "minus",
    "math.truediv": "divided by",
    "__operators__.add": "plus",
    "__operators__.mul": "times",
    "__operators__.sub": "minus",
    "__operators__.truediv": "divided by",
}
_THROUGH = ("Random", "ZeroPadding", "Cropping")
_THROUGH_NAMES = frozenset(
    {
        "InputLayer",
        "Identity",
        "Reshape",
        "Permute",
        "GaussianNoise",
        "Dropout",
        "Cast",
        "Pipeline",
        "GetItem",
    }
)


def steps_of(graph: ModelGraph) -> tuple[Step, ...]:
    """The steps of preparation in a model, in order; an empty tuple if there is none or it cannot be told."""
    return tuple(_steps(graph, ""))


def _steps(graph: ModelGraph, path: str) -> Iterator[Step]:
    layers = {layer.name: layer for layer in graph.layers}
    taken_by = consumers(graph)
    waiting = deque(graph.inputs)
    seen: set[tuple[str, int]] = set()
    while waiting:
        for name, call in taken_by.get(waiting.popleft(), ()):
            layer = layers[name]
            if (name, call) in seen:
                continue
            seen.add((name, call))
            if layer.graph is not None:
                yield from _steps(layer.graph, f"{path}{name}/")
                if not _has_variables(layer.graph):
                    waiting.extend(Edge(name, call, number) for number in range(len(layer.graph.outputs)))
                continue
            text = _describe(layer, call)
            if text is not None:
                yield Step(f"{path}{name}", layer.class_name, text)
            if text is not None or _goes_through(layer):
                waiting.append(Edge(name, call))


def _goes_through(layer: GraphLayer) -> bool:
    return layer.class_name.startswith(_THROUGH) or layer.class_name in _THROUGH_NAMES


def _has_variables(graph: ModelGraph) -> bool:
    return any(variables_of(layer.class_name, layer.config) != [] for layer in graph.walk())


def _describe(layer: GraphLayer, call: int) -> str | None:
    config = layer.config
    if layer.class_name == "Rescaling":
        return f"times {_number(config.get('scale'))}, plus {_number(config.get('offset', 0))}"
    if layer.class_name == "Normalization":
        if config.get("mean") is None:
            return "normalized with stored means and variances"
        return f"minus {_number(config['mean'])}, variance {_number(config.get('variance'))}"
    if layer.class_name in ("Resizing", "CenterCrop"):
        word = "resized to" if layer.class_name == "Resizing" else "cropped to"
        return f"{word} {config.get('height')} x {config.get('width')}"
    if layer.class_name in _LOOKUPS:
        return f"encoded by {layer.class_name}"
    if layer.class_name == "Lambda":
        return "Python code in a Lambda layer"
    return _arithmetic(layer, call)


def _arithmetic(layer: GraphLayer, call: int) -> str | None:
    """A calculation with a constant: an operation of Keras 3, or a TFOpLambda of Keras 2."""
    function = layer.class_name if layer.is_operation else str(layer.config.get("function", ""))
    word = _ARITHMETIC.get(function)
    if word is None or (not layer.is_operation and layer.class_name != "TFOpLambda"):
        return None
    if call >= len(layer.calls) or len(layer.calls[call].inbound) != 1:
        return None
    made = layer.calls[call]
    values = [*made.args, *made.kwargs.values()]
    constants = [value for value in values if not isinstance(value, Edge | str) and value is not None]
    return f"{word} {_number(constants[0])}" if constants else None


def _number(value: Any) -> str:
    if isinstance(value, dict):  # an array that Keras wrote with its class
        value = value.get("config", {}).get("value", "an array") if isinstance(value.get("config"), dict) else "?"
    if isinstance(value, list):
        flat = value
        while flat and isinstance(flat[0], list):
            flat = flat[0]
        shown = ", ".join(_number(item) for item in flat[:4])
        return f"({shown}{', ...' if len(flat) > 4 else ''})"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:.6g}"
