"""Whole-number labels, held against the classes that an output tells apart: JAX trains on others without a word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_weld.data.batch import Array
from keras_weld.errors import DataError, add_context
from keras_weld.models.keras_private import compiled_with


def require_labels(targets: Array, classes: int, output: str, ignored: int | None = None) -> None:
    """Refuse labels that are none of an output's classes.

    Args:
        targets: the labels.
        classes: how many classes the output tells apart.
        output: its name, for the message.
        ignored: a label that the loss leaves out.

    Raises:
        DataError: naming the first one.
    """
    wrong = (targets != np.floor(targets)) | (targets < 0) | (targets >= classes)
    if ignored is not None:
        wrong &= targets != ignored
    if wrong.any():
        raise DataError(
            "A label is not one of the model's classes.",
            layer=output,
            expected=f"whole numbers from 0 to {classes - 1}: the output tells {classes} classes apart",
            found=targets[wrong].ravel()[0],
            remedy="Give labels counted from 0, or a model whose head has as many classes as the data.",
        )


def require_labels_of(model: keras.Model, targets: Any, file: str) -> None:
    """Refuse labels that are none of the classes of the outputs of a compiled model.

    Args:
        model: compiled and built.
        targets: of some examples, in the form that the model takes them.
        file: where they come from.

    Raises:
        DataError: naming the first one.
    """
    names, outputs = list(getattr(model, "output_names", None) or ()), getattr(model, "outputs", None) or ()
    losses, given = compiled_with(model).get("loss"), _by_output(targets, names)
    if len(names) != len(outputs) or len(given) != len(names):
        return  # a model whose outputs are in its own code, or what Keras refuses by itself
    for name, output, values in zip(names, outputs, given, strict=True):
        for ignored in _sparse(_of_output(losses, name, names)):
            classes = output.shape[-1]
            found = np.asarray(values)
            if classes is not None and classes > 1 and found.dtype.kind in "iuf":
                with add_context(file=file):
                    require_labels(found, int(classes), name, ignored)


def _by_output(targets: Any, names: list[str]) -> list[Any]:
    if isinstance(targets, Mapping):
        return [targets[name] for name in names if name in targets]
    return list(targets) if isinstance(targets, list | tuple) else [targets]


def _of_output(losses: Any, name: str, names: list[str]) -> Any:
    if isinstance(losses, Mapping):
        return losses.get(name)
    if isinstance(losses, list | tuple):
        return losses[names.index(name)] if len(losses) == len(names) else None
    return losses


def _sparse(loss: Any) -> Iterator[int | None]:
    """The label that a loss of labels leaves out; nothing for a loss of something else."""
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        yield loss.get_config().get("ignore_class")
    elif loss in ("sparse_categorical_crossentropy", keras.losses.sparse_categorical_crossentropy):
        yield None
