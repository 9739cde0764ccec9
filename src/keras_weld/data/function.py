"""Data that a function of the user's makes."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from keras_weld.core.importing import current_folder_importable
from keras_weld.data.arrays import array_split
from keras_weld.data.keys import splits_of
from keras_weld.data.split import WHOLE, Dataset, Split
from keras_weld.errors import DataError


def call_function(text: str) -> Any:
    """What the function named `module:function` returns.

    Raises:
        DataError: if there is no such module or function, or it fails.
    """
    module_name, _, name = text.partition(":")
    with current_folder_importable():
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise DataError(
                f"There is no module {error.name!r}.",
                expected="module:function, with the module in the current folder or installed",
                found=text,
                remedy="Check the spelling; the current folder is searched first.",
            ) from error
        for part in name.split("."):
            if not hasattr(found, part):
                raise DataError(f"{module_name} has no {name!r}.", expected="a function", found=text)
            found = getattr(found, part)
        if not callable(found):
            raise DataError(f"{text} is not a function.", found=type(found).__name__)
        try:
            return found()
        except Exception as error:
            raise DataError(f"The function {text} failed.", found=f"{type(error).__name__}: {error}") from error


def dataset_of(made: Any, origin: str) -> Dataset:
    """A dataset out of live values.

    Args:
        made: a Dataset; `(x, y)`; `((x_train, y_train), (x_test, y_test))`, as `keras.datasets` gives it; or
            a dict with keys as in an `.npz` file. Several inputs or targets are a list or a dict of arrays.
        origin: where it came from, for messages.

    Raises:
        DataError: if it is something else.
    """
    if isinstance(made, Dataset):
        return made
    if isinstance(made, Split):
        return Dataset({made.name: made}, origin)
    if isinstance(made, Mapping):
        return Dataset(splits_of(made, origin), origin)
    if isinstance(made, tuple) and len(made) in (2, 3) and all(_is_pair(part) for part in made):
        names = ("train", "test") if len(made) == 2 else ("train", "validation", "test")
        return Dataset({name: _split(name, part, origin) for name, part in zip(names, made, strict=True)}, origin)
    if _is_pair(made):
        return Dataset({WHOLE: _split(WHOLE, made, origin)}, origin)
    raise DataError(
        "This is not data.",
        file=origin,
        expected="(x, y), ((x_train, y_train), (x_test, y_test)), or a dict with the keys x and y",
        found=type(made).__name__,
    )


def _is_pair(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and not any(isinstance(part, tuple) for part in value)


def _split(name: str, pair: tuple[Any, Any], origin: str) -> Split:
    x, y = pair
    return array_split(name, origin, _named(x, "x"), {} if y is None else _named(y, "y"))


def _named(values: Any, letter: str) -> dict[str, Any]:
    if isinstance(values, Mapping):
        return dict(values)
    if isinstance(values, list) and values and all(hasattr(part, "shape") and part.ndim for part in values):
        if len(values) == 1:
            return {letter: values[0]}
        return {f"{letter}{index}": part for index, part in enumerate(values)}
    return {letter: values}
