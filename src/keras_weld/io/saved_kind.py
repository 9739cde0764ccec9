"""Which format a name asks for when a whole live model is saved."""

from __future__ import annotations

import os
from pathlib import Path

from keras_weld.errors import UsageError
from keras_weld.io.kinds import YAML_SUFFIXES, Kind

FOLDER_SUFFIX = ".savedmodel"
NAMES = ".keras, .weights.h5, .weights.json, .h5, .json, .yaml, .savedmodel"
_BY_SUFFIX = (
    (".keras", Kind.KERAS),
    (".weights.h5", Kind.WEIGHTS),
    (".weights.json", Kind.SHARDED),
    (".h5", Kind.LEGACY_MODEL),
    (".hdf5", Kind.LEGACY_MODEL),
    (".json", Kind.ARCHITECTURE),
    *((suffix, Kind.ARCHITECTURE) for suffix in YAML_SUFFIXES),
    (FOLDER_SUFFIX, Kind.SAVED_MODEL),
)


def saved_kind(path: str | os.PathLike[str]) -> Kind:
    """The format that a name asks for.

    A name with a slash at its end, and a SavedModel folder that is there, ask for a SavedModel.

    Raises:
        UsageError: if the name tells of none; says what older versions of Keras made of it.

    Example:
        >>> saved_kind("model.h5"), saved_kind("model/")
        (<Kind.LEGACY_MODEL: 'h5 model'>, <Kind.SAVED_MODEL: 'SavedModel'>)
    """
    text = os.fspath(path)
    if text.endswith("/") or Path(text, "saved_model.pb").is_file():
        return Kind.SAVED_MODEL
    for suffix, kind in _BY_SUFFIX:
        if text.endswith(suffix):
            return kind
    name = Path(text).name
    stem = name.removesuffix(".tf").removesuffix(".ckpt") or "model"
    older = name.endswith((".tf", ".ckpt")) or "." not in name
    raise UsageError(
        "The name of the output does not say which format to write.",
        file=path,
        expected=f"a name ending in {NAMES}",
        found=name,
        remedy=f"For the whole model: {stem}.keras"
        + (f"; for weights alone: {stem}.weights.h5; for a SavedModel folder: {stem}{FOLDER_SUFFIX}" if older else ""),
    )
