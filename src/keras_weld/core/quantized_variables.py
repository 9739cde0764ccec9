"""The variables of layers that can be quantised, in the order in which Keras stores them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_weld.core.dtype_policy import quantization_mode

_FLOAT8 = (
    "inputs_scale",
    "inputs_amax_history",
    "kernel_scale",
    "kernel_amax_history",
    "outputs_grad_scale",
    "outputs_grad_amax_history",
)
_BY_GROUP = ("kernel", "kernel_scale", "kernel_zero", "g_idx")
TRAINED = frozenset({"bias", "reverse_embeddings", *_FLOAT8})
"""What Keras marks as trainable in a quantised layer; a kernel is so only under float8."""


def dense_variables(config: Mapping[str, Any], *, has_bias: bool, einsum: bool) -> list[tuple[str, bool]]:
    """Names of the variables of Dense or EinsumDense, each with whether it is trainable.

    Args:
        config: the layer's config.
        has_bias: whether the layer has a bias.
        einsum: for EinsumDense, which has another name for the zero point under `gptq` and `awq`.
    """
    mode, blocks = quantization_mode(config)
    bias = ["bias"] if has_bias else []
    if mode is None:
        names = ["kernel", *bias]
    elif mode == "float8":
        names = ["kernel", *bias, *_FLOAT8]
    elif mode in ("int8", "int4"):
        names = ["kernel", *bias, "kernel_scale", *(("kernel_zero", "g_idx") if blocks else ())]
    else:
        kernel, scale, zero, index = _BY_GROUP
        zero = "zero_point" if einsum else zero
        names = [*bias, kernel, scale, zero, *(("awq_scales",) if mode == "awq" else ()), index]
    kernel_learns = mode in (None, "float8")
    scale_learns = mode == "float8"
    return [(name, _learns(name, kernel_learns, scale_learns)) for name in names]


def embedding_variables(config: Mapping[str, Any], *, untied: bool) -> list[tuple[str, bool]]:
    """Names of the variables of Embedding or ReversibleEmbedding, each with whether it is trainable.

    Args:
        config: the layer's config.
        untied: whether there is a second matrix for the way back.
    """
    mode, blocks = quantization_mode(config)
    names = ["embeddings"]
    if mode in ("int8", "int4"):
        names += ["embeddings_scale", *(("embeddings_zero", "g_idx") if blocks else ())]
    if untied:
        names.append("reverse_embeddings")
        if mode in ("int8", "int4"):
            names += ["reverse_embeddings_scale", *(("reverse_embeddings_zero",) if blocks else ())]
    learns = mode not in ("int8", "int4")
    return [(name, learns and name in ("embeddings", "reverse_embeddings")) for name in names]


def _learns(name: str, kernel_learns: bool, scale_learns: bool) -> bool:
    if name == "kernel":
        return kernel_learns
    if name == "kernel_scale":
        return scale_learns
    return name in TRAINED
