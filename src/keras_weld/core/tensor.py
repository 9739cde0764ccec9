"""What is known of one tensor without reading it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Role(StrEnum):
    """What a tensor is for."""

    TRAINABLE = "trainable"
    NON_TRAINABLE = "non-trainable"
    OPTIMIZER = "optimizer"
    SEED_STATE = "seed state"
    METRIC = "metric"


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """Name, shape, dtype and role of one stored tensor.

    Attributes:
        name: as the user's model names it, layer first: `block1/conv/kernel`.
        shape: the tensor's shape; `()` for a scalar.
        dtype: the NumPy dtype (bfloat16 and float8 are those of `ml_dtypes`).
        role: what it is for.
        path: where Keras 3 stores it: `layers/conv2d_1/vars/0`. The path depends on the architecture alone,
            not on names given by a counter, so it is what two models of one architecture are matched by.
        layer: name of the layer it belongs to, outer models first (`backbone/conv1`); "" for the
            model itself.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    role: Role
    path: str
    layer: str = ""

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor's values."""
        return self.size * self.dtype.itemsize
