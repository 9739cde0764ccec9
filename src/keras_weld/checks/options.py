"""Which options of two layers differ, and whether that matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keras_weld.checks.finding import Severity
from keras_weld.checks.meaning import activation_of
from keras_weld.checks.terms import modern_class, modern_config
from keras_weld.core.graph import GraphLayer

_NEVER = frozenset(
    {
        "activity_regularizer",
        "batch_size",
        "build_input_shape",
        "cell",
        "compile_config",
        "dtype",
        "implementation",
        "input_dim",
        "input_dtype",
        "input_layers",
        "input_length",
        "input_spec",
        "inbound_nodes",
        "layer",
        "backward_layer",
        "cells",
        "layers",
        "name",
        "optional",
        "output_layers",
        "quantization_config",
        "registered_name",
        "seed",
        "shared_object_id",
        "sparse",
        "ragged",
        "supports_jit",
        "time_major",
        "trainable",
        "unroll",
        "weights",
        "init",
        "inner_init",
        "forget_bias_init",
        "output_dim",
    }
)
"""Names, what only matters for building a layer, and what is compared elsewhere."""
_NEVER_ENDINGS = ("_initializer", "_regularizer", "_constraint")
_TRAINING_ONLY = frozenset(
    {
        "dropout",
        "dropout_W",
        "dropout_U",
        "factor",
        "momentum",
        "noise_shape",
        "rate",
        "recurrent_dropout",
        "stddev",
    }
)
_PREPARATION = frozenset({"Rescaling", "Normalization", "Resizing", "CenterCrop"})
_SMALL = frozenset({"epsilon"})
_ACTIVATIONS = frozenset({"activation", "recurrent_activation"})


def class_name_of(layer: GraphLayer) -> str:
    """The layer's class in the terms of Keras 3; operations are told from layers of the same name."""
    name = modern_class(layer.class_name, layer.config)
    return f"ops.{name}" if layer.is_operation else name


def differing_options(ours: GraphLayer, theirs: GraphLayer) -> Iterator[tuple[Severity, str, Any, Any]]:
    """The options in which two layers of one class differ: how much it matters, the name, both values.

    Only options that both configs have are compared: another version of Keras may have more.
    """
    class_name = modern_class(ours.class_name, ours.config)
    first, second = (modern_config(class_name, layer.config) for layer in (ours, theirs))
    # Keras 2 wrote the axis as a list, Keras 3 from the end: it says the same of the same tensors.
    loose = {"axis", "strides", "pool_size"} if bool(ours.module) != bool(theirs.module) else set()
    for name in first:
        if name not in second or name in _NEVER or name in loose or name.endswith(_NEVER_ENDINGS):
            continue
        one, two = _value(name, first), _value(name, second)
        if one != two:
            yield _severity(class_name, name), name, first[name], second[name]


def _severity(class_name: str, name: str) -> Severity:
    if name in _TRAINING_ONLY or class_name.startswith("Random"):
        return Severity.NOTE
    if name in _SMALL or class_name in _PREPARATION:
        return Severity.WARNING
    return Severity.REFUSAL


def _value(name: str, config: Mapping[str, Any]) -> Any:
    if name in _ACTIVATIONS:
        return activation_of({"activation": config[name]}) or config[name]
    return _plain(config[name])


def _plain(value: Any) -> Any:
    """Without what differs from file to file of one model: module paths, ids, tuples and lists of one."""
    if isinstance(value, Mapping):
        if value.get("class_name") == "__tuple__" and "items" in value:
            return _plain(value["items"])
        kept = ("shared_object_id", "module", "registered_name", "build_config", "name")
        return {key: _plain(item) for key, item in value.items() if key not in kept}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
