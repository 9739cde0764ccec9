"""Arguments of another kind than a function takes, refused in words before anything is done with them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from keras_weld.errors import UsageError, WriteError


def list_of_models(models: Any) -> list[Any]:
    """The models as a list.

    Args:
        models: what was passed as a list of models.

    Raises:
        UsageError: if it is a single model or no list at all, or a path in it is empty.

    Example:
        >>> list_of_models(("a.keras", "b.keras"))
        ['a.keras', 'b.keras']
    """
    if isinstance(models, str | bytes | os.PathLike) or not isinstance(models, Iterable):
        single = repr(models) if isinstance(models, str) else f"a single {type(models).__name__}"
        raise UsageError(
            "The models are given as a list.",
            expected="a list, such as ['a.keras', 'b.keras']",
            found=single,
            remedy="Give a list, even of one model.",
        )
    listed = list(models)
    for one in listed:
        if isinstance(one, str | os.PathLike):
            require_path(one, "Name a file; an empty text would mean the folder you are in.")
    return listed


def require_free(path: str | os.PathLike[str], overwrite: bool) -> None:
    """Refuse the name of something that is there, unless it may be replaced.

    Args:
        path: what shall be written.
        overwrite: whether it may be replaced.

    Raises:
        WriteError: if it is there and may not.
    """
    if not overwrite and os.path.exists(path):
        raise WriteError(
            "There is a file of this name already.",
            file=path,
            remedy="Choose another name, or allow it to be replaced: overwrite=True",
        )


def require_another_file(out: str | os.PathLike[str] | None, models: Iterable[Any]) -> None:
    """Refuse an output that is one of the sources: with it, what a merge is compared with would be gone.

    Args:
        out: the file that will be written; None for none.
        models: the sources, of which some may be live models.

    Raises:
        UsageError: naming the file.
    """
    if out is None or not os.path.exists(out):
        return
    for model in models:
        if isinstance(model, str | os.PathLike) and os.path.exists(model) and os.path.samefile(out, model):
            raise UsageError(
                "The result would be written over one of its sources.",
                file=out,
                expected="another name than those of the sources",
                found=os.fspath(model),
                remedy="Choose another name for the output, or leave this source out.",
            )


def require_model(model: Any) -> None:
    """Refuse what is neither the path of a model nor a live one.

    Args:
        model: what was passed as a model.

    Raises:
        UsageError: if it is something else.
    """
    if not isinstance(model, str | os.PathLike) and not hasattr(model, "predict_on_batch"):
        expected = "the path of a saved model, or a live Keras model"
        remedy = "Give the path of a .keras file, such as 'model.keras'."
        raise _of_another_kind("This is not a model.", expected, model, remedy)


def require_path(path: Any, remedy: str) -> None:
    """Refuse what is no path.

    Args:
        path: what was passed as one.
        remedy: what to do instead.

    Raises:
        UsageError: if it is neither a text nor path-like, or empty.
    """
    if not isinstance(path, str | os.PathLike) or not os.fspath(path):
        raise UsageError(
            "This is not the path of a model.",
            expected="a path, such as 'model.keras'",
            found=type(path).__name__ if path != "" else "an empty text",
            remedy=remedy,
        )


def require_kind(name: str, value: Any, kinds: type | tuple[type, ...], expected: str) -> None:
    """Refuse an argument of another kind; True and False are no numbers.

    Args:
        name: what the argument is called.
        value: what was passed.
        kinds: the classes of which it may be.
        expected: what it should be, in words, with an example.

    Raises:
        UsageError: naming the argument, what is expected and what was found.

    Example:
        >>> require_kind("last", 3, Integral, "a whole number, such as 5")
    """
    if isinstance(value, bool) or not isinstance(value, kinds):
        remedy = f"Give {name}={expected.rpartition('such as ')[2]}"
        raise _of_another_kind(f"The argument {name} is of another kind.", expected, value, remedy)


def require_flag(name: str, value: Any) -> None:
    """Refuse what is neither True nor False: `"no"` would count as true.

    Args:
        name: what the argument is called.
        value: what was passed.

    Raises:
        UsageError: naming the argument and what was found.

    Example:
        >>> require_flag("normalize", False)
    """
    if type(value).__name__ not in ("bool", "bool_"):  # Python's and NumPy's
        raise _of_another_kind(
            f"The argument {name} is either true or false.", "True or False", value, f"Give {name}=True or {name}=False"
        )


def require_function(name: str, value: Any) -> None:
    """Refuse what can be called no more than None can, which stands for no function.

    Args:
        name: what the argument is called.
        value: what was passed.

    Raises:
        UsageError: naming the argument and what was found.

    Example:
        >>> require_function("progress", print)
    """
    if value is not None and not callable(value):
        remedy = f"Give {name}=print to see what it is told."
        raise _of_another_kind(f"The argument {name} cannot be called.", "a function, or None", value, remedy)


def require_whole_number(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number, and one that is too small.

    Args:
        name: what the argument is called.
        value: what was passed.
        least: the smallest that makes sense.

    Raises:
        UsageError: naming the argument, what is expected and what was found.

    Example:
        >>> require_whole_number("seed", 0, 0)
    """
    require_kind(name, value, Integral, f"a whole number from {least} on, such as {max(least, 1)}")
    if value < least:
        raise UsageError(
            f"The argument {name} is too small.",
            expected=f"a whole number from {least} on",
            found=value,
            remedy=f"Give {name}={max(least, 1)}",
        )


def require_numbers(name: str, values: Any, expected: str) -> None:
    """Refuse what is no series of numbers.

    Args:
        name: what the argument is called.
        values: what was passed.
        expected: what it should be, in words, with an example.

    Raises:
        UsageError: naming the argument, what is expected and what was found.

    Example:
        >>> require_numbers("weights", (0.5, 0.5), "numbers, such as [0.5, 0.5]")
    """
    require_kind(name, values, Iterable, expected)
    for value in values:
        require_kind(name, value, Real, expected)


def require_widths(name: str, values: Any) -> None:
    """Refuse what is no series of widths of layers.

    Args:
        name: what the argument is called.
        values: what was passed.

    Raises:
        UsageError: naming the argument, what is expected and what was found.
    """
    require_kind(name, values, (list, tuple), "a whole number, or a list such as [256, 64]")
    for value in values:
        require_whole_number(name, value, 1)


def require_size(size: Any) -> None:
    """Refuse what is no height and width of images; None is.

    Args:
        size: what was passed.

    Raises:
        UsageError: naming what is expected and what was found.
    """
    if size is None:
        return
    expected = "height and width, such as (96, 128)"
    require_kind("size", size, (list, tuple), expected)
    if len(size) != 2:
        raise UsageError("A size is height and width.", expected=expected, found=size)
    for value in size:
        require_whole_number("size", value, 1)


def _of_another_kind(problem: str, expected: str, value: Any, remedy: str) -> UsageError:
    return UsageError(problem, expected=expected, found=f"{value!r:.60} ({type(value).__name__})", remedy=remedy)
