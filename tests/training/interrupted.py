"""Trainings that break off, and how what is left is compared: all variables, metrics, history and callbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest

from keras_weld.training.callback_state import states_of
from keras_weld.training.variables import read_variables


class Interruption(KeyboardInterrupt):
    """What stands for a kill inside one process."""


class Stop(keras.callbacks.Callback):
    """Interrupts after so many batches, those of earlier starts counted: a callback that keeps its own state.

    Args:
        at: after so many batches; None for never.
        epoch: before this epoch begins; None for never.
        validation: in the validation that comes after so many batches; None for never.
    """

    def __init__(self, at: int | None, epoch: int | None = None, validation: int | None = None) -> None:
        super().__init__()
        self.epoch, self.validation = epoch, validation
        self.at, self.seen, self.batches, self.logs = at, 0, [], []

    def get_state(self) -> dict[str, Any]:
        return {"seen": self.seen, "batches": np.array(self.batches, "int64"), "logs": self.logs}

    def set_state(self, state: dict[str, Any]) -> None:
        self.seen, self.batches, self.logs = state["seen"], list(state["batches"]), list(state["logs"])

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        if epoch == self.epoch:
            raise Interruption

    def on_test_begin(self, logs: Any = None) -> None:
        if self.seen == self.validation:
            raise Interruption

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen += 1
        self.batches.append(batch)
        self.logs.append({name: float(value) for name, value in logs.items()})  # of the epoch so far: its metrics
        if self.seen == self.at:
            raise Interruption


def pictures(count: int = 84, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    found = np.random.default_rng(seed)
    x = found.normal(size=(count, 8, 8, 1)).astype("float32")
    return x, (x.sum((1, 2, 3)) > 0).astype("int64") + (x[:, 0, 0, 0] > 1)


def interrupted(start: Callable[[Any], Any], moments: Iterable[Any]) -> Any:
    """Start again and again, broken off at each of the moments, and then to the end."""
    for moment in moments:
        with pytest.raises(Interruption):
            start(moment)
    return start(None)


@dataclass(frozen=True)
class Outcome:
    """All that a training has left: as plain values, and as arrays by name."""

    facts: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def differences(self, other: Outcome) -> list[str]:
        """The names of what is not the same bits."""
        found = [name for name in {**self.facts, **other.facts} if self.facts.get(name) != other.facts.get(name)]
        for name in {**self.arrays, **other.arrays}:
            one, two = self.arrays.get(name), other.arrays.get(name)
            if one is None or two is None or one.dtype != two.dtype or one.tobytes() != two.tobytes():
                found.append(name)
        return found


def outcome(model: keras.Model, callbacks: Iterable[Any]) -> Outcome:
    """What there is of variables (seeds, optimizer and metrics among them), history and callbacks."""
    arrays = read_variables(model)
    states = states_of(list(callbacks), arrays)
    facts = {f"{number} {state['class']}": state for number, state in enumerate(states)}
    history = {"epoch": model.history.epoch, **model.history.history}
    return Outcome({**facts, "history": history}, arrays)
