"""What every weight-space method must do, whatever it is called: one test over the table."""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_weld.errors import UsageError
from keras_weld.weights import METHODS, Method, round_once

DTYPES = [np.dtype(d) for d in ("float16", "float32", "float64", ml_dtypes.bfloat16)]
SHAPES = [(), (0,), (7,), (3, 4), (2, 1, 3)]
PLAIN = [name for name, method in METHODS.items() if not method.needs_stats and not method.needs_base]

pytestmark = pytest.mark.parametrize("name", PLAIN)


def as_given(values: np.ndarray) -> np.ndarray:
    """As the driver hands values to a method."""
    return values if values.dtype in (np.float32, np.float64) else values.astype(np.float32)


def combine(method: Method, values: list[np.ndarray], weights: list[float]) -> np.ndarray:
    return round_once(method.combine([as_given(value) for value in values], weights), values[0].dtype)


def draw(dtype: np.dtype, shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_shapes_are_kept_and_inputs_are_not_touched(name: str, shape: tuple[int, ...], dtype: np.dtype) -> None:
    values = [draw(dtype, shape, seed) for seed in range(3)]
    before = [value.copy() for value in values]
    for value in values:
        value.flags.writeable = False
    found = METHODS[name].combine([as_given(value) for value in values], [0.5, 0.25, 0.25])
    assert found.shape == shape
    assert found.dtype == np.float64
    for value, old in zip(values, before, strict=True):
        np.testing.assert_array_equal(value, old)
    assert not any(np.shares_memory(found, value) for value in values if value.size)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_the_same_call_gives_the_same_bits(name: str, dtype: np.dtype) -> None:
    values = [draw(dtype, (50,), seed) for seed in range(4)]
    first = combine(METHODS[name], values, [0.1, 0.2, 0.3, 0.4])
    assert first.tobytes() == combine(METHODS[name], values, [0.1, 0.2, 0.3, 0.4]).tobytes()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_one_source_gives_itself_back(name: str, dtype: np.dtype) -> None:
    value = draw(dtype, (40, 5), 1)
    value[0, :3] = [0.0, -0.0, np.finfo(np.float16).tiny]
    assert combine(METHODS[name], [value], [1.0]).tobytes() == value.tobytes()


WEIGHTS = [[0.5, 0.5], [1 / 3] * 3, [0.2] * 5, [1 / 7] * 7, [0.3, 0.7], [0.1, 0.2, 0.7], [0.25, 0.25, 0.3, 0.2]]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data())
def test_copies_of_one_source_give_it_back(name: str, dtype: np.dtype, data: st.DataObject) -> None:
    wide = dtype.itemsize * 8 if dtype != ml_dtypes.bfloat16 else 32
    elements = st.floats(width=min(wide, 64), allow_nan=False, allow_infinity=False)
    value = data.draw(arrays(f"float{wide}", (6,), elements=elements)).astype(dtype)
    weights = data.draw(st.sampled_from(WEIGHTS))
    found = combine(METHODS[name], [value] * len(weights), weights)
    assert found.tobytes() == value.tobytes()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(data=st.data())
def test_order_does_not_matter_with_equal_weights(name: str, data: st.DataObject) -> None:
    # Multiples of 1/64 up to 1000: their float64 sum is exact.
    count = data.draw(st.integers(2, 6))
    elements = st.integers(-64_000, 64_000).map(lambda number: number / 64)
    values = [data.draw(arrays("float32", (5,), elements=elements)) for _ in range(count)]
    shuffled = data.draw(st.permutations(values))
    equal = [1 / count] * count
    assert combine(METHODS[name], values, equal).tobytes() == combine(METHODS[name], shuffled, equal).tobytes()


def test_a_part_is_combined_as_the_whole_is(name: str) -> None:
    if METHODS[name].scope != "element":
        pytest.skip("needs the whole tensor")
    values = [draw(np.dtype("float32"), (1000,), seed) for seed in range(3)]
    whole = METHODS[name].combine(values, [0.2, 0.3, 0.5])
    parts = [METHODS[name].combine([v[at : at + 77] for v in values], [0.2, 0.3, 0.5]) for at in range(0, 1000, 77)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


def test_a_method_says_what_it_is(name: str) -> None:
    method = METHODS[name]
    assert method.summary
    assert method.reference
    with pytest.raises(UsageError, match=f"expected: one of .*{name}"):
        METHODS["no such method"]
