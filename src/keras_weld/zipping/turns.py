"""Tasks that take turns: the loss of one task counts in a step, that of the next in the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_weld.zipping.mixing import Mixed


class Turns:
    """Batches of several tasks in which one task counts, told by weights of the examples.

    Every task's examples are there in every batch, so that the statistics of normalization are those of all tasks'
    examples in each step.

    Args:
        mixed: the batches.
        tasks: names of the tasks.
        batch_size: examples of each task in a batch.
    """

    def __init__(self, mixed: Mixed, tasks: Sequence[str], batch_size: int) -> None:
        self.mixed, self.tasks, self.batch_size = mixed, tuple(tasks), batch_size

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return self.mixed.steps

    def __getitem__(self, index: int) -> tuple[Any, Any, dict[str, Any]]:
        """Inputs, targets, and by task the weights of its examples: 1 for the one whose turn it is, 0 for others."""
        turn = (self.mixed.start + index) % len(self.tasks)
        size = self.batch_size // self.mixed.part.count
        weights = {task: np.full(size, float(number == turn), "float32") for number, task in enumerate(self.tasks)}
        return (*self.mixed[index], weights)

    def raise_refusal(self) -> None:
        """Raise what came out of reading, as it was; nothing if all was well."""
        self.mixed.raise_refusal()
