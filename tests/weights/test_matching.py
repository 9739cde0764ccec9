"""Weight matching: what it counts, and that no single group could be put into a better order."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from keras_weld.core.permutation_groups import Bound, Permutable
from keras_weld.weights.matching import matched, permuted

NET = Permutable(
    {0: 4, 1: 3},
    (0, 1),
    (
        Bound("first", "kernel", -1, (0,)),
        Bound("first", "bias", -1, (0,)),
        Bound("second", "kernel", -2, (0, 0)),
        Bound("second", "kernel", -1, (1,)),
        Bound("third", "kernel", -2, (1,)),
    ),
)


def network(seed: int = 0, inputs: int = 5) -> dict[tuple[str, str], np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {("first", "kernel"): (inputs, 4), ("first", "bias"): (4,), ("second", "kernel"): (8, 3)}
    return {key: random.normal(size=shape) for key, shape in {**shapes, ("third", "kernel"): (3, 2)}.items()}


def reordered(
    weights: dict[tuple[str, str], np.ndarray], orders: dict[int, np.ndarray]
) -> dict[tuple[str, str], np.ndarray]:
    return {
        (layer, name): permuted(
            value, [one for one in NET.bound if (one.layer, one.weight) == (layer, name)], NET, orders
        )
        for (layer, name), value in weights.items()
    }


def likeness(first: dict[tuple[str, str], np.ndarray], second: dict[tuple[str, str], np.ndarray]) -> float:
    """Σ of products of numbers, each weight's of mean square 1."""
    scaled = [{key: one / np.sqrt(np.mean(one**2)) for key, one in weights.items()} for weights in (first, second)]
    return float(sum((scaled[0][key] * scaled[1][key]).sum() for key in first))


def test_a_network_in_another_order_is_put_back() -> None:
    weights = network()
    orders = {0: np.array([2, 0, 3, 1]), 1: np.array([1, 2, 0])}
    found = matched(weights, reordered(weights, orders), NET)
    for group, order in orders.items():
        np.testing.assert_array_equal(order[found[group]], np.arange(len(order)))


def test_no_single_group_has_a_better_order() -> None:
    for seed in range(5):
        mine, other = network(seed), network(seed + 5)
        found = matched(mine, other, NET)
        best = likeness(mine, reordered(other, found))
        for group in NET.free:
            for order in permutations(range(NET.sizes[group])):
                assert likeness(mine, reordered(other, {**found, group: np.array(order)})) <= best + 1e-9


def test_a_kernel_of_many_inputs_says_more_than_an_offset() -> None:
    mine = network(inputs=60)
    other = {key: value.copy() for key, value in mine.items()}
    other["first", "bias"] = 5 * np.roll(mine["first", "bias"], 1)
    np.testing.assert_array_equal(matched(mine, other, NET)[0], np.arange(4))


def test_what_the_other_has_in_another_shape_or_not_at_all_does_not_count() -> None:
    mine, other = network(0), network(1)
    kept = {("first", "kernel"): mine["first", "kernel"], ("third", "kernel"): np.zeros((3, 9))}
    found = matched(kept, other, NET)
    np.testing.assert_array_equal(found[1], np.arange(3))
    assert not np.array_equal(found[0], np.arange(4))
