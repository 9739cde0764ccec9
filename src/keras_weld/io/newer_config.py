"""The configuration in a whole-model `.h5` of Keras 3, in the form that a `.keras` file has.

Such an `.h5` describes the model and its layers by their classes alone; a `.keras` file also tells the module that
each class comes from. All else is the same.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from keras_weld.core.exported_names import exported_name
from keras_weld.core.graph_calls import is_new_form
from keras_weld.io.allow_list import is_known_class

Config = dict[str, Any]

_OPERATIONS = "keras.ops"
_MODELS = {"Functional": "keras.src.models.functional", "Model": "keras", "Sequential": "keras"}


def with_modules(config: Config) -> Config | None:
    """A model's configuration with the module of every class; None if one cannot be told.

    Args:
        config: the content of `model_config`; it is left alone.

    Example:
        >>> with_modules({"class_name": "Sequential", "config": {"layers": []}})["module"]
        'keras'
    """
    name, inner = config.get("class_name"), config.get("config")
    if not isinstance(name, str) or not isinstance(inner, dict):
        return None
    if "module" in config:
        return config
    if name not in _MODELS:
        return _layer(config, name, inner)
    layers = [with_modules(layer) if isinstance(layer, dict) else None for layer in inner.get("layers", ())]
    if None in layers:
        return None
    return {**config, "module": _MODELS[name], "config": {**inner, "layers": layers}, "registered_name": None}


def _layer(config: Config, name: str, inner: Config) -> Config | None:
    exported = exported_name(name)
    if is_known_class(exported, ("layers",)) and not _is_operation(name, inner):
        return {**config, "module": "keras.layers", "class_name": exported, "registered_name": None}
    if is_known_class(exported):
        return None  # an operation of keras.ops, which an .h5 does not tell from a layer of its name
    return {**config, "module": None, "class_name": name.rpartition(">")[2], "registered_name": name}


def with_operations(config: Config, weighted: Collection[str]) -> Config:
    """A model's configuration in which operations of `keras.ops` have the module that an `.h5` leaves out.

    Such a file writes an operation like a layer. It is taken for one where Keras has an operation of that name, there
    is no setting `trainable`, which every layer of Keras that shares its name with an operation has, and no weights.

    Args:
        config: the content of `model_config`; it is left alone.
        weighted: names of the layers that have weights in the file.
    """
    inner = config.get("config")
    if not isinstance(inner, dict) or not isinstance(inner.get("layers"), list):
        return config
    layers = [_with_operation(layer, weighted) if isinstance(layer, dict) else layer for layer in inner["layers"]]
    return {**config, "config": {**inner, "layers": layers}}


def _with_operation(entry: Config, weighted: Collection[str]) -> Config:
    name, inner = entry.get("class_name"), entry.get("config")
    if not isinstance(name, str) or not isinstance(inner, dict):
        return entry
    new = is_new_form(entry.get("inbound_nodes")) and "module" not in entry
    if new and _is_operation(name, inner) and inner.get("name", entry.get("name")) not in weighted:
        return {**entry, "module": _OPERATIONS}
    return with_operations(entry, weighted)


def _is_operation(class_name: str, options: Config) -> bool:
    return "trainable" not in options and is_known_class(class_name, ("operations",))
