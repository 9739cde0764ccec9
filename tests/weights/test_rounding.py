"""Rounding once, against exact arithmetic with fractions."""

from __future__ import annotations

from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_weld.weights import round_once

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
OTHERS = [np.dtype(ml_dtypes.float8_e5m2), np.dtype(ml_dtypes.float8_e4m3fn), np.dtype("float16"), np.dtype("float32")]


def every_value(dtype: np.dtype) -> np.ndarray:
    """All finite values of a small dtype, in order."""
    bits = np.arange(1 << 8 * dtype.itemsize, dtype=f"uint{8 * dtype.itemsize}")
    values = bits.view(dtype)
    return np.unique(values[np.isfinite(values.astype("float32"))].astype("float64"))


def nearest(value: float, there: np.ndarray, dtype: np.dtype) -> float:
    """The nearest of all values; of two as near, the one whose last bit is 0."""
    at = int(np.searchsorted(there, value))
    near = {float(there[index]) for index in (at - 1, at, at + 1) if 0 <= index < len(there)}
    best = min(abs(Fraction(one) - Fraction(value)) for one in near)
    found = [one for one in near if abs(Fraction(one) - Fraction(value)) == best]
    even = [one for one in found if np.array(one).astype(dtype).view(f"uint{8 * dtype.itemsize}") % 2 == 0]
    return found[0] if len(found) == 1 else even[0]


@settings(max_examples=400, deadline=None, derandomize=True)
@given(value=st.floats(-3.3e38, 3.3e38), nudge=st.sampled_from([0.0, 2.0**-40, -(2.0**-40), 2.0**-52, -(2.0**-52)]))
def test_bfloat16_is_the_nearest(value: float, nudge: float) -> None:
    there = every_value(BFLOAT16)
    # Halfway between two neighbours, and a hair beside it: what rounding twice gets wrong.
    at = min(max(int(np.searchsorted(there, value)), 1), len(there) - 1)
    halfway = (there[at - 1] + there[at]) / 2
    for one in (value, halfway, halfway * (1 + nudge)):
        assert float(round_once(np.array([one]), BFLOAT16)[0]) == nearest(one, there, BFLOAT16), one


def test_what_rounding_twice_gets_wrong() -> None:
    # A hair above the middle between 1 and the next bfloat16; float32 has no digit for the hair.
    value = np.array([1 + 2.0**-8 + 2.0**-40])
    assert float(value.astype(np.float32).astype(BFLOAT16)[0]) == 1.0  # the tie goes to the even neighbour
    assert float(round_once(value, BFLOAT16)[0]) == 1 + 2.0**-7
    assert float(round_once(-value, BFLOAT16)[0]) == -1 - 2.0**-7
    below = np.array([1 + 3 * 2.0**-8 - 2.0**-40])
    assert float(below.astype(np.float32).astype(BFLOAT16)[0]) == 1 + 2.0**-6
    assert float(round_once(below, BFLOAT16)[0]) == 1 + 2.0**-7


@pytest.mark.parametrize("dtype", OTHERS[:3], ids=str)
def test_small_dtypes_are_the_nearest(dtype: np.dtype) -> None:
    there = every_value(dtype)
    middles = (there[:-1] + there[1:]) / 2
    rng = np.random.default_rng(2)
    chosen = rng.choice(middles, 300)
    for values in (chosen, chosen * (1 + 2.0**-45), chosen * (1 - 2.0**-45)):
        found = round_once(values, dtype).astype("float64")
        assert found.tolist() == [nearest(value, there, dtype) for value in values]


@pytest.mark.parametrize("dtype", [BFLOAT16, *OTHERS], ids=str)
def test_values_that_are_there_stay(dtype: np.dtype) -> None:
    there = (
        every_value(dtype) if dtype.itemsize < 4 else np.float64(np.random.default_rng(1).normal(size=99).astype("f4"))
    )
    np.testing.assert_array_equal(round_once(there, dtype).astype("float64"), there)


@pytest.mark.parametrize("dtype", [BFLOAT16, np.dtype("float16"), np.dtype("float32")], ids=str)
def test_ends_and_signs_are_kept_without_a_warning(dtype: np.dtype) -> None:
    values = np.array([np.inf, -np.inf, np.nan, 1e300, -1e300, 0.0, -0.0, 1e-300, -1e-300])
    found = round_once(values, dtype).astype("float64")
    np.testing.assert_array_equal(found, [np.inf, -np.inf, np.nan, np.inf, -np.inf, 0, 0, 0, 0])
    np.testing.assert_array_equal(np.signbit(found), np.signbit(values))


def test_just_below_infinity() -> None:
    largest = float(ml_dtypes.finfo(BFLOAT16).max)
    over = (2 - 2.0**-8) * 2.0**127  # the middle between it and what would follow
    found = round_once(np.array([largest, over * (1 - 2.0**-40), over]), BFLOAT16).astype("float64")
    np.testing.assert_array_equal(found, [largest, largest, np.inf])


def test_float64_is_handed_on() -> None:
    values = np.array([0.1, 1e-320])
    assert round_once(values, np.dtype("float64")) is values


def test_no_shape_is_lost() -> None:
    for shape in ((), (0, 3), (2, 3)):
        assert round_once(np.zeros(shape), BFLOAT16).shape == shape
