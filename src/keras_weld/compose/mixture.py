"""The weights of a mean, found on held-out data: maximum likelihood for probabilities, least squares for values."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

_STEPS = 5000
_GAIN = 1e-12
_NOTHING = 1e-6
_SLACK = 1e-10


def log_loss(likelihoods: Array, weights: Array) -> float:
    """The mean of `-log(sum over i of weights[i] * likelihoods[i])` over the observations."""
    mixed = np.asarray(weights, np.float64) @ np.asarray(likelihoods, np.float64)
    return float(-np.log(np.maximum(mixed, np.finfo(np.float64).tiny)).mean())


def mixture_weights(likelihoods: Array) -> Array:
    """The weights of a mixture of models that make held-out data the most likely, by expectation maximisation.

    A weighted mean of probabilities is a mixture: an example comes from model i with probability w_i. One step
    takes the share that each model has in each observation,

        r_in = w_i p_i(y_n) / sum over j of w_j p_j(y_n),        w_i = mean over n of r_in,

    and no step makes the data less likely (Dempster, Laird and Rubin, 1977). The log likelihood is concave in the
    weights, so what it ends in from equal weights is the best there is.

    Args:
        likelihoods: the probability that each model gave to what is true, `(models, observations)`, 0 or more.

    Returns:
        The weights, `(models,)`, 0 or more, with the sum 1.

    Example:
        >>> import numpy as np
        >>> mixture_weights(np.array([[0.9, 0.8], [0.1, 0.2]])).round(3)
        array([1., 0.])
    """
    likelihoods = np.asarray(likelihoods, np.float64)
    weights = np.full(len(likelihoods), 1 / len(likelihoods))
    # An observation that every model gave 0 says nothing about the weights.
    told = likelihoods[:, likelihoods.max(axis=0) > 0]
    before = np.inf
    for _ in range(_STEPS if told.size else 0):
        mixed = weights @ told
        weights = weights * (told / mixed).mean(axis=1)
        weights /= weights.sum()
        loss = log_loss(told, weights)
        if before - loss < _GAIN:
            break
        before = loss
    # Steps only come near 0; a model that is not needed is left out, where that costs nothing.
    kept = np.where(weights < _NOTHING, 0.0, weights)
    kept /= kept.sum()
    return kept if log_loss(likelihoods, kept) <= log_loss(likelihoods, weights) + _NOTHING else weights


def least_squares_weights(predictions: Array, targets: Array) -> Array:
    """The weights, 0 or more with the sum 1, of the mean that comes closest to held-out values.

    As the weights sum to 1, the error of the mean is the mean of the errors, `sum of w_i (f_i - y)`; its square is
    `w' G w` with G the products of the models' errors. The least of that over the simplex is found exactly by
    Wolfe's active-set method (Finding the nearest point in a polytope, 1976).

    Args:
        predictions: what each model gave, `(models, …)`.
        targets: what is true, of the shape of one model's values.

    Returns:
        The weights, `(models,)`.

    Example:
        >>> import numpy as np
        >>> least_squares_weights(np.array([[0.0, 0.0], [4.0, 4.0]]), np.array([1.0, 1.0]))
        array([0.75, 0.25])
    """
    errors = np.asarray(predictions, np.float64) - np.asarray(targets, np.float64)[None]
    errors = errors.reshape(len(errors), -1)
    products = errors @ errors.T
    weights = np.zeros(len(products))
    weights[int(np.argmin(np.diag(products)))] = 1.0
    for _ in range(20 * len(products)):
        slopes = products @ weights
        best = int(np.argmin(slopes))
        if slopes[best] >= weights @ slopes - _SLACK * (np.diag(products).max() + 1e-300) or weights[best] > 0:
            break
        used = weights > 0
        used[best] = True
        weights = _descend(products, weights, used)
    return weights


def _descend(products: Array, weights: Array, used: Array) -> Array:
    """The best weights with the models in use alone, going back to the edge as often as one would be negative."""
    while True:
        wanted = np.zeros_like(weights)
        wanted[used] = _of_sum_one(products[np.ix_(used, used)])
        if (wanted[used] > 0).all():
            return wanted
        falling = used & (wanted <= 0)
        span = weights[falling] - wanted[falling]
        step = float(np.min(np.divide(weights[falling], span, out=np.zeros_like(span), where=span > 0)))
        weights = weights + step * (wanted - weights)
        used = used & (weights > _SLACK)
        weights = np.where(used, weights, 0.0)
        weights = weights / weights.sum()
        if used.sum() == 1:
            return weights


def _of_sum_one(products: Array) -> Array:
    """The weights with the sum 1, of any sign, that make `w' G w` least."""
    count = len(products)
    system = np.ones((count + 1, count + 1))
    scale = float(np.diag(products).mean()) or 1.0
    system[:count, :count] = products / scale
    system[count, count] = 0.0
    right = np.zeros(count + 1)
    right[count] = 1.0
    found: Array = np.linalg.lstsq(system, right, rcond=None)[0][:count]
    return found
