"""Where a live model came from: kept beside it while it lives, and in its file when it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import keras

_known: WeakKeyDictionary[keras.Model, dict[str, Any]] = WeakKeyDictionary()


def set_lineage(model: keras.Model, lineage: Mapping[str, Any]) -> None:
    """Note how a model was made; `save` writes it into the file.

    Args:
        model: the model.
        lineage: plain JSON values, as `Lineage.as_dict()` gives them.
    """
    _known[model] = dict(lineage)


def lineage(model: keras.Model) -> dict[str, Any] | None:
    """How a model was made that keras-weld composed in this process; None for any other.

    Its `notes` say what was inserted, resized, projected or left out on the way.

    Args:
        model: a live model.

    Example:
        >>> weld.lineage(weld.ensemble(["a.keras", "b.keras"]))["notes"]  # doctest: +SKIP
        []
    """
    return _known.get(model)
