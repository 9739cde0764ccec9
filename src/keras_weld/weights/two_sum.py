"""Sums in twice the precision of float64: a number is kept as a float64 and what was rounded off.

Reference:
    Dekker 1971, "A floating-point technique for extending the available precision", Numerische Mathematik 18;
    Knuth, "The Art of Computer Programming", volume 2, section 4.2.2.
"""

from __future__ import annotations

import numpy as np

from keras_weld.core.state import Array

Pair = tuple[Array, Array]
"""A float64 and its rest, at most half of the float64's last digit; what is meant is their sum."""

_SPLIT = float(2**27 + 1)


def subtract(a: Array, b: Array) -> Pair:
    """`a - b`, exactly."""
    return _exact_sum(a, -b)


def two_sum(a: Pair, b: Pair) -> Pair:
    """`a + b`, to about 104 bits."""
    high, low = _exact_sum(a[0], b[0])
    return _normal(high, low + (a[1] + b[1]))


def multiply(a: Pair, factor: float) -> Pair:
    """`a * factor`, to about 104 bits."""
    high, low = _exact_product(a[0], np.float64(factor))
    return _normal(high, low + a[1] * factor)


def divide(a: Pair, number: int) -> Pair:
    """`a / number`, to about 104 bits."""
    high = a[0] / number
    back, rest = _exact_product(high, np.float64(number))
    return _normal(high, (((a[0] - back) - rest) + a[1]) / number)


def _exact_sum(a: Array, b: Array) -> Pair:
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _normal(high: Array, low: Array) -> Pair:
    total = high + low
    return total, low - (total - high)


def _exact_product(a: Array, b: np.float64) -> Pair:
    product = a * b
    a_high, a_low = _halves(a)
    b_high, b_low = _halves(np.asarray(b))
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def _halves(a: Array) -> Pair:
    scaled = a * _SPLIT
    high = scaled - (scaled - a)
    return high, a - high
