"""What builds a model may call Keras as older versions were called: told with the new way."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_weld.errors import UsageError
from keras_weld.models.keras_private import compiled_with

_INSTEAD = {
    "lr": "It is learning_rate now: keras.optimizers.Adam(learning_rate=1e-3), optimizer.learning_rate = 1e-3.",
    "decay": "A decaying rate is a schedule now: "
    "Adam(learning_rate=keras.optimizers.schedules.InverseTimeDecay(1e-3, decay_steps=1, decay_rate=1e-4)).",
}
_NOT_TAKEN = re.compile(r"Argument\(s\) not recognized: \{'(\w+)'")


@contextmanager
def new_ways_told() -> Iterator[None]:
    """Inside the block, errors of Keras over options and attributes of older optimizers become refusals.

    Raises:
        UsageError: naming the new way.
    """
    try:
        yield
    except (AttributeError, ValueError) as error:
        name = _older_name(error)
        if name is None:
            raise
        raise _refusal(name, f"{type(error).__name__}: {error}") from error


def refuse_older_settings(model: keras.Model) -> None:
    """Refuse a compiled model whose settings were written as for an older Keras, and so have no effect.

    Raises:
        UsageError: naming the new way.
    """
    optimizer = model.optimizer
    for one in filter(None, (optimizer, getattr(optimizer, "inner_optimizer", None))):
        for name in _INSTEAD if type(one).__module__.split(".")[0] == "keras" else ():
            if name in vars(one):
                raise _refusal(name, f"{type(one).__name__}.{name} = {vars(one)[name]!r}, which Keras 3 does not read")
    weights = compiled_with(model).get("loss_weights")
    if any(isinstance(one, str) for one in keras.tree.flatten(weights)):
        raise UsageError(
            "The weights of the losses are texts.",
            expected="numbers",
            found=f"loss_weights={weights!r}",
            remedy="The third place of compile() is loss_weights. Name the metrics: "
            "model.compile(optimizer, loss, metrics=['accuracy']).",
        )


def _older_name(error: AttributeError | ValueError) -> str | None:
    """The option or attribute of older optimizers that an error is about, if it is about one."""
    if isinstance(error, AttributeError):
        known = isinstance(error.obj, keras.optimizers.Optimizer)
        name: Any = error.name if known else None
    else:
        found = _NOT_TAKEN.match(str(error))
        name = None if found is None else found[1]
    return name if name in _INSTEAD else None


def _refusal(name: str, found: str) -> UsageError:
    return UsageError(
        f"Optimizers of Keras 3 have no {name}.",
        found=found,
        remedy=_INSTEAD[name],
    )
