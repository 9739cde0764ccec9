"""Whether a callback of the user's own has, or may come to have, attributes in which it remembers something."""

from __future__ import annotations

import dis
from types import FunctionType
from typing import Any

import keras

_GIVEN = ("params",)  # by Keras, when the training begins
_SETTING = frozenset({"setattr", "__dict__", "__setattr__"})


def has_attributes(callback: Any) -> bool:
    """Whether it has attributes of its own, or a method that sets some.

    Args:
        callback: of a class that inherits from Keras's `Callback`, or is like one.
    """
    if set(getattr(callback, "__dict__", ())) - set(vars(keras.callbacks.Callback())) - set(_GIVEN):
        return True
    kinds = [kind for kind in type(callback).__mro__ if kind not in (keras.callbacks.Callback, object)]
    return any(_is_kept(name, value) for kind in kinds for name, value in vars(kind).items())


def _is_kept(name: str, value: Any) -> bool:
    """Whether an attribute of a class is a value, or code that sets attributes."""
    if isinstance(value, FunctionType):
        code = value.__code__
        return not _SETTING.isdisjoint(code.co_names) or any(
            one.opname == "STORE_ATTR" for one in dis.get_instructions(code)
        )
    return not name.startswith("__")
