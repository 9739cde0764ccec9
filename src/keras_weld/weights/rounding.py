"""Rounding float64 values to a stored dtype once, to the nearest."""

from __future__ import annotations

import numpy as np

from keras_weld.core.dtypes import Dtype
from keras_weld.core.state import Array

_DIRECT = (np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.float16))


def round_once(values: Array, dtype: Dtype) -> Array:
    """Round float64 values to `dtype`, to the nearest, ties to even.

    The conversion of float64 to bfloat16 or float8 passes through float32 and would round twice. So the
    float32 in between is rounded to odd, after which the second rounding gives the right result.

    Args:
        values: float64, any shape.
        dtype: a float dtype.

    Returns:
        The same shape in `dtype`.

    Reference:
        Boldo and Melquiond 2008, "Emulation of FMA and correctly rounded sums: proved algorithms using
        rounding to odd", IEEE Transactions on Computers 57(4), theorem 1.
    """
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):  # too large becomes infinity
        return values.astype(dtype, copy=False) if dtype in _DIRECT else _through_odd(values, dtype)


def _through_odd(values: Array, dtype: Dtype) -> Array:
    between = values.astype(np.float32)
    error = values - between.astype(np.float64)
    bits = between.view(np.uint32).copy()
    # Where rounding went away from zero, step back; then the last bit says "inexact".
    inexact = (error != 0) & np.isfinite(between)
    away = inexact & (np.signbit(error) != np.signbit(values))
    bits[away] -= 1
    bits[inexact] |= 1
    return bits.view(np.float32).astype(dtype)
