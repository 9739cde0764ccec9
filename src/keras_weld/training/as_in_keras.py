"""Calls of `weld.fit` that are written as those of `model.fit`: refused with the way that they are written here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras_weld.core.older_calls import refuse_older
from keras_weld.errors import UsageError

_IN_DATA = "Inputs and targets are one argument: weld.fit(build, (x, y), run='run', epochs=10)."
_PLACE = "Where a run is, its folder tells; epochs= counts those of earlier starts."
_BY_RESUME = "model.fit has it, with weld.Resume('run') among its callbacks."
_HELD = "The validation examples are passed over whole at each epoch's end. " + _BY_RESUME
_WORKERS = "Give them to the PyDataset."
_INSTEAD = {
    "x": _IN_DATA,
    "y": _IN_DATA,
    "validation_split": "Split them before: weld.fit(build, (x[n:], y[n:]), …, validation_data=(x[:n], y[:n])).",
    "shuffle": "Examples that can be counted come in an order that is drawn by seed=…; a stream in its own.",
    "initial_epoch": _PLACE,
    "steps_per_epoch": "steps=…",
    "class_weight": _BY_RESUME,
    "sample_weight": _BY_RESUME,
    "validation_steps": _HELD,
    "validation_batch_size": _HELD,
    "validation_freq": _HELD,
    "workers": _WORKERS,
    "use_multiprocessing": _WORKERS,
    "max_queue_size": _WORKERS,
}


def refuse_as_in_keras(further: Sequence[Any], older: Mapping[str, Any]) -> None:
    """Refuse what `model.fit` takes and `weld.fit` does not.

    Args:
        further: what was given by its place after the data.
        older: the options that `weld.fit` does not have.

    Raises:
        UsageError: naming the way that it is written.
    """
    if further:
        raise UsageError(
            "weld.fit takes the data as one argument, and all else by name.",
            expected="weld.fit(build, (x, y), run='run', epochs=10)",
            found=f"{len(further)} more by place, a {type(further[0]).__name__} first",
            remedy=_IN_DATA,
        )
    refuse_older("weld.fit", older, _INSTEAD)
