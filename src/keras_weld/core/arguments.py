"""Arguments of another kind than a function takes, refused in words before anything is done with them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from keras_weld.errors import UsageError


def list_of_models(models: Any) -> list[Any]:
    """The models as a list.

    Args:
        models: what was passed as a list of models.

    Raises:
        UsageError: if it is a single model or no list at all.

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
    return list(models)


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


def require_path(path: Any, remedy: str) -> None:
    """Refuse what is no path.

    Args:
        path: what was passed as one.
        remedy: what to do instead.

    Raises:
        UsageError: if it is neither a text nor path-like.
    """
    if not isinstance(path, str | os.PathLike):
        raise UsageError(
            "This is not the path of a model.",
            expected="a path, such as 'model.keras'",
            found=f"{type(path).__name__}",
            remedy=remedy,
        )
