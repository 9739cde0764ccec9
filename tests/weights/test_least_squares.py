"""The closed form against what it says, written out plainly."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.weights.least_squares import RIDGE, Products, least_squares

RANDOM = np.random.default_rng(0)


def products(x: np.ndarray, y: np.ndarray, pieces: int = 3) -> Products:
    found = Products.of_shape((x.shape[1], x.shape[2], y.shape[2]))
    for some in np.array_split(np.arange(len(x)), pieces):
        found.add(x[some], y[some])
    return found


def plainly(xs: list[np.ndarray], ys: list[np.ndarray], prior: np.ndarray, *, biased: bool) -> np.ndarray:
    """W = (Σ XᵀX/n + Λ)⁻¹ (Σ XᵀY/n + Λ·prior), for one group."""
    gram = sum(x.T @ x / len(x) for x in xs)
    cross = sum(x.T @ y / len(x) for x, y in zip(xs, ys, strict=True))
    width = len(gram)
    scale = [gram[i, i] for i in range(width - 1 if biased else width)]
    weigh = np.diag([np.mean(scale)] * len(scale) + ([gram[-1, -1]] if biased else [])) * RIDGE
    found: np.ndarray = np.linalg.inv(gram + weigh) @ (cross + weigh @ prior)
    return found


@pytest.mark.parametrize("biased", [False, True])
def test_it_is_the_closed_form_group_by_group_and_sources_count_the_same(biased: bool) -> None:
    xs = [RANDOM.normal(size=(rows, 2, 5)) for rows in (40, 90)]
    if biased:
        for x in xs:
            x[:, :, -1] = 1
    ys = [RANDOM.normal(size=(len(x), 2, 3)) for x in xs]
    prior = RANDOM.normal(size=(2, 5, 3))
    found = least_squares([products(x, y) for x, y in zip(xs, ys, strict=True)], prior, biased=biased)
    for group in range(2):
        wanted = plainly([x[:, group] for x in xs], [y[:, group] for y in ys], prior[group], biased=biased)
        np.testing.assert_allclose(found[group], wanted, rtol=1e-9)


def test_sources_that_agree_with_the_prior_leave_it_as_it_is() -> None:
    prior = RANDOM.normal(size=(1, 6, 4))
    xs = [RANDOM.normal(size=(50, 1, 6)) for _ in range(2)]
    found = least_squares([products(x, (x[:, 0] @ prior[0])[:, None]) for x in xs], prior)
    np.testing.assert_allclose(found, prior, rtol=1e-12)


def test_a_matrix_that_gives_all_outputs_is_found_whatever_the_prior() -> None:
    wanted = RANDOM.normal(size=(6, 4))
    x = RANDOM.normal(size=(500, 1, 6))
    found = least_squares([products(x, (x[:, 0] @ wanted)[:, None])], np.zeros((1, 6, 4)), ridge=1e-9)
    np.testing.assert_allclose(found[0], wanted, atol=1e-7)


def test_inputs_that_are_all_zero_keep_the_prior_and_leave_other_groups_alone() -> None:
    x, y = RANDOM.normal(size=(30, 2, 4)), RANDOM.normal(size=(30, 2, 3))
    x[:, 0] = 0
    prior = RANDOM.normal(size=(2, 4, 3))
    found = least_squares([products(x, y)], prior)
    np.testing.assert_array_equal(found[0], prior[0])
    np.testing.assert_allclose(found[1], plainly([x[:, 1]], [y[:, 1]], prior[1], biased=False), rtol=1e-9)
