"""Whether a model's configuration has the form that Keras 3 writes, so that a file with it can be built again.

Merging copies a configuration without building it. One that is broken would be found only when the result is
loaded, long after its sources are gone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keras_weld.core.graph import ModelGraph
from keras_weld.core.graph_calls import is_new_form, read_calls, read_ends
from keras_weld.core.graph_nodes import edges_in, shape_of
from keras_weld.core.graph_order import calls_in_order
from keras_weld.errors import DamagedFileError

_AGAIN = "Save the model again with model.save(), or copy the file again from where it came from."
_MODELS = ("Functional", "Sequential")
_ENDS = ("input_layers", "output_layers")
_OBJECT = "an object with class_name and config"
_SERIALIZED = ("activation", "dtype", "recurrent_activation")
_SERIALIZED_ENDINGS = ("_initializer", "_regularizer", "_constraint")
_FLAGS = ("use_bias", "trainable")
_SHARES = ("rate", "dropout", "recurrent_dropout")
_WIDTHS = {"Dense": "units", "LSTM": "units", "GRU": "units", "Conv2D": "filters", "Embedding": "output_dim"}


def require_form(config: Mapping[str, Any], graph: ModelGraph) -> None:
    """Refuse a configuration that no Keras 3 writes: parts that are missing, of another kind, or refer to nothing.

    Models and layers of classes of the user's own are passed over: they may keep what they like.

    Args:
        config: the content of `config.json`, or what `model.to_json()` gave.
        graph: the graph that it gives.

    Raises:
        DamagedFileError: naming the place in the configuration, what Keras writes there, and what is there.
    """
    if not isinstance(config.get("class_name"), str):
        raise _broken("class_name", "the name of a class", config.get("class_name"))
    if not _of_a_script(config):
        _require_text(config, "module", "")
    if _of_keras(config):
        _require_model(config, "")
        _require_order(graph)


def _of_keras(entry: Mapping[str, Any]) -> bool:
    """Whether this is from Keras 3 itself, by the module that Keras writes beside the class."""
    module = entry.get("module")
    registered = entry.get("registered_name")
    return isinstance(module, str) and module.split(".")[0] == "keras" and ">" not in str(registered)


def _of_a_script(entry: Mapping[str, Any]) -> bool:
    """Whether this is of a class that was defined in the script itself: Keras writes its name, and null for module."""
    return "module" in entry and entry["module"] is None and isinstance(entry.get("registered_name"), str)


def _require_model(entry: Mapping[str, Any], where: str) -> None:
    if entry["class_name"] not in _MODELS:
        return
    inner = entry.get("config")
    if not isinstance(inner, Mapping):
        raise _broken(f"{where}config", "an object with name and layers", inner)
    here = f"{where}config."
    _require_name(inner, here)
    layers = inner.get("layers")
    if not isinstance(layers, list):
        raise _broken(f"{here}layers", "a list of layers", layers)
    functional = entry["class_name"] == "Functional"
    for number, layer in enumerate(layers):
        _require_layer(layer, f"{here}layers[{number}]", functional)
    if functional:
        _require_links(inner, layers, here)


def _require_layer(layer: Any, where: str, functional: bool) -> None:
    if not isinstance(layer, Mapping) or not isinstance(layer.get("class_name"), str):
        raise _broken(where, _OBJECT, layer)
    if functional:
        _require_text(layer, "name", f"{where}.")
        if not isinstance(layer.get("inbound_nodes"), list):
            raise _broken(f"{where}.inbound_nodes", "a list of calls", layer.get("inbound_nodes"))
    module, built = layer.get("module"), layer.get("build_config")
    if not isinstance(module, str | None):
        raise _broken(f"{where}.module", "the name of a module", module)
    if not isinstance(built, Mapping | None):
        raise _broken(f"{where}.build_config", "an object, or nothing", built)
    if not _of_keras(layer):
        return
    options = layer.get("config")
    if not isinstance(options, Mapping):
        raise _broken(f"{where}.config", "an object with the layer's options", options)
    _require_options(layer["class_name"], options, f"{where}.config.")
    _require_model(layer, f"{where}.")


def _require_options(class_name: str, options: Mapping[str, Any], where: str) -> None:
    _require_name(options, where)
    if class_name == "InputLayer":
        shape = options.get("batch_shape", options.get("batch_input_shape"))  # the second in Keras 2
        if not (sizes := shape_of(shape)) or any(size is not None and size < 0 for size in sizes):
            raise _broken(f"{where}batch_shape", "a shape, such as [null, 8]", shape)
    for name, value in options.items():
        if name in _FLAGS and not isinstance(value, bool):
            raise _broken(f"{where}{name}", "true or false", value)
        if name in _SHARES and value is not None and not _is_share(value):
            raise _broken(f"{where}{name}", "a number from 0 to 1", value)
        if name in _SERIALIZED or name.endswith(_SERIALIZED_ENDINGS):
            _require_serialized(value, f"{where}{name}")
    width = _WIDTHS.get(class_name)
    if width is not None and (type(options.get(width)) is not int or options[width] < 1):
        raise _broken(f"{where}{width}", "a whole number from 1 on", options.get(width))


def _is_share(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1  # NaN is neither


def _require_serialized(value: Any, where: str) -> None:
    named = isinstance(value, str) or (isinstance(value, Mapping) and isinstance(value.get("class_name"), str))
    if value is not None and not named:
        raise _broken(where, f"a name, {_OBJECT}, or nothing", value)


def _require_links(inner: Mapping[str, Any], layers: list[Any], here: str) -> None:
    """Refuse references to layers that are not there, and layers that are called on nothing."""
    names = {layer["name"] for layer in layers}
    new_form = any(is_new_form(layer["inbound_nodes"]) for layer in layers)
    for end in _ENDS:
        if not list(edges_in(read_ends(inner.get(end), names))):
            raise _broken(f"{here}{end}", "[layer, call, tensor] of layers in this list", inner.get(end))
    for number, layer in enumerate(layers):
        nodes = layer["inbound_nodes"]
        where = f"{here}layers[{number}].inbound_nodes"
        if layer["class_name"] == "InputLayer":
            continue
        if not nodes:
            raise _broken(where, "a call, since the layer is part of the model", nodes)
        if new_form:  # that of Keras 3
            operation = "ops" in str(layer.get("module")).split(".")
            _require_tensors(nodes, names, where, alone=operation)


def _require_tensors(nodes: list[Any], names: set[str], where: str, *, alone: bool) -> None:
    """Refuse calls on tensors of no layer, and on none at all; such of an operation the scan refuses as unsafe."""
    for number, node in enumerate(nodes):
        if not isinstance(node, Mapping) or not isinstance(node.get("args"), list):
            raise _broken(f"{where}[{number}]", "an object with args and kwargs", node)
        for tensor in _tensors_in(node):
            described = tensor.get("config")
            history = described.get("keras_history") if isinstance(described, Mapping) else None
            if not list(edges_in(read_ends(history, names))):
                raise _broken(f"{where}[{number}]", "tensors of layers in this list", history)
        if not alone and not any(call.inbound for call in read_calls([node], names)):
            raise _broken(f"{where}[{number}]", "a call on a tensor of this model", node)


def _tensors_in(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        if value.get("class_name") == "__keras_tensor__":
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _tensors_in(item)


def _require_order(graph: ModelGraph) -> None:
    """Refuse layers that wait for each other in a circle."""
    done = {(layer.name, call) for layer, call in calls_in_order(graph)}
    for layer in graph.layers:
        if any((layer.name, call) not in done for call in range(len(layer.calls))):
            raise DamagedFileError(
                "The model's configuration is broken: layers wait for each other in a circle.",
                layer=layer.name,
                expected="calls that can be made one after the other",
                found=f"{layer.name} needs what is made from its own result",
                remedy=_AGAIN,
            )
        if layer.graph is not None:
            _require_order(layer.graph)


def _require_text(entry: Mapping[str, Any], key: str, where: str) -> None:
    if not isinstance(entry.get(key), str):
        raise _broken(f"{where}{key}", "a name", entry.get(key))


def _require_name(options: Mapping[str, Any], where: str) -> None:
    if options.get("name") is not None:  # without one, Keras makes one up
        _require_text(options, "name", where)


def _broken(where: str, expected: str, found: Any) -> DamagedFileError:
    return DamagedFileError(
        f"The model's configuration is broken at {where}.",
        expected=expected,
        found="nothing" if found is None else f"{found!r:.60}",
        remedy=_AGAIN,
    )
