"""Where a live model came from: kept beside it while it lives, and in its file when it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import keras

from keras_weld.errors import UsageError

_known: WeakKeyDictionary[keras.Model, dict[str, Any]] = WeakKeyDictionary()


def set_lineage(model: keras.Model, lineage: Mapping[str, Any] | None) -> None:
    """Note how a model was made; `save` writes it into the file.

    Args:
        model: the model.
        lineage: plain JSON values, as `Lineage.as_dict()` gives them. Anything else takes away what was noted.
    """
    _known.pop(model, None)
    if isinstance(lineage, Mapping):
        _known[model] = dict(lineage)


def lineage_of(model: keras.Model) -> dict[str, Any] | None:
    """How a live model was made, if that was noted.

    Raises:
        UsageError: if it is no model.
    """
    given: Any = model
    if not isinstance(given, keras.Model):
        raise UsageError(
            "This is not a model.",
            expected="a live Keras model, or the path of a saved one",
            found=type(given).__name__,
        )
    return _known.get(model)
