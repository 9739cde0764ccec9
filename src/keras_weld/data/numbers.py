"""Arrays that hold numbers, and nothing but finite ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keras_weld.data.batch import Array
from keras_weld.data.fitting import show
from keras_weld.errors import DataError

_CHUNK_BYTES = 32 << 20


def as_array(key: str, values: Any, origin: str) -> Array:
    """The values as an array of numbers with the examples on its first axis.

    Raises:
        DataError: if they are no numbers, or one example alone.
    """
    try:
        array: Array = values if isinstance(values, np.ndarray) else np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{key!r} cannot be made an array.",
            file=origin,
            found=str(error),
            remedy="Give numbers in a grid.",
        ) from error
    if array.ndim == 0 or (array.dtype.kind not in "fiub" and not _is_extended_float(array.dtype)):
        raise DataError(
            f"{key!r} does not hold numbers for several examples.",
            file=origin,
            expected="an array of numbers, the examples on its first axis",
            found=f"shape {show(array.shape)}, dtype {array.dtype}",
            remedy="Store plain numbers; labels as whole numbers from 0 in the order of the model's classes.",
        )
    return array


def _is_extended_float(dtype: np.dtype[Any]) -> bool:
    """Whether it is bfloat16 or one of its kin, which NumPy calls void."""
    return dtype.kind == "V" and dtype.names is None and "float" in dtype.name


def check_finite(key: str, values: Array, origin: str, numbers: Array | None = None) -> None:
    """Refuse NaN and infinity: one of them makes every figure a NaN.

    Args:
        key: the values' name, for the message.
        values: examples on the first axis.
        origin: where they came from, for the message.
        numbers: the numbers of the examples, for the message; 0, 1, 2, … if left out.

    Raises:
        DataError: naming the first such value and its example.
    """
    if values.dtype.kind in "iub":
        return
    step = max(1, _CHUNK_BYTES // max(1, math.prod(values.shape[1:]) * 8))
    for start in range(0, len(values), step):
        block = np.asarray(values[start : start + step])
        finite = np.isfinite(block.astype(np.float32) if block.dtype.kind == "V" else block)
        if not finite.all():
            place = np.argwhere(~finite)[0]
            example = start + int(place[0])
            raise DataError(
                f"{key!r} holds values that are not finite.",
                file=origin,
                expected="numbers only",
                found=f"{block[tuple(place)]} in example {example if numbers is None else numbers[example]}",
                remedy="Leave these examples out or fill them in where the data is made.",
            )
