"""Trainings that break off, and how what is left is compared: all variables, metrics, history and callbacks."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from keras_weld.training.callback_state import states_of


class Interruption(KeyboardInterrupt):
    """What stands for a kill inside one process."""


class Stop(keras.callbacks.Callback):
    """Interrupts after so many batches, those of earlier starts counted: a callback that keeps its own state."""

    def __init__(self, at: int | None) -> None:
        super().__init__()
        self.at, self.seen, self.batches, self.logs = at, 0, [], []

    def get_state(self) -> dict[str, Any]:
        return {"seen": self.seen, "batches": np.array(self.batches, "int64"), "logs": self.logs}

    def set_state(self, state: dict[str, Any]) -> None:
        self.seen, self.batches, self.logs = state["seen"], list(state["batches"]), list(state["logs"])

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


def values(model: keras.Model) -> list[np.ndarray]:
    variables = [*model.variables, *model.optimizer.variables]
    return [np.asarray(keras.ops.convert_to_numpy(one.value)) for one in variables]


def assert_same_callbacks(one: list[Any], other: list[Any]) -> None:
    ours: dict[str, np.ndarray] = {}
    theirs: dict[str, np.ndarray] = {}
    assert states_of(one, ours).states == states_of(other, theirs).states
    for name, value in ours.items():
        np.testing.assert_array_equal(value, theirs[name], err_msg=name)


def assert_same(one: keras.Model, other: keras.Model) -> None:
    for number, (first, second) in enumerate(zip(values(one), values(other), strict=True)):
        np.testing.assert_array_equal(first, second, err_msg=f"variable {number}")
    assert one.history.history == other.history.history
