"""The dtypes that Keras stores, by name; NumPy alone does not know bfloat16."""

from __future__ import annotations

import ml_dtypes
import numpy as np

Dtype = np.dtype[np.generic]

BFLOAT16: Dtype = np.dtype(ml_dtypes.bfloat16)
_EXTENDED: dict[str, Dtype] = {
    "bfloat16": BFLOAT16,
    "float8_e4m3fn": np.dtype(ml_dtypes.float8_e4m3fn),
    "float8_e5m2": np.dtype(ml_dtypes.float8_e5m2),
    "int4": np.dtype(ml_dtypes.int4),
    "uint4": np.dtype(ml_dtypes.uint4),
}


def dtype_of(name: str) -> Dtype:
    """The dtype called `name` in a Keras file (`float32`, `bfloat16`, …).

    Raises:
        TypeError: if there is none of that name.
    """
    return _EXTENDED.get(name) or np.dtype(name)


def is_quantised(dtype: Dtype) -> bool:
    """Whether kernels of this dtype are whole numbers that stand for fractions, as quantising leaves them."""
    return not is_float(dtype) and dtype.itemsize == 1


def is_float(dtype: Dtype) -> bool:
    """Whether a mean of values of this dtype means anything."""
    return dtype.kind == "f" or dtype in (
        BFLOAT16,
        _EXTENDED["float8_e4m3fn"],
        _EXTENDED["float8_e5m2"],
    )
