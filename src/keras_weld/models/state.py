"""A live model as the same ordered map of tensors that a file gives."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras

from keras_weld.core.state import ModelState
from keras_weld.errors import UsageError
from keras_weld.io.read import open_model
from keras_weld.models.provenance import lineage_of
from keras_weld.models.write import UNLIMITED, write


def state_of(model: keras.Model, *, weights_only: bool = False) -> ModelState:
    """What `open_model` would say of a model if it were saved now.

    Where Keras stores a tensor depends on how it walks the model's attributes, so Keras itself is asked: the
    model is written to a temporary file, which `close()` removes. The tensors are those of this moment;
    training on does not change them.

    Args:
        model: a built Keras model.
        weights_only: leave out the architecture.

    Returns:
        The state; use it in a `with` block, or call its `close()`.

    Raises:
        UsageError: if it is not a built model.
        WriteError: if Keras cannot save it.

    Example:
        >>> with state_of(model) as state:  # doctest: +SKIP
        ...     kernel = state["dense/kernel"].read()
    """
    given: Any = model
    if not isinstance(given, keras.Model) or not given.built:
        raise UsageError(
            "This is not a Keras model with weights.",
            expected="a keras.Model that was built",
            found=f"a model without weights, {given.name!r}"
            if isinstance(given, keras.Model)
            else type(given).__name__,
            remedy="Call it once on some data, or model.build(input_shape).",
        )
    folder = tempfile.mkdtemp(prefix="keras-weld-")
    remove = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        file = Path(folder, "live.weights.h5" if weights_only else "live.keras")
        write(model, file)
        state = open_model(file, UNLIMITED)
    except BaseException:
        remove()
        raise
    known = lineage_of(model)
    return replace(
        state,
        source=f"the live model {model.name!r}",
        metadata=state.metadata if known is None else {**state.metadata, "lineage": known},
        closers=(*state.closers, remove),
    )
