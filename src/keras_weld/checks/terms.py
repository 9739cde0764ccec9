"""Layer configs of Keras 1 and 2 in the terms of Keras 3, so that models of all ages can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CLASSES = {
    "AtrousConvolution2D": "Conv2D",
    "BatchNormalizationV1": "BatchNormalization",
    "BatchNormalizationV2": "BatchNormalization",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "Model": "Functional",
    "SeparableConvolution2D": "SeparableConv2D",
    "SyncBatchNormalization": "BatchNormalization",
}
_MERGES = {"sum": "Add", "mul": "Multiply", "concat": "Concatenate", "ave": "Average", "max": "Maximum"}
_OPTIONS = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "atrous_rate": "dilation_rate",
    "batch_input_shape": "batch_shape",
    "bias": "use_bias",
    "border_mode": "padding",
    "concat_axis": "axis",
    "filter_length": "kernel_size",
    "inner_activation": "recurrent_activation",
    "nb_filter": "filters",
    "p": "rate",
    "pool_length": "pool_size",
    "subsample": "strides",
    "subsample_length": "strides",
}
_ORDERS = {"tf": "channels_last", "th": "channels_first"}


def modern_class(class_name: str, config: Mapping[str, Any]) -> str:
    """The class's name in Keras 3, as far as it only changed its name."""
    if class_name == "Merge":
        return _MERGES.get(str(config.get("mode")), class_name)
    if ">" in class_name:  # registered under a package of the user's own
        return class_name.rpartition(">")[2]
    return _CLASSES.get(class_name, class_name)


def modern_config(class_name: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """The options in the words of Keras 3; what was always called so stays as it is."""
    found = {_OPTIONS.get(name, name): value for name, value in config.items()}
    if class_name not in ("Embedding", "ReversibleEmbedding") and "output_dim" in found:
        found.setdefault("units", found["output_dim"])
    if "nb_row" in found and "nb_col" in found:
        found.setdefault("kernel_size", [found["nb_row"], found["nb_col"]])
    if "dim_ordering" in found:
        found.setdefault("data_format", _ORDERS.get(str(found["dim_ordering"])))
    if class_name.startswith(("MaxPooling1D", "AveragePooling1D")) and "stride" in found:
        found.setdefault("strides", found["stride"])
    return found
