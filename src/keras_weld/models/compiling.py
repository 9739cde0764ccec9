"""Compile a model that came out of an `.h5` file, or of a file of Keras 2, and give the optimizer its state.

Keras's own reader of `.h5` files loses that state, and knows losses only by their full names.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_weld.core.state import Array, ModelState
from keras_weld.io.kinds import Kind
from keras_weld.models.older_training import (
    goes_on_exactly,
    loss,
    metric,
    never_trained,
    optimizer_config,
    optimizer_named,
    optimizer_values,
    values_in_order,
)
from keras_weld.models.refusal import major_version


def stored_values(state: ModelState) -> dict[str, Array]:
    """The optimizer's variables in a file that is open, by their names there, in its order."""
    return {tensor.spec.path.partition("/")[2]: np.array(tensor.read()) for tensor in state.optimizer}


def compile_as_saved(model: keras.Model, state: ModelState, custom: dict[str, Any], stored: dict[str, Array]) -> None:
    """Compile a model as it was when it was saved, if it was compiled then.

    What was written by Keras 1 or 2 and cannot be carried over is told by a warning.

    Args:
        model: the model, built and filled.
        state: the file it came from.
        custom: classes and functions of the user's own.
        stored: what `stored_values` gave.
    """
    said = state.compile_config or {}
    described = said.get("optimizer_config") or said.get("optimizer")
    if isinstance(described, str):
        described = optimizer_named(described)
    if not isinstance(described, dict):
        return
    older = (major_version(state) or 3) < 3
    try:
        with keras.saving.custom_object_scope(custom):
            model.compile(
                optimizer=keras.optimizers.deserialize(optimizer_config(described)),
                loss=_each(_loss, said.get("loss")),
                metrics=_metrics(model, said.get("metrics")),
                weighted_metrics=_metrics(model, said.get("weighted_metrics")),
                loss_weights=said.get("loss_weights"),
            )
    except Exception:
        if not older:
            raise
        _tell(state, "how the model was compiled was written", "Compile it before training.")
        return
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    values: list[Array] | None = list(stored.values())
    if older and state.kind == Kind.KERAS:
        values = values_in_order(optimizer, described, list(stored.values()))
    elif older:
        values = optimizer_values(optimizer, model.trainable_variables, stored)
    _restore(optimizer, state, stored, values)


def _restore(optimizer: Any, state: ModelState, stored: dict[str, Array], values: list[Array] | None) -> None:
    if values is not None and [value.shape for value in values] == [tuple(one.shape) for one in optimizer.variables]:
        for variable, value in zip(optimizer.variables, values, strict=True):
            variable.assign(value)
        if (major_version(state) or 3) < 3 and not goes_on_exactly(optimizer):
            warnings.warn(
                f"{state.source}: in its first tens of steps, Nadam goes on a little otherwise than it would have in "
                f"Keras {state.metadata.get('keras_version')}, which multiplied its momenta once for each variable "
                f"and kept no product; the file is of step {int(optimizer.iterations)}.",
                UserWarning,
                stacklevel=2,
            )
        return
    then = "Training would go on with a fresh optimizer."
    if not stored and (major_version(state) or 0) >= 3:  # which writes a counter even of one that took no step
        warnings.warn(
            f"{state.source} tells how the model was compiled, and holds nothing of the optimizer's state. {then}",
            UserWarning,
            stacklevel=2,
        )
    elif not never_trained(stored):
        if (major_version(state) or 3) < 3:
            _tell(state, "the optimizer's state was written", then)
        else:
            warnings.warn(
                f"{state.source}: the optimizer's state does not fit the model: layers were frozen or unfrozen after "
                f"it was compiled, as far as the file tells. {then}",
                UserWarning,
                stacklevel=2,
            )


def _tell(state: ModelState, what: str, then: str) -> None:
    warnings.warn(
        f"{state.source}: {what} by Keras {state.metadata.get('keras_version')} and cannot be carried over. {then}",
        UserWarning,
        stacklevel=2,
    )


def _metrics(model: keras.Model, said: Any) -> Any:
    """Metrics by output; Keras 2 lists them so where there is one too, with None for none, and names that tell it."""
    if not isinstance(said, list):
        return _each(_metric, said)
    outputs = [str(name) for name in getattr(model, "output_names", [""])]  # a Sequential has one, without a name
    if len(outputs) == 1:
        return _each(_metric, said[0] if len(said) == 1 and isinstance(said[0], list) else said)
    if not any(isinstance(one, list | tuple) for one in said):
        said = [said] * len(outputs)  # one list is for all outputs
    several = [one if isinstance(one, list | tuple) else [one] for one in said]
    return [
        [_metric(one, output) for one in found if one is not None]
        for found, output in zip(several, outputs, strict=True)
    ]


def _metric(said: Any, output: str = "") -> Any:
    named = metric(said, output)
    if isinstance(named, str):
        return keras.saving.get_registered_object(named) or named
    return keras.metrics.deserialize(named)


def _loss(said: Any) -> Any:
    named = loss(said)
    if isinstance(named, str):  # `.h5` has functions by their names alone
        named = keras.saving.get_registered_object(named) or getattr(keras.losses, named, named)
    return keras.losses.get(named)


def _each(make: Callable[[Any], Any], said: Any) -> Any:
    """What `make` makes of every name and configuration in a structure of lists and dicts."""
    if said is None:
        return None
    if isinstance(said, dict) and "class_name" not in said:
        return {key: _each(make, one) for key, one in said.items()}
    if isinstance(said, list | tuple):
        return [_each(make, one) for one in said]
    return make(said)
