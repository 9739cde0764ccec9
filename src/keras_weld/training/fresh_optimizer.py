"""An optimizer that begins anew with the weights of a run, since what was kept of the one before cannot be its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras_weld.core.plural import counted
from keras_weld.errors import TrainingError, WeldError
from keras_weld.training.callback_state import without_swap
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.variables import OPTIMIZER

_ALIKE = {"AdamW": "Adam"}
"""Classes whose state means the same as that of another one."""


def of_another_class(then: Any, now: Any, file: str) -> WeldError | None:
    """Why the state of an optimizer is not that of another one: its variables may fit, and mean something else.

    Args:
        then: what `identity_of` told of the one that was kept.
        now: what it tells of the one that there is.
        file: the run, for messages.
    """
    old, new = _class(then), _class(now)
    if _ALIKE.get(old, old) == _ALIKE.get(new, new):
        return None
    return TrainingError(
        "The optimizer is of another class than the one whose state was kept.",
        file=file,
        expected=old,
        found=new,
        remedy="Compile with the optimizer that the run was begun with.",
    )


def without_optimizer(checkpoint: Snapshot) -> Snapshot:
    """A checkpoint without the optimizer's state, and without what callbacks know of moving averages in it."""
    arrays = {name: value for name, value in checkpoint.arrays.items() if not name.startswith(f"{OPTIMIZER}/")}
    facts = {**checkpoint.facts, "callbacks": without_swap(checkpoint.facts["callbacks"])}
    return replace(checkpoint, facts=facts, arrays=arrays)


def has_optimizer(checkpoint: Snapshot) -> bool:
    """Whether a checkpoint has the optimizer's state."""
    return any(name.startswith(f"{OPTIMIZER}/") for name in checkpoint.arrays)


def about_fresh(then: Any, scheduled: bool) -> str:
    """What to say of an optimizer that begins anew.

    Args:
        then: what `identity_of` told of the one before.
        scheduled: whether the learning rate follows a schedule.
    """
    also = ", and so does the schedule of the learning rate" if scheduled else ""
    left = f"the state of {_class(then)} was left out, the weights are those that were kept"
    return f"The optimizer begins anew{also}: {left}."


def about_merged(lineage: Mapping[str, Any]) -> str:
    """What to say where the training of a model that was made of others begins.

    Args:
        lineage: how it was made.
    """
    sources = lineage.get("sources") or ()
    made = f"{lineage.get('method')} of {counted(len(sources), 'model')}"
    return f"The model was made by keras-weld ({made}), and no optimizer's state belongs to it: the optimizer is fresh."


def _class(told: Mapping[str, Any]) -> str:
    """The class of an optimizer; of one that scales losses, that of the one inside."""
    inner = told.get("inner_optimizer")
    return _class(inner) if isinstance(inner, Mapping) else str(told["class"])
