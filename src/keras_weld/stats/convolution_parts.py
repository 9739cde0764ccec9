"""Convolutions as matrices on patches: of all channels, of groups of channels, of single channels."""

from __future__ import annotations

import math

import keras
import numpy as np

from keras_weld.data.batch import Array
from keras_weld.stats.linear_part import LinearPart
from keras_weld.stats.patches import patches


class ConvolutionPart(LinearPart):
    """A convolution, with groups of channels or without."""

    __slots__ = ()

    def plain_rows(self, x: Array) -> Array:
        """Each place of the output is a row: its patch, the channels of each group together."""
        groups = self.layer.groups
        found = _patches(self.layer, x)
        found = found.reshape(-1, found.shape[-2], groups, found.shape[-1] // groups)
        return found.transpose(0, 2, 1, 3).reshape(len(found), groups, -1)

    def in_groups(self, kernel: Array) -> Array:
        """From (*size, channels of a group, outputs): the outputs of each group stand together."""
        groups = self.layer.groups
        flat = kernel.reshape(math.prod(kernel.shape[:-1]), groups, kernel.shape[-1] // groups)
        return flat.transpose(1, 0, 2)

    def as_kernel(self, matrices: Array, shape: tuple[int, ...]) -> Array:
        """Undoes it."""
        return matrices.transpose(1, 0, 2).reshape(shape)


class DepthwisePart(LinearPart):
    """A depthwise convolution: each channel is a group."""

    __slots__ = ()

    def plain_rows(self, x: Array) -> Array:
        """Each place of the output is a row: for each channel its patch."""
        found = _patches(self.layer, x)
        return found.reshape(-1, *found.shape[-2:]).transpose(0, 2, 1)

    def in_groups(self, kernel: Array) -> Array:
        """From (*size, channels, multiplier)."""
        return kernel.reshape(-1, *kernel.shape[-2:]).transpose(1, 0, 2)

    def as_kernel(self, matrices: Array, shape: tuple[int, ...]) -> Array:
        """Undoes it."""
        return matrices.transpose(1, 0, 2).reshape(shape)


class PointwisePart(LinearPart):
    """The second kernel of a separable convolution, on the rows that its first gave."""

    __slots__ = ()

    def plain_rows(self, x: Array) -> Array:
        """The outputs of all channels together, from (rows, channels, multiplier)."""
        return x.reshape(len(x), 1, -1)

    def in_groups(self, kernel: Array) -> Array:
        """One group; the axes of places are 1."""
        return kernel.reshape(1, *kernel.shape[-2:])

    def as_kernel(self, matrices: Array, shape: tuple[int, ...]) -> Array:
        """Undoes it."""
        return matrices.reshape(shape)


def _patches(layer: keras.Layer, x: Array) -> Array:
    if layer.data_format == "channels_first":
        x = np.moveaxis(x, 1, -1)
    return patches(x, layer.kernel_size, layer.strides, layer.dilation_rate, layer.padding)
