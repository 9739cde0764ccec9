"""Configurations of Keras 2 in the words of Keras 3.

Keras 3 reads them only in part: it refuses arguments that it has dropped, modules that have moved, and calls
of nested models, which Keras 2 counted from one. What cannot be said in Keras 3 is left as it is, and refused
when the model is built.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keras_weld.io.allow_list import is_known_class
from keras_weld.models.older_calls import call, is_reference
from keras_weld.models.older_ops import CLASSES, operations

Config = dict[str, Any]

MODELS = ("Functional", "Sequential", "Model")
_PLACE = ("module", "registered_name", "build_config", "shared_object_id")
_KERNEL = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
_QUERY_SHAPES = ("query_shape", "key_shape", "value_shape")


def modernise(config: Config) -> Config:
    """A model's configuration of Keras 2, without what Keras 3 does not take; the original is left alone.

    Only what has no effect is dropped: `time_major=False`, `groups=1`, lengths and shapes that Keras 3 works
    out by itself.

    Example:
        >>> modernise({"class_name": "LSTM", "config": {"units": 2, "time_major": False}})
        {'class_name': 'LSTM', 'config': {'units': 2}}
    """
    fresh = _tuples(config)
    return _layer(fresh) if isinstance(fresh, dict) else config


def _tuples(value: Any) -> Any:
    """A copy in which tuples are tuples again."""
    if isinstance(value, list):
        return [_tuples(part) for part in value]
    if isinstance(value, dict):
        if value.get("class_name") == "__tuple__" and "items" in value:
            return tuple(_tuples(part) for part in value["items"])
        return {key: _tuples(part) for key, part in value.items()}
    return value


def _layer(layer: Config) -> Config:
    """A layer's or model's description, inner ones included."""
    name = layer["class_name"]
    found = {key: value for key, value in layer.items() if key not in _PLACE}
    inner = layer.get("config")
    if not isinstance(inner, dict):
        return found
    inner = {key: value for key, value in inner.items() if not _has_no_effect(name, key, value)}
    inner = {key: _part(value) for key, value in inner.items()}
    dtype = inner.get("dtype")
    if isinstance(dtype, dict):
        inner["dtype"] = dtype.get("config", {}).get("name", "float32")
    if isinstance(inner.get("axis"), list | tuple) and name == "BatchNormalization":
        inner["axis"] = inner["axis"][0]
    if name in MODELS and isinstance(inner.get("layers"), list):
        inner["layers"] = [_layer(one) for one in inner["layers"]]
        _drop_repeated_shapes(inner["layers"])
        _count_calls_from_zero(inner)
        inner["layers"] = [called for one in inner["layers"] for called in _called(one)]
    return found | {"config": inner}


def _called(layer: Config) -> list[Config]:
    """A layer of a model with its calls in the form of Keras 3; those of TensorFlow become operations."""
    if layer["class_name"] in CLASSES:
        return operations(layer)
    if isinstance(layer.get("inbound_nodes"), list):
        layer["inbound_nodes"] = [call(node) for node in layer["inbound_nodes"]]
    return [layer]


def _has_no_effect(name: str, key: str, value: Any) -> bool:
    if key == "time_major":
        return value is False
    if key in _KERNEL:
        return name.startswith("Separable")  # they have a depthwise and a pointwise kernel instead
    if key == "groups":
        return value == 1 and (name.startswith(("Depthwise", "Separable")) or name.endswith("Transpose"))
    if key == "input_length":
        return name == "Embedding"
    return name == "MultiHeadAttention" and key in _QUERY_SHAPES


def _part(value: Any) -> Any:
    """A layer inside a layer (Bidirectional, TimeDistributed) described the same way."""
    is_layer = isinstance(value, dict) and "class_name" in value and isinstance(value.get("config"), dict)
    module = value.get("module") if is_layer else None
    if is_layer and (module is None or ".layers" in str(module)) and "name" in value["config"]:
        place = {"module": "keras.layers"} if is_known_class(value["class_name"], ("layers",)) else {}
        return _layer(value) | place  # wrappers build what is inside them in the way of Keras 3
    return value


def _drop_repeated_shapes(layers: list[Config]) -> None:
    """Keras 2 repeats the input's shape in the first layer after an explicit input."""
    if layers and layers[0]["class_name"] == "InputLayer":
        for layer in layers[1:]:
            if layer["class_name"] != "InputLayer" and isinstance(layer.get("config"), dict):
                layer["config"].pop("batch_input_shape", None)


def _count_calls_from_zero(model: Config) -> None:
    """Count calls of nested models from zero; in Keras 2, building such a model was its first call."""
    nested = {layer.get("name"): layer for layer in model["layers"] if layer["class_name"] in MODELS}
    if not nested or "input_layers" not in model:
        return
    references = [
        reference
        for place in (*(layer.get("inbound_nodes", []) for layer in model["layers"]), model["output_layers"])
        for reference in _references(place)
        if reference[0] in nested
    ]
    for name, layer in nested.items():
        own = [reference for reference in references if reference[0] == name]
        calls = len(layer.get("inbound_nodes", []))
        shift = max((reference[1] for reference in own), default=0) - (calls - 1)
        if shift > 0:
            for reference in own:
                reference[1] -= shift


def _references(value: Any) -> Iterator[list[Any]]:
    """Every `[layer, call, output, …]` in a place where calls are listed."""
    if isinstance(value, dict):
        for part in value.values():
            yield from _references(part)
    elif isinstance(value, list):
        if is_reference(value):
            yield value
            value = value[3:]
        for part in value:
            yield from _references(part)
