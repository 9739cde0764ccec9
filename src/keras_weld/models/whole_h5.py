"""Whole-model `.h5` files: written without harm to the live model, and so that plain Keras can compile them again."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_weld.core.state import ModelState
from keras_weld.errors import UsageError, WriteError
from keras_weld.models.keras_private import layers_in


def write_h5(model: keras.Model, path: Path) -> None:
    """Write a whole model, optimizer state included, with Keras under a name that ends in `.h5` or `.hdf5`."""
    with _spared(model), _unadvised():
        model.save(path)


@contextmanager
def _unadvised() -> Iterator[None]:
    """Keep Keras from advising against the format that was asked for."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def _spared(model: keras.Model) -> Iterator[None]:
    """Let Keras have a copy of how the model was compiled: its writer takes the optimizer out of what it is given.

    Without that, the next `.keras` file of the same model comes back with another optimizer.
    """
    compiled = getattr(model, "_compile_config", None)
    if compiled is None:
        yield
        return
    kept = compiled.config
    compiled.config = {key: _in_full(value) if key == "loss" else value for key, value in kept.items()}
    try:
        yield
    finally:
        compiled.config = kept


def _in_full(loss: Any) -> Any:
    """Losses by the names of their functions: Keras's reader of `.h5` files does not know `mse`."""
    if isinstance(loss, str):
        return getattr(keras.losses.get(loss), "__name__", loss)
    if isinstance(loss, dict):
        return {key: _in_full(one) for key, one in loss.items()}
    return [_in_full(one) for one in loss] if isinstance(loss, list | tuple) else loss


def refuse_what_has_no_place(model: keras.Model, path: Path) -> None:
    """Refuse what Keras writes into this format so that it comes back otherwise, or not at all.

    Raises:
        UsageError: naming the layer that learnt a vocabulary, or the operation that is no layer; for a model of a
            class of its own, of which the format keeps no shape to build it for; and for an optimizer whose variables
            share their paths, by which Keras tells them apart here: Adafactor's do.
    """
    optimizer = getattr(model, "optimizer", None)
    paths = [] if optimizer is None else [str(one.path) for one in optimizer.variables]
    if len(set(paths)) < len(paths):
        raise _no_place(f"The state of the optimizer {type(optimizer).__name__}", None, path, with_weights=True)
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise _no_place("The shape that a model whose layers are in its own code was built for", None, path)
    for layer in layers_in(model):
        if hasattr(layer, "save_assets") and layer.get_config().get("vocabulary") is None and _has_assets(layer):
            raise _no_place("A vocabulary that a layer learnt by adapt()", layer.name, path)
        for operation in getattr(layer, "_operations", ()):
            if not isinstance(operation, keras.Layer):
                raise _no_place(f"A call of keras.ops ({type(operation).__name__})", operation.name, path)


def _no_place(what: str, name: str | None, path: Path, with_weights: bool = False) -> UsageError:
    alone = f", or the weights alone as {path.with_suffix('.weights.h5').name}" if with_weights else ""
    return UsageError(
        f"{what} has no place in this format.",
        file=path,
        layer=name,
        expected="a format that keeps it",
        found=f"{path.suffix}, from which Keras could not bring it back",
        remedy=f"Save it as {path.with_suffix('.keras').name}{alone}.",
    )


def _has_assets(layer: keras.Layer) -> bool:
    with tempfile.TemporaryDirectory(prefix="keras-weld-") as folder:
        layer.save_assets(folder)
        return any(Path(folder).iterdir())


def compare_training(model: keras.Model, written: ModelState) -> None:
    """Refuse a whole-model `.h5` file that lacks the architecture, or anything of the optimizer.

    Raises:
        WriteError: if it does.
    """
    optimizer = getattr(model, "optimizer", None) if model.compiled else None
    wanted = [] if optimizer is None else [keras.ops.convert_to_numpy(one) for one in optimizer.variables]
    found = [tensor.read() for tensor in written.optimizer]
    same = len(wanted) == len(found) and all(map(np.array_equal, wanted, found))
    if written.config is None or (optimizer is not None and written.compile_config is None) or not same:
        raise WriteError(
            "The file that was written does not hold all of the model; it was not kept.",
            expected=f"the architecture, and {len(wanted)} variables of the optimizer",
            found=f"{'no' if written.config is None else 'an'} architecture, and {len(found)} variables"
            + ("" if same else " that differ"),
            remedy="Save it as .keras; if that works, report this.",
        )
