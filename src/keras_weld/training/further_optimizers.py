"""The optimizers that a model holds besides the one it is compiled with: how they are kept, and built again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import keras

from keras_weld.models.keras_private import trained_by
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.held import optimizers_held
from keras_weld.training.variables import HELD, misfit, variables_of

OPTIMIZERS = "optimizers"
"""Key of a checkpoint's facts: the names of the variables that each further optimizer trains; older ones lack it."""

_MEANT = frozenset({"model", "optimizer", "loss", "metrics"})
_WHAT = "further optimizers, and variables of losses, metrics and objects that the model holds"


def trained_by_each(model: keras.Model) -> dict[str, list[str | None]]:
    """The names of the variables that each further optimizer trains, which is built by its first step.

    A variable that is none of the model's has no name.
    """
    optimizers = {path: one for path, one in optimizers_held(model).items() if one.built}
    if not optimizers:
        return {}
    names = {id(variable): name for name, variable in variables_of(model)}
    return {path: [names.get(id(one)) for one in trained_by(optimizer)] for path, optimizer in optimizers.items()}


def fitted_to_held(
    checkpoint: Snapshot, model: keras.Model, changes: Collection[str], others: bool, file: str
) -> tuple[Snapshot, list[str]]:
    """A checkpoint that fits what a model holds, whose further optimizers are built as they were.

    Args:
        checkpoint: to go on from.
        model: compiled and built.
        changes: the differences to the run so far that are meant, and there.
        others: whether further optimizers have other settings now, as is meant: their variables have the rate in them.
        file: the run, for messages.

    Returns:
        The checkpoint, and what is to be told.

    Raises:
        WeldError: if it does not fit, and no change that is meant explains it.
    """
    if OPTIMIZERS not in checkpoint.facts:
        about = f"An older version of keras-weld did not keep {_WHAT}: they begin anew."
        return checkpoint, [about] if _has_any(model) else []
    _build(model, checkpoint.facts[OPTIMIZERS])
    unfit = misfit(model, checkpoint.arrays, HELD, file)
    if unfit is None and not others:
        return checkpoint, []
    if unfit is not None and _MEANT.isdisjoint(changes):
        raise unfit
    arrays = {name: value for name, value in checkpoint.arrays.items() if not name.startswith(f"{HELD}/")}
    return replace(checkpoint, arrays=arrays), [f"Others were kept of the {_WHAT}: they begin anew."]


def _has_any(model: keras.Model) -> bool:
    return any(name.startswith(f"{HELD}/") for name, _ in variables_of(model))


def _build(model: keras.Model, trained: dict[str, list[str | None]]) -> None:
    """Build the optimizers that were; one of variables that the model does not hold is left to its first step."""
    here, variables = optimizers_held(model), dict(variables_of(model))
    for path, names in trained.items():
        optimizer = here.get(path)
        if optimizer is not None and not optimizer.built and set(names) <= set(variables):
            optimizer.build([variables[str(name)] for name in names])
