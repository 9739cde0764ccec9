"""From live objects of data libraries to splits; they are known by what they offer, none is imported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from keras_weld.data import from_grain, from_keras, from_tf, from_torch
from keras_weld.data.rows import row_split
from keras_weld.data.split import Split
from keras_weld.data.streams import stream_split

_LIBRARIES: tuple[tuple[Callable[[Any], bool], Callable[[Any, str, str], Split]], ...] = (
    (from_tf.knows, from_tf.split),
    (from_torch.knows, from_torch.split),
    (from_grain.knows, from_grain.split),
    (from_keras.knows, from_keras.split),
)


def is_live(value: Any) -> bool:
    """Whether it is a data set, a loader or something else to read from, and neither arrays nor plain values."""
    if isinstance(value, Split) or any(knows(value) for knows, _ in _LIBRARIES):
        return True
    if isinstance(value, str | bytes | list | tuple | range | Mapping) or hasattr(value, "shape"):
        return False
    return hasattr(value, "__iter__") or _has_rows(value) or callable(value)


def live_split(value: Any, name: str, origin: str) -> Split:
    """The split that a live object is.

    Args:
        value: a `Split`, a data set, a loader, something to iterate over, or a function that makes one of them.
        name: the split's name.
        origin: what it is called in messages.

    Raises:
        DataError: if it can be read once only.
    """
    for knows, split in _LIBRARIES:
        if knows(value):
            return split(value, name, origin)
    if _has_rows(value):
        return row_split(value, name, origin)
    return stream_split(value, name=name, origin=origin)


def _has_rows(value: Any) -> bool:
    """Whether examples are had by number; what can also be iterated over mostly holds batches."""
    return all(hasattr(value, name) for name in ("__getitem__", "__len__")) and not hasattr(value, "__iter__")
