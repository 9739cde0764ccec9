"""Linear combination: the mean of the weights, or a weighted one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_weld.core.state import Array
from keras_weld.weights.method import METHODS, Method
from keras_weld.weights.two_sum import Pair, divide, multiply, subtract, two_sum


def linear(values: Sequence[Array], weights: Sequence[float]) -> Array:
    """Add up `weights[i] * values[i]` in float64.

    Equal weights give the sum divided by the number of sources, bit for bit what `np.mean` of the stacked
    float64 values gives. A source of weight 0 is not looked at. float64 values are added up in twice the
    precision, as differences to the first, so that a mean of equal values is that value also where float64
    has no spare digits.

    Args:
        values: the same tensor, or part of it, of every source; floats of one shape.
        weights: one a source; they sum to 1.

    Returns:
        float64 values of the same shape; the caller rounds them once to the dtype that is stored.

    Reference:
        Izmailov et al. 2018, arXiv:1803.05407 (averaging along one run); Wortsman et al. 2022,
        arXiv:2203.05482, "uniform soup".
    """
    counted = [number for number, weight in enumerate(weights) if weight != 0]
    values, weights = [values[number] for number in counted], [weights[number] for number in counted]
    with np.errstate(over="ignore", invalid="ignore"):  # infinities and NaN go through as they are
        if any(value.dtype == np.float64 for value in values):
            exact = _around_first(values, weights)
            return np.where(np.isfinite(exact), exact, _sum(values, weights))
        return _sum(values, weights)


def _sum(values: Sequence[Array], weights: Sequence[float]) -> Array:
    total, piece = np.empty(values[0].shape), np.empty(values[0].shape)
    if len(set(weights)) == 1:
        np.copyto(total, values[0])
        for value in values[1:]:
            np.copyto(piece, value)  # adding float32 to float64 in one call takes longer
            np.add(total, piece, out=total)
        _divide(total, len(values))
        return total
    np.multiply(values[0], np.float64(weights[0]), out=total, dtype=np.float64)
    for value, weight in zip(values[1:], weights[1:], strict=True):
        np.multiply(value, np.float64(weight), out=piece, dtype=np.float64)
        np.add(total, piece, out=total)
    return total


def _divide(total: Array, count: int) -> None:
    """Divide in place; by a power of two as a product, which gives the same bits in a quarter of the time."""
    if count & (count - 1):
        np.divide(total, count, out=total)
    elif count > 1:
        np.multiply(total, 1 / count, out=total)


def _around_first(values: Sequence[Array], weights: Sequence[float]) -> Array:
    first = values[0].astype(np.float64)
    drift: Pair = (np.zeros_like(first), np.zeros_like(first))
    equal = len(set(weights)) == 1
    for value, weight in zip(values[1:], weights[1:], strict=True):
        away = subtract(value.astype(np.float64), first)
        drift = two_sum(drift, away if equal else multiply(away, weight))
    if equal:
        drift = divide(drift, len(values))
    total = two_sum((first, np.zeros_like(first)), drift)[0]
    return np.where(drift[0] == 0, first, total)  # -0 stays what it is


METHODS.add("linear")(
    Method(linear, "mean of the weights, or a weighted one", "Izmailov 2018; Wortsman 2022", scope="element")
)
