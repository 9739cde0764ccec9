"""Variables whose arrays are gone: on JAX, memory that was given to a compiled step to write in."""

from __future__ import annotations

from pathlib import Path

import keras

from keras_weld.errors import WriteError


def refuse_lost_arrays(model: keras.Model, target: Path) -> None:
    """Refuse a model with a variable that has lost its array, before Keras fails on it without a name.

    Keras ends a `fit` with moving averages of weights by letting weight and average have one array. The next
    `evaluate` hands it to JAX to write in, and gives the weight a new one; the average keeps the old one.

    Args:
        model: a built model.
        target: what shall be written.

    Raises:
        WriteError: naming the first such variable.
    """
    optimizer = getattr(model, "optimizer", None)
    for variable in [*model.variables, *(optimizer.variables if optimizer is not None else ())]:
        is_deleted = getattr(variable.value, "is_deleted", None)
        if is_deleted is not None and is_deleted():
            raise WriteError(
                "A variable has lost its values: JAX has used their memory for something else.",
                file=target,
                layer=str(variable.path),
                expected="a model as it is after fit, before evaluate or another fit: with use_ema=True, Keras lets "
                "weights and their moving averages share memory",
                found="an array that was deleted",
                remedy="Save before evaluate, or train with weld.fit or weld.Resume, which undo the sharing. To save "
                "this model now, without its optimizer's state: model.compile(…) anew, then weld.save.",
            )
