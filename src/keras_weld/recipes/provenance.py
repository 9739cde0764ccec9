"""How a model was made, whether it is live or lies in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from keras_weld.errors import add_context
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model

if TYPE_CHECKING:
    import keras


def lineage(model: str | os.PathLike[str] | keras.Model, *, limits: Limits | None = None) -> dict[str, Any] | None:
    """How a model was made that keras-weld made; None for any other.

    Its `notes` say what was inserted, resized, projected or left out on the way; its `sources` name the models that
    went in, with the SHA-256 of those that were files. A file is read without a backend.

    Args:
        model: the path of a saved model, or a live one that was composed in this process or loaded by `load`.
        limits: what the file may ask for.

    Raises:
        UsageError: if it is neither a path nor a model.
        WeldError: if the file cannot be read.

    Example:
        >>> weld.lineage(weld.ensemble(["a.keras", "b.keras"]))["notes"]  # doctest: +SKIP
        []
        >>> weld.lineage("ensemble.keras")["method"]  # doctest: +SKIP
        'ensemble'
    """
    if isinstance(model, str | os.PathLike):
        with add_context(file=model), open_model(model, Limits() if limits is None else limits) as state:
            found = state.metadata.get("lineage")
        return dict(found) if isinstance(found, Mapping) else None
    from keras_weld.models.provenance import lineage_of

    return lineage_of(model)
