"""The assignment against all that there are."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from keras_weld.weights.assignment import best_assignment


@pytest.mark.parametrize("size", range(7))
@pytest.mark.parametrize("whole", [False, True])
def test_no_other_assignment_has_a_larger_sum(size: int, whole: bool) -> None:
    random = np.random.default_rng(size)
    for _ in range(5):
        scores = random.integers(-2, 3, (size, size)) if whole else random.normal(size=(size, size))
        found = best_assignment(scores)
        assert sorted(found) == list(range(size))
        best = max(sum(scores[row, column] for row, column in enumerate(one)) for one in permutations(range(size)))
        assert sum(scores[row, column] for row, column in enumerate(found)) == pytest.approx(best)


def test_an_order_is_found_back() -> None:
    random = np.random.default_rng(0)
    rows, order = random.normal(size=(60, 20)), random.permutation(60)
    np.testing.assert_array_equal(best_assignment(rows @ rows[order].T), np.argsort(order))
