"""Batches of several tasks' examples, in an order that is a pure function of the seed and the step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


class Mixed(keras.utils.PyDataset):  # type: ignore[misc]
    """The same number of examples of each task in every batch, the tasks one after the other.

    Each task's examples are gone through in an order drawn by the seed, all of them before one comes again, and
    drawn anew each time round: a small set comes more often than a large one.

    Args:
        examples: by task, inputs and targets; targets are None where a task has none.
        batch_size: examples of each task in a batch.
        steps: batches.
        seed: what the orders are drawn by.
        start: the number of the first batch, for a calibration that is gone on with.
    """

    def __init__(
        self,
        examples: Mapping[str, tuple[Array, Array | None]],
        batch_size: int,
        steps: int,
        *,
        seed: int = 0,
        start: int = 0,
    ) -> None:
        super().__init__()
        self.examples, self.batch_size, self.steps, self.seed, self.start = examples, batch_size, steps, seed, start
        self._orders: dict[tuple[int, int], Array] = {}

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Array, dict[str, Array]]:
        """Inputs of all tasks, and by task the targets of its own examples."""
        inputs, targets = [], {}
        for number, (task, (x, y)) in enumerate(self.examples.items()):
            rows = self._rows(number, len(x), self.start + index)
            inputs.append(x[rows])
            if y is not None:
                targets[task] = y[rows]
        return np.concatenate(inputs), targets

    def _rows(self, task: int, count: int, step: int) -> Array:
        """The rows of a task in a batch, out of as many rounds as the batch reaches into."""
        places = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        rounds = places // count
        rows = np.empty(self.batch_size, dtype=np.int64)
        for one in np.unique(rounds):
            here = rounds == one
            rows[here] = self._order(task, count, int(one))[places[here] % count]
        return rows

    def _order(self, task: int, count: int, number: int) -> Array:
        key = (task, number)
        if key not in self._orders:
            kept = {known: order for known, order in self._orders.items() if known[0] != task or known[1] == number - 1}
            self._orders = {**kept, key: np.random.default_rng([self.seed, task, number]).permutation(count)}
        return self._orders[key]
