"""What models are called in a merged model, and options that are given for some of them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from keras_weld.core.file_names import stem_of
from keras_weld.errors import UsageError


def member_names(models: Sequence[Any], names: Sequence[str] | None = None) -> list[str]:
    """Names for models: those given, or the files' without their suffixes, each once.

    Raises:
        UsageError: if there are not as many as models, one is twice, or one is not fit to name a layer.

    Example:
        >>> member_names(["run/a.keras", "other/a.keras", "b.weights.h5"])
        ['a', 'a_2', 'b']
    """
    if names is None:
        return _each_once([_plain(_stem(model)) for model in models])
    if len(names) != len(models) or len(set(names)) != len(names):
        raise UsageError(
            "Each model needs one name of its own.",
            expected=f"{len(models)} different names",
            found=", ".join(names),
            remedy="Give as many names as models, with commas between them: --names digits,letters",
        )
    for name in names:
        if name != _plain(name):
            raise UsageError(
                "This cannot be the name of a layer.",
                expected="letters, digits, _ . and -, a letter or digit first",
                found=name,
                remedy=f"Take {_plain(name)}",
            )
    return list(names)


def by_member(given: Mapping[str, str] | None, models: Sequence[Any], names: Sequence[str]) -> dict[str, str]:
    """Options that were given for some of the models, by the models' names in the merged model.

    Args:
        given: values by the path of a model, or by its name.
        models: the models.
        names: their names.

    Raises:
        UsageError: for a key that names none of them.
    """
    found = {}
    for key, value in (given or {}).items():
        name = member_named(key, models, names)
        if name is None:
            raise UsageError(
                "An option is given for a model that there is not.",
                expected=", ".join(names),
                found=key,
                remedy="Name the model as here, or by its path.",
            )
        found[name] = value
    return found


def member_named(key: str | os.PathLike[str], models: Sequence[Any], names: Sequence[str]) -> str | None:
    """The name of the model that a name or a path means; None if it means none."""
    paths = {os.fspath(model): name for model, name in zip(models, names, strict=True) if is_path(model)}
    return str(key) if key in names else paths.get(os.fspath(key))


def is_path(model: Any) -> bool:
    """Whether a model is given by its path; else it is a live one."""
    return isinstance(model, str | os.PathLike)


def _stem(model: Any) -> str:
    return stem_of(model if is_path(model) else str(getattr(model, "name", "model")))


def _plain(name: str) -> str:
    kept = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)
    return kept if re.match(r"[A-Za-z0-9]", kept) else f"model{kept}"


def _each_once(names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, free = 1, name
        while free in found:
            number += 1
            free = f"{name}_{number}"
        found.append(free)
    return found
