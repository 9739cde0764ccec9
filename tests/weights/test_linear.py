"""The mean and the weighted mean, against the obvious way to work them out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_weld.weights import linear, round_once

ORDINARY = st.floats(-1e6, 1e6, width=32)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_the_mean_is_numpys_float64_mean_to_the_last_bit(dtype: str, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 9))
    elements = st.floats(width=int(dtype[5:]), allow_nan=False, allow_infinity=False)
    values = [data.draw(arrays(dtype, (8,), elements=elements)) for _ in range(count)]
    given_values = [value.astype("float32") for value in values]
    found = linear(given_values, [1 / count] * count)
    wanted = np.mean(np.stack([value.astype("float64") for value in values]), axis=0)
    # NumPy's sum begins at 0, so that its mean of -0 is 0.
    assert (found + 0.0).tobytes() == wanted.tobytes()
    assert round_once(found + 0.0, np.dtype(dtype)).tobytes() == wanted.astype(dtype).tobytes()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_weighted_mean_is_added_up_in_float64(data: st.DataObject) -> None:
    weights = data.draw(st.sampled_from([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.1, 0.2, 0.3, 0.4], [1.5, -0.5]]))
    values = [data.draw(arrays("float32", (8,), elements=ORDINARY)) for _ in weights]
    wanted = sum(np.float64(w) * value.astype("float64") for w, value in zip(weights, values, strict=True))
    np.testing.assert_array_equal(linear(values, weights), wanted)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_float64_mean_is_the_exact_mean_rounded_once(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 8))
    elements = st.floats(-1e9, 1e9).map(lambda number: round(number, 3))  # twice the digits hold their sum
    values = [data.draw(arrays("float64", (5,), elements=elements)) for _ in range(count)]
    found = linear(values, [1 / count] * count)
    for column, one in zip(np.stack(values).T, found, strict=True):
        assert one == float(sum(map(Fraction, column.tolist())) / count)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_weighted_float64_mean_is_exact_too(data: st.DataObject) -> None:
    weights = data.draw(st.sampled_from([[0.5, 0.3, 0.2], [0.9, 0.05, 0.05], [0.75, 0.25], [2.0, -1.0]]))
    values = [data.draw(arrays("float64", (5,), elements=st.floats(-1e9, 1e9))) for _ in weights]
    found = linear(values, weights)
    for column, one in zip(np.stack(values).T, found, strict=True):
        first = Fraction(column[0])
        rest = zip(weights[1:], column[1:].tolist(), strict=True)
        wanted = float(first + sum(Fraction(w) * (Fraction(value) - first) for w, value in rest))
        assert one == pytest.approx(wanted, rel=1e-15, abs=1e-20)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_source_of_weight_0_is_not_looked_at(dtype: str) -> None:
    bad, good = np.array([np.nan, np.inf, 1e30], dtype), np.array([1.5, -0.0, 1.0], dtype)
    assert linear([bad, good], [0.0, 1.0]).astype(dtype).tobytes() == good.tobytes()
    assert linear([good, bad, good], [0.5, 0.0, 0.5]).astype(dtype).tobytes() == good.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities_go_through_without_a_warning(dtype: str) -> None:
    values = [np.array([np.inf, -np.inf, np.inf, np.nan, 1], dtype), np.array([np.inf, -np.inf, 1, 1, 1], dtype)]
    np.testing.assert_array_equal(linear(values, [0.5, 0.5]), [np.inf, -np.inf, np.inf, np.nan, 1])
    values[1][2] = -np.inf
    assert np.isnan(linear(values, [0.5, 0.5])[2])


def test_the_largest_numbers_have_a_mean() -> None:
    huge = np.array([1.7e308, -1.7e308])
    np.testing.assert_array_equal(linear([huge, huge, huge], [1 / 3] * 3), huge)
    np.testing.assert_array_equal(linear([huge, -huge], [0.5, 0.5]), [0, 0])
    large = np.full(3, 3e38, "float32")
    np.testing.assert_array_equal(linear([large] * 4, [0.25] * 4).astype("float32"), large)


def test_sources_of_several_precisions_are_added_up_in_float64() -> None:
    values = [np.array([0.1], "float32"), np.array([0.1])]
    np.testing.assert_array_equal(linear(values, [0.5, 0.5]), [(np.float64(np.float32(0.1)) + 0.1) / 2])
