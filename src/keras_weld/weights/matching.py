"""Weight matching: which channels of one network are most like which of another, group by group.

Ainsworth, Hayase, Srinivasa 2023, "Git Re-Basin: Merging Models modulo Permutation Symmetries", section 3.2: coordinate
descent over the groups, each step an exact assignment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from keras_weld.core.permutation_groups import Bound, Permutable
from keras_weld.core.state import Array
from keras_weld.weights.assignment import best_assignment

Weights = Mapping[tuple[str, str], Array]
"""By the name of the layer and that of the weight, as `Bound` has them."""
Orders = dict[int, Array]
"""By group, which of its channels comes to each place."""

_PASSES = 100
_STATISTICS = ("moving_mean", "moving_variance")  # they go along, and say nothing on what a channel does


def matched(reference: Weights, other: Weights, found: Permutable) -> Orders:
    """The order of the other network's channels in which its weights are most like the reference's.

    Every number counts the same, whatever the size of the weight that it belongs to: a kernel of many inputs says more
    on what a channel does than a depthwise one of nine numbers, or an offset. Weights that one network has alone, or
    of another shape, do not count; groups that have none that does keep their order.

    Args:
        reference: the weights that stay.
        other: those that are to be permuted.
        found: the groups of the other network.
    """
    common = {
        key: (_scaled(reference[key]), _scaled(other[key]))
        for key in ((one.layer, one.weight) for one in found.bound if one.weight not in _STATISTICS)
        if key in reference and key in other and reference[key].shape == other[key].shape
    }
    bound = [one for one in found.bound if (one.layer, one.weight) in common]
    orders = {group: np.arange(found.sizes[group]) for group in found.free}
    for _ in range(_PASSES):
        changed = False
        for group in found.free:
            concerned = [one for one in bound if group in one.groups]
            if not concerned:
                continue
            scores = np.zeros((found.sizes[group],) * 2)
            for one in concerned:
                scores += _scores(group, one, common[one.layer, one.weight], bound, found, orders)
            best = best_assignment(scores)
            rows = np.arange(len(best))
            if scores[rows, best].sum() > scores[rows, orders[group]].sum() + 1e-9:
                orders[group], changed = best, True
        if not changed:
            break
    return orders


def permuted(values: Array, axes: Sequence[Bound], found: Permutable, orders: Orders) -> Array:
    """A weight with the channels along some of its axes in other orders."""
    for one in axes:
        values = np.take(values, _order(one, found, orders), axis=one.axis)
    return values


def _scores(
    group: int, one: Bound, pair: tuple[Array, Array], bound: Sequence[Bound], found: Permutable, orders: Orders
) -> Array:
    """How like each channel of the reference is to each of the other, by one axis of one weight."""
    same = [axis for axis in bound if (axis.layer, axis.weight) == (one.layer, one.weight) and axis.axis != one.axis]
    rest = {key: order for key, order in orders.items() if key != group}
    reference = np.moveaxis(pair[0], one.axis, 0)
    other = np.moveaxis(permuted(permuted(pair[1], same, found, orders), [one], found, rest), one.axis, 0)
    size = found.sizes[group]
    total, start = np.zeros((size, size)), 0
    for each in one.groups:
        if each == group:
            here = slice(start, start + size)
            total += reference[here].reshape(size, -1) @ other[here].reshape(size, -1).T
        start += found.sizes[each]
    return total


def _order(one: Bound, found: Permutable, orders: Orders) -> Array:
    parts, start = [], 0
    for group in one.groups:
        size = found.sizes[group]
        parts.append(start + orders.get(group, np.arange(size)))
        start += size
    return np.concatenate(parts)


def _scaled(values: Array) -> Array:
    """A weight whose numbers have a mean square of 1."""
    plain = values.astype(np.float64)
    size = float(np.sqrt(np.mean(plain**2)))
    return plain / size if size else plain
