"""Data out of live values, and out of functions of the user's that make them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from keras_weld.core.importing import current_folder_importable
from keras_weld.data.arrays import array_split
from keras_weld.data.elements import side_of, weighted
from keras_weld.data.keys import splits_of
from keras_weld.data.live import is_live, live_split
from keras_weld.data.source import is_used_up
from keras_weld.data.split import SPELLINGS, WHOLE, Dataset, Split
from keras_weld.errors import DataError, WeldError


def require_module(text: str) -> None:
    """Refuse `module:function` where there is no such module; nothing is imported.

    Raises:
        DataError: naming the module.
    """
    name = text.partition(":")[0].partition(".")[0]
    with current_folder_importable():
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            raise _no_module(name, text)


def function_named(text: str) -> Callable[[], Any]:
    """The function named `module:function`, looked up and called in the current folder.

    Raises:
        DataError: if there is no such module or function.
    """
    module_name, _, name = text.partition(":")
    with current_folder_importable():
        try:
            found: Any = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            raise _no_module(error.name, text) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise DataError(f"{module_name} has no {name!r}.", expected="a function", found=text)
        found = getattr(found, part)
    if not callable(found):
        raise DataError(f"{text} is not a function.", found=type(found).__name__)

    def call() -> Any:
        with current_folder_importable():
            return found()

    call.__qualname__ = text  # what a failure is told under
    return call


def _no_module(name: str | None, text: str) -> DataError:
    return DataError(
        f"There is no module {name!r}.",
        expected="module:function, with the module in the current folder or installed",
        found=text,
        remedy="Check the spelling; the current folder is searched first.",
    )


def dataset_of(made: Any, origin: str) -> Dataset:
    """A dataset out of live values.

    Args:
        made: a Dataset; `(x, y)`; `((x_train, y_train), (x_test, y_test))`, as `keras.datasets` gives it; a dict
            with keys as in an `.npz` file; a live data set, a loader, a list of batches; a pair
            `(train, validation)` or a dict `{"train": ..., "validation": ...}` of any of these; or a function
            without arguments that returns one of them, or an iterator. Several inputs or targets are a list or a
            dict of arrays.
        origin: where it came from, for messages.

    Raises:
        DataError: if it is something else.
    """
    if isinstance(made, Dataset):
        return made
    if isinstance(made, Split):
        return Dataset({made.name: made}, origin)
    if isinstance(made, Mapping):
        named = {key: SPELLINGS.get(str(key).lower()) for key in made}
        if made and all(named.values()) and not any(hasattr(part, "shape") for part in made.values()):
            return Dataset({name: _part(name, made[key], origin) for key, name in named.items() if name}, origin)
        return Dataset(splits_of(made, origin), origin)
    if isinstance(made, tuple) and len(made) in (2, 3):
        if all(_is_pair(part) for part in made):
            names = ("train", "test") if len(made) == 2 else ("train", "validation", "test")
            return _dataset(names, made, origin)
        if any(is_live(part) for part in made) and not any(hasattr(part, "shape") for part in made):
            return _dataset(("train", "validation", "test"), made, origin)
    if _is_pair(made) or is_live(made) or (isinstance(made, list) and all(isinstance(one, tuple) for one in made)):
        return _whole(made, origin)
    raise _no_data(made, origin)


def _whole(made: Any, origin: str) -> Dataset:
    if not _is_function(made):
        return _dataset((WHOLE,), (made,), origin)
    first = _called(made)
    return _dataset((WHOLE,), (made,), origin) if is_used_up(first) else dataset_of(first, origin)


def _dataset(names: Sequence[str], parts: Sequence[Any], origin: str) -> Dataset:
    return Dataset({name: _part(name, part, origin) for name, part in zip(names, parts, strict=False)}, origin)


def _part(name: str, part: Any, origin: str) -> Split:
    """One split out of arrays or a live object, or out of a function that makes them."""
    if _is_function(part):
        first = _called(part)
        return live_split(part, name, origin) if is_used_up(first) else _part(name, first, origin)
    if isinstance(part, Split):
        return _renamed(part, name)
    if _is_pair(part) and not any(is_live(side) for side in part):
        x, y = part
        return array_split(name, origin, side_of(x, "x"), {} if y is None else side_of(y, "y"))
    if is_live(part) or isinstance(part, list):
        return live_split(part, name, origin)
    raise _no_data(part, origin)


def _renamed(split: Any, name: str) -> Split:
    renamed: Split = split if split.name == name else replace(split, name=name)
    return renamed


def _called(function: Callable[[], Any]) -> Any:
    try:
        return function()
    except WeldError:
        raise
    except Exception as error:
        name = getattr(function, "__qualname__", type(function).__name__)
        raise DataError(f"The function {name} failed.", found=f"{type(error).__name__}: {error}") from error


def _is_function(value: Any) -> bool:
    """Whether it is a function to call, and no data set that happens to be callable."""
    return callable(value) and not hasattr(value, "__iter__") and not hasattr(value, "__getitem__")


def _is_pair(value: Any) -> bool:
    if not isinstance(value, tuple) or len(value) != 2:
        return False
    x, y = value
    several = isinstance(x, tuple) and hasattr(y, "shape") and all(hasattr(one, "shape") for one in x)
    return several or not (isinstance(x, tuple) or isinstance(y, tuple))


def _has_weights(made: Any) -> bool:
    """Whether it is `(x, y, sample_weight)`, or several of these."""
    if not isinstance(made, tuple) or not made:
        return False
    whole = len(made) == 3 and made[2] is not None and not any(isinstance(part, tuple) for part in made)
    return whole or any(_has_weights(part) for part in made)


def _no_data(made: Any, origin: str) -> DataError:
    if _has_weights(made):
        return weighted(origin, "where the data is made: return x, y")
    return DataError(
        "This is not data.",
        file=origin,
        expected="(x, y), ((x_train, y_train), (x_test, y_test)), a dict with the keys x and y, a data set or "
        "loader, or a function that returns one of these",
        found=type(made).__name__,
    )
