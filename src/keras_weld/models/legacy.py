"""The optimizer state of `.h5` files."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from keras_weld.core.state import ModelState
from keras_weld.models.refusal import major_version


def optimizer_values(state: ModelState) -> list[np.ndarray[Any, Any]]:
    """The optimizer's variables in an `.h5` file that is open, in its order; none if Keras 1 or 2 wrote it.

    Optimizers of Keras 2 kept theirs in another order.
    """
    return [np.array(tensor.read()) for tensor in state.optimizer] if major_version(state) == 3 else []


def restore_optimizer(model: keras.Model, state: ModelState, values: list[np.ndarray[Any, Any]]) -> None:
    """Give a model out of an `.h5` file the optimizer state that Keras's reader loses.

    Keras builds that optimizer on an empty list of variables: its moments are gone, and the next `fit` fails.
    The file holds them all, in the optimizer's own order.
    """
    if not model.compiled or getattr(model, "optimizer", None) is None:
        return
    fresh = model.optimizer.__class__.from_config(model.optimizer.get_config())
    fresh.build(model.trainable_variables)
    model.optimizer = fresh
    if [value.shape for value in values] == [tuple(variable.shape) for variable in fresh.variables]:
        for variable, value in zip(fresh.variables, values, strict=True):
            variable.assign(value)
    elif state.optimizer:
        warnings.warn(
            f"{state.source}: the optimizer's state was written by Keras "
            f"{state.metadata.get('keras_version')} and cannot be carried over; training would go on with a "
            "fresh optimizer.",
            UserWarning,
            stacklevel=3,
        )
