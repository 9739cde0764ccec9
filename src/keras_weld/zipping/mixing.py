"""Batches of several tasks' examples, in an order that is a pure function of the seed and the step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count, islice

import keras
import numpy as np

from keras_weld.data.batch import Array, Batch, parts_of
from keras_weld.data.rebatching import rebatched, without_first
from keras_weld.data.split import Split
from keras_weld.errors import add_context
from keras_weld.zipping.processes import own_part


@dataclass(frozen=True, slots=True)
class Examples:
    """What a task gives.

    Attributes:
        split: its examples, fitted to its model.
        targets: by output of the merged network, which of the targets is its own; an output may have none.
    """

    split: Split
    targets: Mapping[str, int]


class Mixed(keras.utils.PyDataset):  # type: ignore[misc]
    """The same number of examples of each task in every batch, the tasks one after the other.

    Each task's examples are gone through in an order drawn by the seed, all of them before one comes again, and
    drawn anew each time round: a small set comes more often than a large one. Streams come in their own order, time
    after time. Examples are read when their batch is due.

    Args:
        examples: by task.
        batch_size: examples of each task in a batch.
        steps: batches of an epoch.
        seed: what the orders are drawn by.
        start: the number of the first batch, for a calibration that is gone on with.
        separate: whether each task has inputs of its own; they come side by side, the tasks in their order.

    Raises:
        UsageError: if several processes train, and a batch cannot be divided among them.
    """

    def __init__(
        self,
        examples: Mapping[str, Examples],
        batch_size: int,
        steps: int,
        *,
        seed: int = 0,
        start: int = 0,
        separate: bool = False,
    ) -> None:
        super().__init__()
        self.steps, self.start, self._separate, self.part = steps, start, separate, own_part(batch_size)
        self.refusal: Exception | None = None
        self._targets = [one.targets for one in examples.values()]
        self._rows = [_Row(one.split, batch_size, [seed, number]) for number, one in enumerate(examples.values())]

    def __len__(self) -> int:
        return self.steps

    def __getitem__(self, index: int) -> tuple[Array | tuple[Array, ...], dict[str, Array]]:
        """Inputs, a tuple of them if there are several, and by output the targets of its own task's examples.

        Where several processes train, both are this process's part.
        """
        try:
            found = [row.batch(self.start + index) for row in self._rows]
        except Exception as error:  # a backend may turn it into an error of its own, in another thread
            self.refusal = self.refusal or error
            raise
        given = [parts_of(x) for x, _ in found]
        joined = (np.concatenate(parts) for parts in zip(*given, strict=True))
        inputs = [self.part.of(rows) for rows in (chain.from_iterable(given) if self._separate else joined)]
        targets = {
            output: self.part.of(parts_of(y)[number])
            for (_, y), own in zip(found, self._targets, strict=True)
            for output, number in own.items()
        }
        return tuple(inputs) if len(inputs) > 1 else inputs[0], targets

    def raise_refusal(self) -> None:
        """Raise what came out of reading, as it was; nothing if all was well."""
        if self.refusal is not None:
            raise self.refusal


class _Row:
    """The endless row of one task's batches."""

    def __init__(self, split: Split, batch_size: int, seed: list[int]) -> None:
        self._split, self._batch_size, self._seed = split, batch_size, seed
        self._next = -1
        self._running: Iterator[Batch] = iter(())
        self._orders: dict[int, Array] = {}

    def batch(self, step: int) -> Batch:
        """Batch number `step`; one after the other is quick."""
        if step != self._next:
            self._running = self._numbered(step) if self._split.positioned else self._streamed(step)
        self._next = step + 1
        with add_context(file=self._split.origin):
            return next(self._running)

    def _numbered(self, first: int) -> Iterator[Batch]:
        examples = self._split.counted()
        return self._split.gather(self._places(step, examples) for step in count(first))

    def _streamed(self, first: int) -> Iterator[Batch]:
        """The stream again and again; what lies before the first batch is passed over, whole rounds without a look."""
        passed = first * self._batch_size
        known = None if self._split.endless else self._split.count
        number, inside = divmod(passed, known) if known else (0, 0)
        start, more = divmod(inside, self._batch_size)
        rounds = chain.from_iterable(self._round(one) for one in count(number + 1))
        batches = rebatched(chain(without_first(self._round(number, start), more), rounds), self._batch_size)
        return batches if known else islice(batches, first, None)

    def _round(self, number: int, start: int = 0) -> Iterator[Batch]:
        return self._split.epoch(self._batch_size, seed=0, epoch=number, shuffle=False, start=start)

    def _places(self, step: int, examples: int) -> Array:
        """The numbers of the examples in a batch, out of as many rounds as the batch reaches into."""
        places = np.arange(step * self._batch_size, (step + 1) * self._batch_size)
        rounds = places // examples
        rows = np.empty(self._batch_size, dtype=np.int64)
        for one in np.unique(rounds):
            here = rounds == one
            rows[here] = self._order(int(one), examples)[places[here] % examples]
        return rows

    def _order(self, number: int, examples: int) -> Array:
        if number not in self._orders:
            kept = {known: order for known, order in self._orders.items() if known == number - 1}
            drawn = np.random.default_rng([*self._seed, number]).permutation(examples)
            self._orders = {**kept, number: drawn}
        return self._orders[number]
