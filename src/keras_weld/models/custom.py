"""Classes and functions of the user's own that a saved model needs."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import keras

from keras_weld.core.arguments import require_kind
from keras_weld.core.importing import current_folder_importable
from keras_weld.errors import UnsafeFileError, UsageError
from keras_weld.io.allow_list import is_known_class, is_known_function, is_known_text

Custom = Mapping[str, Any] | Iterable[Any]
"""What may be passed as `custom_objects`: a dict by name, or a list of `module:Class` texts or of classes."""

_KINDS_OF_TEXT = ("activations", "constraints", "initializers", "losses", "metrics", "regularizers")


def resolve(custom: Custom | None) -> dict[str, Any]:
    """The user's classes and functions, under every name that Keras may look for them by.

    Args:
        custom: a dict as Keras takes it; or a list of classes, functions, and texts such as
            `my_layers:Attention`, whose module is imported (the current folder is searched first).

    Raises:
        UsageError: if a text does not lead to a class or function.

    Example:
        >>> sorted(resolve([keras.layers.Dense]))
        ['Dense']
    """
    if custom is None:
        return {}
    if isinstance(custom, str):
        custom = [custom]
    require_kind("custom_objects", custom, Iterable, "a dict, or a list, such as ['my_layers:Attention']")
    found: dict[str, Any] = dict(custom) if isinstance(custom, Mapping) else {}
    entries = list(found.values()) if isinstance(custom, Mapping) else list(custom)
    for entry in entries:
        thing = _import(entry) if isinstance(entry, str) else entry
        if not callable(thing) or not hasattr(thing, "__name__"):
            raise UsageError(
                "A custom object is neither a class nor a function.",
                expected="a class, a function, or a text such as my_layers:Attention",
                found=repr(thing),
            )
        found.setdefault(thing.__name__, thing)
        found.setdefault(keras.saving.get_registered_name(thing), thing)
    return found


def _import(text: str) -> Any:
    module_name, colon, name = text.partition(":")
    form = "MODULE:CLASS, such as my_layers:Attention for the class Attention in my_layers.py"
    if not colon or not module_name or not name:
        raise UsageError("A custom class is given with its module.", expected=form, found=text)
    if module_name.endswith(".py"):
        raise UsageError(
            "A module is named without .py.",
            expected=form,
            found=text,
            remedy=f"Write {module_name[:-3]}:{name}",
        )
    try:
        with current_folder_importable():
            found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise UsageError(
            f"There is no module {error.name!r}.",
            expected=f"{module_name}.py in the current folder, or an installed module",
            found=text,
            remedy="Check the spelling, or run the command in the folder of the module.",
        ) from error
    except Exception as error:
        raise UsageError(
            f"The module {module_name!r} fails when it is imported.",
            found=f"{type(error).__name__}: {error}",
            remedy=f"Try it alone: python -c 'import {module_name}'",
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            known = sorted(key for key, value in vars(found).items() if isinstance(value, type))
            raise UsageError(
                f"The module {module_name!r} has no {name!r}.",
                expected="one of " + ", ".join(known) if known else None,
                found=text,
                remedy="Check the spelling.",
            )
        found = getattr(found, part)
    return found


def registered_names() -> frozenset[str]:
    """Names that the user's code has registered with Keras in this process, but for those of built-ins."""
    names = keras.saving.get_custom_objects()
    return frozenset(name for name in names if not is_built_in(name))


def is_built_in(name: str) -> bool:
    """Whether Keras itself ships something of that name."""
    return (
        is_known_class(name)
        or is_known_function(name, "builtins")
        or any(is_known_text(name, kind) for kind in _KINDS_OF_TEXT)
    )


def refuse_shadowing(config: Any, passed: Iterable[str]) -> None:
    """Refuse a config that names a built-in which something registered in this process would answer for.

    Keras looks among registered objects first, so a class that is registered as `Dense` by any imported
    package takes the place of Keras's own.

    Args:
        config: the file's configuration, plain JSON values.
        passed: names that the user passed in; these are meant.

    Raises:
        UnsafeFileError: naming the built-in and what would take its place.
    """
    registered = keras.saving.get_custom_objects()
    suspects = {name for name in registered if is_built_in(name)} - set(passed)
    for name in sorted(suspects & texts_in(config)) if suspects else ():
        thing = registered[name]
        raise UnsafeFileError(
            f"In this process something else is registered under the name of Keras's own {name!r}.",
            expected=f"Keras's own {name}",
            found=f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', thing)}",
            remedy=f"If that is meant, pass it: custom_objects={{{name!r}: …}}. Otherwise take it out of "
            "keras.saving.get_custom_objects().",
        )


def texts_in(config: Any) -> set[str]:
    """All texts among the values of a config."""
    found: set[str] = set()
    waiting = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)
    return found
