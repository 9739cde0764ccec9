"""Which layers are matrices before their activation, and how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_weld.data.batch import Array
from keras_weld.stats.convolution_parts import ConvolutionPart, DepthwisePart, PointwisePart
from keras_weld.stats.dense_parts import Axes, DensePart, EinsumPart
from keras_weld.stats.linear_part import LinearPart


class NormalizationPart(LinearPart):
    """The scale and the offset of a batch normalization, one of each for a channel, on what it has normalized."""

    __slots__ = ()

    def plain_rows(self, x: Array) -> Array:
        """Inputs normalized by the layer's own statistics."""
        layer = self.layer
        mean, variance = (keras.ops.convert_to_numpy(one) for one in (layer.moving_mean, layer.moving_variance))
        rows: Array = (by_channel(layer, x) - mean) / np.sqrt(variance + layer.epsilon)
        return rows[..., None]

    def in_groups(self, kernel: Array) -> Array:
        """Each channel is a group."""
        return kernel.reshape(-1, 1, 1)

    def as_kernel(self, matrices: Array, shape: tuple[int, ...]) -> Array:
        """Undoes it."""
        return matrices.reshape(shape)


def by_channel(layer: keras.Layer, x: Array) -> Array:
    """The inputs of a batch normalization, (rows, channels)."""
    return np.moveaxis(x, layer.axis, -1).reshape(-1, x.shape[layer.axis])


def linear_parts(layer: keras.Layer) -> tuple[LinearPart, ...]:
    """A layer as matrices, one after the other; empty if it is not of a kind that is known.

    Layers of the user's own, whatever they inherit from, and those with quantized or low-rank kernels are not known.
    """
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        return ()
    known = _PARTS.get(type(layer))
    return () if known is None else known(layer)


def _einsum(layer: keras.Layer) -> tuple[LinearPart, ...]:
    return (EinsumPart(layer),) if Axes.of(layer).plain(layer.bias_axes) else ()


def _normalization(layer: keras.Layer) -> tuple[LinearPart, ...]:
    return (NormalizationPart(layer, "gamma", "beta"),) if layer.scale and layer.center else ()


def _separable(layer: keras.Layer) -> tuple[LinearPart, ...]:
    return DepthwisePart(layer, "depthwise_kernel", None), PointwisePart(layer, "pointwise_kernel")


_CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
_DEPTHWISE = (keras.layers.DepthwiseConv1D, keras.layers.DepthwiseConv2D)
_SEPARABLE = (keras.layers.SeparableConv1D, keras.layers.SeparableConv2D)
_PARTS: dict[type, Callable[[Any], tuple[LinearPart, ...]]] = {
    keras.layers.Dense: lambda layer: (DensePart(layer),),
    keras.layers.EinsumDense: _einsum,
    keras.layers.BatchNormalization: _normalization,
    **dict.fromkeys(_CONVOLUTIONS, lambda layer: (ConvolutionPart(layer),)),
    **dict.fromkeys(_DEPTHWISE, lambda layer: (DepthwisePart(layer),)),
    **dict.fromkeys(_SEPARABLE, _separable),
}
