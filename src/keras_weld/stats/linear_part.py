"""A kernel as what it does before the activation: rows of the inputs times a matrix, group by group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import keras
import numpy as np

from keras_weld.data.batch import Array


@dataclass(frozen=True, slots=True)
class LinearPart(ABC):
    """A layer's kernel as matrices of (groups, width, outputs), and its inputs as the rows they are multiplied with.

    Attributes:
        layer: the layer.
        kernel: the name of its kernel.
        bias: the name of its bias; None where it belongs to no kernel, or to another one.
    """

    layer: keras.Layer
    kernel: str = "kernel"
    bias: str | None = "bias"

    @abstractmethod
    def plain_rows(self, x: Array) -> Array:
        """The rows of inputs, (rows, groups, width), without what the bias is multiplied with."""

    @abstractmethod
    def in_groups(self, kernel: Array) -> Array:
        """A kernel as matrices, (groups, width, outputs)."""

    @abstractmethod
    def as_kernel(self, matrices: Array, shape: tuple[int, ...]) -> Array:
        """Matrices as a kernel of this shape: undoes `in_groups`."""

    def bias_in_groups(self, bias: Array, groups: int) -> Array:
        """The bias as the last row of the matrices, (groups, 1, outputs)."""
        return bias.reshape(groups, 1, -1)

    def as_bias(self, row: Array, shape: tuple[int, ...]) -> Array:
        """Undoes `bias_in_groups`."""
        return row.reshape(shape)

    @property
    def has_bias(self) -> bool:
        """Whether the last row of the matrices is a bias."""
        return self.bias is not None and getattr(self.layer, self.bias, None) is not None

    def rows(self, x: Array) -> Array:
        """The rows of inputs in float64, with a last column of ones where there is a bias."""
        plain = self.plain_rows(x).astype(np.float64)
        return np.concatenate([plain, np.ones((*plain.shape[:2], 1))], axis=2) if self.has_bias else plain

    @property
    def matrices(self) -> Array:
        """The kernel, with the bias as a last row, in float64."""
        found = self.in_groups(_values(getattr(self.layer, self.kernel)))
        if self.bias is None or not self.has_bias:
            return found
        bias = self.bias_in_groups(_values(getattr(self.layer, self.bias)), len(found))
        return np.concatenate([found, bias], axis=1)

    def give(self, matrices: Array) -> None:
        """Set kernel and bias."""
        if self.bias is not None and self.has_bias:
            bias = getattr(self.layer, self.bias)
            bias.assign(self.as_bias(matrices[:, -1:], tuple(bias.shape)))
            matrices = matrices[:, :-1]
        variable = getattr(self.layer, self.kernel)
        variable.assign(self.as_kernel(matrices, tuple(variable.shape)))


def product(rows: Array, matrices: Array) -> Array:
    """Rows times matrices, group by group: (rows, groups, outputs)."""
    found: Array = (rows.transpose(1, 0, 2) @ matrices).transpose(1, 0, 2)
    return found


def _values(variable: keras.Variable) -> Array:
    values: Array = keras.ops.convert_to_numpy(variable).astype(np.float64)
    return values
