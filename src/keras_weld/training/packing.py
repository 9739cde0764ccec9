"""Values of all kinds as plain JSON, with arrays set aside: how the state of callbacks is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_weld.core.state import Array
from keras_weld.errors import UsageError

_ARRAY, _TUPLE, _FLOAT, _PAIRS, _BYTES = "__array__", "__tuple__", "__float__", "__pairs__", "__bytes__"


def pack(value: Any, arrays: dict[str, Array], name: str) -> Any:
    """A value as plain JSON; arrays in it go to `arrays` under names that begin with `name`.

    Args:
        value: None, a bool, number, text, bytes or array, or lists, tuples and dicts of such.
        arrays: takes the arrays.
        name: what the value is called.

    Raises:
        UsageError: for anything else.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_FLOAT: repr(value)}
    if isinstance(value, bytes):
        return {_BYTES: value.hex()}
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        return pack(value.item(), arrays, name)
    if isinstance(value, list | tuple):
        packed = [pack(one, arrays, f"{name}/{number}") for number, one in enumerate(value)]
        return {_TUPLE: packed} if isinstance(value, tuple) else packed
    if isinstance(value, Mapping):
        if all(isinstance(key, str) and not key.startswith("__") for key in value):
            return {key: pack(one, arrays, f"{name}/{key}") for key, one in value.items()}
        pairs = [[key, one] for key, one in value.items()]
        return {_PAIRS: pack(pairs, arrays, name)}
    if hasattr(value, "__array__") or isinstance(value, np.ndarray):
        found = np.asarray(value)
        if found.dtype.kind in "biufV":
            arrays[name] = found.copy()
            return {_ARRAY: name}
    raise UsageError(
        "A value cannot be kept in a checkpoint.",
        layer=name,
        expected="numbers, texts, arrays, and lists, tuples and dicts of them",
        found=type(value).__name__,
        remedy="Let get_state() give values of these kinds alone.",
    )


def unpack(value: Any, arrays: Mapping[str, Array]) -> Any:
    """The value that `pack` was given."""
    if isinstance(value, list):
        return [unpack(one, arrays) for one in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == _ARRAY:
            return arrays[inner].copy()
        if key == _TUPLE:
            return tuple(unpack(one, arrays) for one in inner)
        if key == _FLOAT:
            return float(inner)
        if key == _BYTES:
            return bytes.fromhex(inner)
        if key == _PAIRS:
            return dict(unpack(inner, arrays))
    return {key: unpack(one, arrays) for key, one in value.items()}
