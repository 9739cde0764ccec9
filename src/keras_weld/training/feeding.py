"""Examples for `model.fit` in an order of our own: a pure function of the seed and the number of the epoch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras

from keras_weld.data.batch import Batch
from keras_weld.data.split import Split
from keras_weld.errors import DataError, UsageError, add_context
from keras_weld.training.rehearsal import note_batch

Prepare = Callable[[Any], Any]
"""Makes targets of a batch what the loss takes, and refuses those that it cannot."""


class Feed(keras.utils.PyDataset):  # type: ignore[misc]
    """An endless row of batches, epoch after epoch: batch number n is a function of n, the seed and the split.

    It is endless towards Keras, which is told the steps of an epoch: so nothing is read twice at an epoch's
    end, and read-ahead runs on into the next epoch. Streams are read batch by batch, never into memory.

    Args:
        split: the examples, fitted to the model.
        batch_size: examples at a time.
        prepare: what is done to the targets of each batch.
        seed: what the order is drawn by.
        shuffle: whether to give them in another order in every epoch.
        first: the number of the first epoch, so that no stage repeats the orders of another.
        steps: batches of an epoch; by default all, without a rest that fills no batch when shuffled.
        start: number of the first batch in the first epoch, for a training that is taken up again.
        placed: whether it is noted where the source is after each batch, for `place_after`.
        place: where the source is at the start, so that it is not read through; as `place_after` gave it.
        evaluated: whether it ends after one epoch and is read again for each evaluation, which is the next epoch.
    """

    def __init__(
        self,
        split: Split,
        batch_size: int,
        prepare: Prepare,
        *,
        seed: int = 0,
        shuffle: bool = False,
        first: int = 0,
        steps: int | None = None,
        start: int = 0,
        placed: bool = False,
        place: Any = None,
        evaluated: bool = False,
    ) -> None:
        super().__init__()
        self.steps = steps_of(split, batch_size, whole=shuffle) if steps is None else steps
        self.refusal: Exception | None = None
        self._split, self._batch_size, self._prepare = split, batch_size, prepare
        self._seed, self._shuffle, self._first, self._start = seed, shuffle, first, start
        self._evaluated, self._evaluations = evaluated, 0
        self._lock = threading.Lock()
        self._next = -1
        self._running: Iterator[Batch] = iter(())
        self._placed, self._place = placed and split.placed, place
        self._places: dict[tuple[int, int], Any] = {}

    @property
    def num_batches(self) -> int | None:
        """None if there is no end."""
        return self.steps if self._evaluated else None

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Batch number `index`, counted over all epochs."""
        try:
            with self._lock:
                x, y = self._batch(index)
                note_batch(
                    "training" if self._shuffle else "validation", self._first * self.steps + self._start + index, x, y
                )
            # tf.data takes several arrays as a tuple alone.
            return _as_tuple(x), _as_tuple(self._prepare(y))
        except Exception as error:
            # A backend may turn it into an error of its own, in another thread.
            self.refusal = self.refusal or error
            raise

    def raise_refusal(self) -> None:
        """Raise what came out of reading, as it was; nothing if all was well."""
        if self.refusal is not None:
            with add_context(file=self._split.origin):
                raise self.refusal

    def _batch(self, index: int) -> Batch:
        epoch, place = divmod(self._start + index, self.steps)
        if self._evaluated:
            self._evaluations += index == 0
            epoch += self._evaluations - 1
        follows = index == self._next and (place or self._split.endless)
        if not follows:
            # A source without an end has no epochs of its own: all that was taken from it lies before.
            start = (self._first + epoch) * self.steps + place if self._split.endless else place
            self._running = self._read(self._first + epoch, place, start)
        self._next = index + 1
        batch = next(self._running, None)
        if batch is None:
            raise DataError(
                "The examples ended before the epoch did.",
                file=self._split.origin,
                expected=f"{self.steps} batches of {self._batch_size}",
                found=f"{place}",
                remedy="Give the steps that there are, or let the source repeat itself.",
            )
        return batch

    def place_after(self, epoch: int, batch: int) -> Any:
        """Where the source is once so many batches of an epoch were given; None if it has to be read through.

        Those before are forgotten.
        """
        if batch == 0 and self._split.endless:
            epoch, batch = epoch - 1, self.steps
        with self._lock:
            found = self._places.get((epoch, batch))
            self._places = {key: place for key, place in self._places.items() if key > (epoch, batch)}
        return found

    def _read(self, epoch: int, first: int, start: int) -> Iterator[Batch]:
        """The batches from the first one on; of a source with places, each leaves the one after it."""
        split, place, self._place = self._split, self._place, None
        if not self._placed or (start and place is None):
            yield from split.epoch(self._batch_size, seed=self._seed, epoch=epoch, shuffle=self._shuffle, start=start)
            return
        for batch, after in split.placed_epoch(self._batch_size, epoch=epoch, place=place):
            first += 1
            if first > self.steps:  # of a source without an end
                epoch, first = epoch + 1, 1
            self._places[epoch, first] = after
            yield batch


def _as_tuple(values: Any) -> Any:
    return tuple(values) if isinstance(values, list) else values


def steps_of(split: Split, batch_size: int, *, whole: bool = False) -> int:
    """Batches of one epoch; a stream that does not know is read once to its end.

    Args:
        split: the examples.
        batch_size: examples at a time.
        whole: leave out a last batch that is not full, unless it is the only one.

    Raises:
        UsageError: if the stream has no end.
    """
    if split.endless:
        raise UsageError(
            "The examples never end, so the length of an epoch must be told.",
            expected="steps of an epoch",
            found=split.origin,
            remedy="Give it: steps=500 (--steps 500).",
        )
    count = split.counted()
    return max(1, count // batch_size) if whole else -(-count // batch_size)
