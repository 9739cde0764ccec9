"""Where the seed generators of a model are: Keras writes them into no file, and dropout would begin anew."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from keras_weld.models.keras_private import seed_generators_in
from keras_weld.models.quiet import quiet


def states_of_seeds(model: keras.Model) -> list[list[int]]:
    """The states of the generators of a model and of all layers in it, in their order."""
    with quiet():
        return [[int(one) for one in keras.ops.convert_to_numpy(state)] for state in _states(model)]


def set_states_of_seeds(model: keras.Model, kept: Any, source: str) -> None:
    """Put back what `states_of_seeds` gave.

    Args:
        model: the model.
        kept: out of its file; anything but a list is nothing.
        source: the file. If the model has other generators than were kept, a warning names it.
    """
    if not isinstance(kept, list):
        return
    states = _states(model)
    try:
        values = np.array(kept, "int64")
        fitting = values.shape == (len(states), 2) and not ((values < 0) | (values >= 2**32)).any()
    except (ValueError, TypeError, OverflowError):
        fitting = False
    if not fitting:
        warnings.warn(
            f"{source} holds states of seeds that do not fit the model: dropout and the like begin anew.",
            UserWarning,
            stacklevel=3,
        )
        return
    for state, value in zip(states, values, strict=True):
        state.assign(value.astype(state.dtype))


def _states(model: keras.Model) -> list[Any]:
    return [generator.state for generator in seed_generators_in(model)]
