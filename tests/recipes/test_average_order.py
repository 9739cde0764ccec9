"""What the order of the models changes in a mean: nothing for two, and of three no more than the last rounding."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from keras_weld.recipes.average import average

NAME = "layers/dense/vars/0"


def mean(values: Sequence[Any], folder: Path) -> np.ndarray[Any, Any]:
    files = [folder / f"{number}.weights.h5" for number in range(len(values))]
    for file, value in zip(files, values, strict=True):
        with h5py.File(file, "w") as there:
            there[NAME] = np.asarray(value, np.float32)
    average(files, folder / "mean.weights.h5")
    with h5py.File(folder / "mean.weights.h5") as there:
        return np.asarray(there[NAME])


def test_two_models_give_the_same_bits_in_either_order(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(2, 10_000)).astype(np.float32)
    assert mean(values, tmp_path).tobytes() == mean(values[::-1], tmp_path).tobytes()


def test_three_models_differ_by_no_more_than_the_last_rounding(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(3, 10_000)).astype(np.float32)
    first = mean(values, tmp_path)
    for order in itertools.permutations(values):
        np.testing.assert_array_max_ulp(mean(order, tmp_path), first, maxulp=1)


def test_zeros_keep_their_sign_where_all_have_it(tmp_path: Path) -> None:
    for order in itertools.permutations([[-0.0, -0.0], [-0.0, 0.0], [-0.0, -0.0]]):
        assert np.signbit(mean(order, tmp_path)).tolist() == [True, False]
