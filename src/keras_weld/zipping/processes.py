"""Which part of a batch is this process's, where several train one network (`keras.distribution`)."""

from __future__ import annotations

from dataclasses import dataclass

import keras

from keras_weld.data.batch import Array
from keras_weld.errors import UsageError


@dataclass(frozen=True, slots=True)
class Part:
    """This process among those that train.

    Attributes:
        number: of the process, from 0.
        count: how many there are.
    """

    number: int = 0
    count: int = 1

    def of(self, rows: Array) -> Array:
        """This process's share of the rows of a batch: Keras puts the shares one after the other again."""
        if self.count == 1:
            return rows
        size = len(rows) // self.count
        return rows[self.number * size : (self.number + 1) * size]


def own_part(batch_size: int) -> Part:
    """The part of this process; all of it where there is one process, or nothing is distributed.

    Args:
        batch_size: examples of each task in a batch.

    Raises:
        UsageError: if a batch cannot be divided among the processes.
    """
    if keras.backend.backend() != "jax" or keras.distribution.distribution() is None:
        return Part()
    import jax

    count = jax.process_count()
    if batch_size % count:
        raise UsageError(
            "A batch has to be divided among the processes.",
            expected=f"a multiple of {count}",
            found=batch_size,
            remedy="Take another size: --batch-size (batch_size=…).",
        )
    return Part(jax.process_index(), count)
