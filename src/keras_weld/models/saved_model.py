"""SavedModel folders: the graph by Keras's `export`, and beside it the architecture, so that layers come back."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_weld.core.closeness import largest_difference
from keras_weld.core.hush import hush
from keras_weld.errors import MissingExtraError, UsageError, WriteError
from keras_weld.io.json_text import to_json
from keras_weld.io.saved_model import DESCRIBED
from keras_weld.models.architecture import architecture
from keras_weld.models.keras_private import in_form
from keras_weld.models.made_up import answers, made_up_inputs
from keras_weld.models.quiet import quiet
from keras_weld.models.write import first_words

_ENDPOINT = "serve"


def write_saved_model(model: keras.Model, folder: Path, lineage: Mapping[str, Any] | None) -> None:
    """Write a model as a SavedModel with the endpoint `serve`: on TensorFlow, or on JAX by way of jax2tf.

    Raises:
        MissingExtraError: if TensorFlow is not installed.
        UsageError: on a backend from which Keras exports none.
        WriteError: if Keras cannot.
    """
    _require_tensorflow(folder)
    if keras.backend.backend() not in ("tensorflow", "jax"):
        raise UsageError(
            f"Keras writes no SavedModel from the backend {keras.backend.backend()}.",
            file=folder,
            expected="KERAS_BACKEND=tensorflow or jax",
            remedy="Save the model as .keras, and write the folder from there: "
            "KERAS_BACKEND=tensorflow weld convert model.keras model.savedmodel",
        )
    try:
        with quiet(), hush():
            warnings.simplefilter("ignore", DeprecationWarning)  # JAX of its own jax2tf, which Keras calls
            model.export(folder, format="tf_saved_model", verbose=False)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # the backends raise kinds of their own
        raise WriteError(
            "Keras cannot export this model as a SavedModel; what was there before is untouched.",
            found=f"{type(error).__name__}: {first_words(error)}"[:300],
            remedy="Save it as .keras.",
        ) from error
    said = {"architecture": architecture(model), "keras_version": keras.__version__, "lineage": lineage}
    (folder / DESCRIBED).parent.mkdir(exist_ok=True)
    (folder / DESCRIBED).write_text(to_json(said), "utf-8")


def compare_served(model: keras.Model, folder: Path) -> None:
    """Load a SavedModel with TensorFlow, run its endpoint, and refuse it if it answers otherwise than the model.

    Raises:
        WriteError: if it does.
    """
    if not getattr(model, "inputs", None):
        return  # a model that was never called on symbols does not tell what it takes
    import tensorflow as tf

    inputs = made_up_inputs(model)
    with hush():
        loaded = tf.saved_model.load(str(folder))  # its variables live as long as it does
        given = [tf.constant(one, dtype=port.dtype) for one, port in zip(inputs, model.inputs, strict=True)]
        made = tf.nest.flatten(getattr(loaded, _ENDPOINT)(in_form(model, given)))
        found = [np.asarray(tf.cast(one, tf.float32)) for one in made]
    largest_difference(
        answers(model, inputs),
        found,
        model.compute_dtype,
        WriteError,
        "The SavedModel that was written does not answer as the model does; it was not kept.",
        "Save the model as .keras; if it answers well when loaded from there, report this.",
    )


def _require_tensorflow(folder: Path) -> None:
    try:
        import tensorflow  # noqa: F401 - whether it is there is the question
    except ImportError as error:
        raise MissingExtraError(
            "Writing a SavedModel needs TensorFlow.",
            file=folder,
            remedy="Install it: pip install 'keras-weld[tensorflow]'",
        ) from error
