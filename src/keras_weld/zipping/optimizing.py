"""The optimizer of a calibration, and how its learning rate falls."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras

from keras_weld.errors import UsageError

COSINE, CONSTANT = "cosine", "constant"
SCHEDULES = f"{COSINE}, {CONSTANT}, or FACTOR@EPOCHS such as 0.94@10: times 0.94 after every ten epochs"

Schedule = str | Callable[[float, int], Any]
"""A word of `SCHEDULES`, or a function that makes a schedule of Keras from the rate at the start and the steps."""

_STAIRS = re.compile(r"(0?\.\d+|1\.0*|1)@(\d+(?:\.\d+)?)")


def schedule_of(schedule: Schedule, rate: float, steps: int, epoch: Callable[[], int]) -> Any:
    """The learning rate of each step.

    Args:
        schedule: how it falls.
        rate: at the start.
        steps: steps in all.
        epoch: gives the steps in which as many examples count as the tasks have together.

    Raises:
        UsageError: if there is no such schedule.
    """
    if callable(schedule):
        return schedule(rate, steps)
    schedules = keras.optimizers.schedules
    if schedule == COSINE:
        return schedules.CosineDecay(rate, steps)
    if schedule == CONSTANT:
        return rate
    stairs = _stairs(schedule)
    every = max(1, round(float(stairs[2]) * epoch()))
    return schedules.ExponentialDecay(rate, every, float(stairs[1]), staircase=True)


def require_training(optimizer: Any, schedule: Schedule) -> None:
    """Refuse an optimizer or a schedule that there is not.

    Raises:
        UsageError: naming those that there are.
    """
    optimizer_of(optimizer, 1e-3)
    if not callable(schedule) and schedule not in (COSINE, CONSTANT):
        _stairs(schedule)


def _stairs(schedule: str) -> re.Match[str]:
    """Factor and epochs.

    Raises:
        UsageError: if they are not given.
    """
    found = _STAIRS.fullmatch(schedule)
    if found is None or not float(found[2]):
        raise UsageError("There is no such schedule of the learning rate.", expected=SCHEDULES, found=schedule)
    return found


def optimizer_of(optimizer: Any, rate: Any) -> Any:
    """A fresh optimizer.

    Args:
        optimizer: its name in Keras, or one of Keras, whose own learning rate then holds.
        rate: the learning rate, or its schedule.

    Raises:
        UsageError: if there is no such optimizer.
    """
    if isinstance(optimizer, keras.optimizers.Optimizer):
        return type(optimizer).from_config(optimizer.get_config())
    try:
        return keras.optimizers.get({"class_name": optimizer, "config": {"learning_rate": rate}})
    except (ValueError, TypeError) as error:
        raise UsageError(
            "There is no such optimizer.", expected="one of Keras: adam, adamw, sgd, rmsprop, lion, …", found=optimizer
        ) from error
