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
        "unroll",
        "weights",
        "init",
        "inner_init",
        "forget_bias_init",
        "output_dim",
    }
)
"""Names, what only matters for building a layer, and what is compared elsewhere."""
_NEVER_ENDINGS = ("_initializer",)
_TRAINING_ENDINGS = ("_regularizer", "_constraint")
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
        "trainable",
    }
)
_PREPARATION = frozenset({"Rescaling", "Normalization", "Resizing", "CenterCrop"})
_SMALL = frozenset({"epsilon"})
_PER_AXIS = frozenset({"dilation_rate", "kernel_size", "pool_size", "strides"})
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
    ranks = _rank(ours), _rank(theirs)
    for name in first:
        if name not in second or name in _NEVER or name.endswith(_NEVER_ENDINGS):
            continue
        one, two = _value(name, first, ranks[0]), _value(name, second, ranks[1])
        if name.endswith(_TRAINING_ENDINGS) and not (_is_known_form(one) and _is_known_form(two)):
            continue
        if one != two and None not in (ranks if name == "axis" else ()):
            yield _severity(class_name, name), name, first[name], second[name]


def _severity(class_name: str, name: str) -> Severity:
    if name in _TRAINING_ONLY or name.endswith(_TRAINING_ENDINGS) or class_name.startswith("Random"):
        return Severity.NOTE
    if name in _SMALL or class_name in _PREPARATION or name == "batch_shape":
        return Severity.WARNING  # if other sizes at the input matter, the tensors differ as well
    return Severity.REFUSAL


def _rank(layer: GraphLayer) -> int | None:
    """How many axes the tensor has that the layer takes, if the config tells."""
    shape = layer.build_config.get("input_shape")
    if isinstance(shape, list) and all(axis is None or isinstance(axis, int) for axis in shape):
        return len(shape)
    known = layer.calls[0].inbound[0].shape if layer.calls and layer.calls[0].inbound else None
    return None if known is None else len(known)


def _value(name: str, config: Mapping[str, Any], rank: int | None) -> Any:
    value = untupled(config[name])
    if name in _ACTIVATIONS:
        return activation_of({"activation": value}) or value
    if name == "batch_shape" and isinstance(value, list | tuple):
        return list(value[1:])
    if name == "axis":  # Keras 2 wrote a list of one, and people count from either end
        axes = value if isinstance(value, list | tuple) else [value]
        return [axis % rank if rank and isinstance(axis, int) else axis for axis in axes]
    if name.endswith(_TRAINING_ENDINGS) and isinstance(value, Mapping):
        return _penalty(value)
    if name in _PER_AXIS and isinstance(value, list | tuple) and value:
        return value[0] if all(one == value[0] for one in value) else list(value)
    return plain(value)


def _is_known_form(value: Any) -> bool:
    """Whether a regularizer or constraint is written as in Keras 2 and 3; Keras 1 has other words."""
    return value is None or isinstance(value, tuple) or (isinstance(value, Mapping) and "class_name" in value)


def _penalty(value: Mapping[str, Any]) -> Any:
    """A regularizer by its two factors: L2 is L1L2 with one of them, and Keras 2 wrote its numbers in float32."""
    options = value.get("config")
    if value.get("class_name") not in ("L1", "L2", "L1L2") or not isinstance(options, Mapping):
        return plain(value)
    factors = [options.get(name) or 0 for name in ("l1", "l2")]
    if not all(isinstance(factor, int | float) for factor in factors):
        return plain(value)
    return tuple(f"{factor:.6g}" for factor in factors)


def untupled(value: Any) -> Any:
    """A list for a tuple in the form that Keras 2 gives it in a SavedModel."""
    if isinstance(value, Mapping) and value.get("class_name") == "__tuple__" and "items" in value:
        return value["items"]
    return value


def plain(value: Any) -> Any:
    """Without what differs from file to file of one model: module paths, ids, tuples and lists of one."""
    value = untupled(value)
    if isinstance(value, Mapping):
        kept = ("shared_object_id", "module", "registered_name", "build_config", "name")
        return {key: plain(item) for key, item in value.items() if key not in kept}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
