"""What stands in the name of a model file before the suffix that tells its format."""

from __future__ import annotations

import os
from pathlib import Path

_SUFFIXES = (".weights.h5", ".weights.json", ".keras.h5", ".keras", ".h5", ".hdf5", ".json")
_EMPTY = ("", "weights")


def stem_of(path: str | os.PathLike[str]) -> str:
    """A file's name without the suffix of a model's format.

    Example:
        >>> stem_of("run/a.weights.h5")
        'a'
    """
    name = Path(path).name
    for suffix in _SUFFIXES:
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return name


def with_format(path: str | os.PathLike[str], suffix: str) -> str:
    """A name like that of a file, for a file of another format.

    Args:
        path: the file.
        suffix: of the format, `.weights.h5`.

    Example:
        >>> with_format("weights.h5", ".weights.h5")
        'model.weights.h5'
    """
    name = stem_of(path)
    if name == Path(path).name:
        name = Path(path).stem
    return ("model" if name in _EMPTY else name) + suffix
