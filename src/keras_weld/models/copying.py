"""A copy of a live model that shares nothing with it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras

from keras_weld.errors import UsageError, WeldError
from keras_weld.models.load import load
from keras_weld.models.own_things import own_things
from keras_weld.models.write import write


def copy_of(model: keras.Model, custom_objects: Any = None) -> keras.Model:
    """A model with the same architecture and weights, by way of a file, as it will go when the merge is saved.

    Args:
        model: a built model.
        custom_objects: classes of the user's own that it needs, besides those that it consists of.

    Raises:
        UsageError: if it cannot be saved and loaded again; says why.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="keras-weld-") as folder:
            file = Path(folder, "live.keras")
            write(model, file)
            return load(file, custom_objects=_custom(model, custom_objects), compile=False, unsafe=True)
    except WeldError as error:
        raise UsageError(
            f"The live model {model.name!r} cannot be saved and loaded again, so no merge of it could be.",
            layer=error.layer,
            expected="a get_config() in every class of your own that returns the arguments of its __init__",
            found=error.found or error.problem,
            remedy=error.remedy,
        ) from error


def _custom(model: keras.Model, custom_objects: Any) -> list[Any]:
    given = list(custom_objects.values()) if isinstance(custom_objects, dict) else list(custom_objects or ())
    return [*own_things(model).values(), *given]
