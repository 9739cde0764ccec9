"""Attributes as h5py reads them, once it is known that their size is sound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from h5py import h5a, h5o, h5t

from keras_weld.errors import DamagedFileError, UnsafeFileError
from keras_weld.io.hdf5_errors import COPY_AGAIN, NOT_KERAS
from keras_weld.io.hdf5_texts import Texts
from keras_weld.io.limits import Limits


def attribute(there: h5py.Group | h5py.Dataset, name: str, limits: Limits, texts: Callable[[], Texts]) -> Any:
    """The value of an attribute as plain Python: str, list of str, or number; None where there is none.

    Args:
        there: the object that may have it.
        name: its name.
        limits: what it may ask for.
        texts: gives what holds texts of variable length against their heaps.

    Raises:
        DamagedFileError: if it is longer than what is kept of it.
        UnsafeFileError: if it is neither text nor numbers.
        LimitError: if it is above the limit `attribute_bytes`.
    """
    if not h5a.exists(there.id, name.encode()):
        return None
    identity = h5a.open(there.id, name.encode())
    kind, space = identity.get_type(), identity.get_space()
    count = space.get_simple_extent_npoints()
    variable = isinstance(kind, h5t.TypeStringID) and kind.is_variable_str()
    if not variable and not isinstance(kind, h5t.TypeStringID | h5t.TypeIntegerID | h5t.TypeFloatID):
        raise UnsafeFileError(
            f"The attribute {name!r} holds neither text nor numbers.",
            found=str(kind.dtype),
            remedy=NOT_KERAS,
        )
    what = f"The size of the attribute {name!r}"
    limits.check("attribute_bytes", count * kind.get_size(), what)
    if variable:
        # Texts of variable length lie in a common heap, where many may point to one place.
        size = texts().size(h5o.get_info(there.id).addr, name, count)
        limits.check("attribute_bytes", size, what)
    value = text_of(there.attrs[name])
    _check_is_text(value, name)
    return value


def text_of(value: Any) -> Any:
    """The value of an attribute as plain Python: texts for bytes, lists for arrays."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [text_of(one) for one in value.tolist()]
    if isinstance(value, np.generic):
        return text_of(value.item())
    return value


def _check_is_text(value: Any, name: str) -> None:
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str) and not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
            raise DamagedFileError(
                f"The attribute {name!r} is damaged.",
                expected="text in UTF-8",
                found=f"{text.encode('utf-8', 'surrogateescape')!r:.60}"[1:],
                remedy=COPY_AGAIN,
            )
