"""What data looks like to everything above: splits that give batches of inputs and targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from keras_weld.data.batch import Array, Batch, size_of
from keras_weld.data.order import blocks, check_batches, evenly, order_of
from keras_weld.errors import DataError

Shape = tuple[int | None, ...]
"""Shape of one example, without the batch axis; None where any size will do."""

SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid", "dev"),
    "test": ("test",),
}
"""The names of the splits, and how people write them in keys and folder names."""

SPELLINGS = {spelling: split for split, names in SPLITS.items() for spelling in names}
"""The name of the split by how people write it."""

WHOLE = "all"
"""Name of the only split of data that is not split."""

COUNTING = 256
"""Examples at a time where a stream is read for its count or its targets alone."""

_TOGETHER = 32  # examples of a sample at a time: large ones need not all be in memory


class Split(ABC):
    """Examples with their targets, given out in batches.

    A split is *positioned* if any of its examples can be had by number: arrays, images on disk, sources with
    random access. Its order is then keras-weld's to choose. Any other split is a stream, read from its beginning
    in its source's own order.

    Attributes:
        name: `train`, `validation`, `test`, or `all` for data that is not split.
        origin: where it came from, for messages.
        classes: names of the classes in the order of their labels, if they are known.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None

    @property
    @abstractmethod
    def count(self) -> int | None:
        """Number of examples; None where it is not known before all were read."""

    @property
    def labelled(self) -> bool:
        """Whether the examples come with targets; known without reading them all."""
        return bool(self.targets)

    @property
    @abstractmethod
    def targets(self) -> tuple[Array, ...]:
        """The targets of all examples, one array for each output; empty if there are none.

        A stream is read once to its end for them, and only the targets are kept.
        """

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names that the targets were given under, in the order of the targets; empty where there are none."""
        return ()

    @property
    def positioned(self) -> bool:
        """Whether examples can be had by number: `take`, shuffled epochs, `divide`."""
        return False

    @property
    def at_hand(self) -> bool:
        """Whether all examples lie in arrays, so that a look at all of them costs no decoding and no code of others."""
        return False

    @property
    def placed(self) -> bool:
        """Whether a stream can be gone on with from where it was: `placed_epoch`."""
        return False

    @property
    def endless(self) -> bool:
        """Whether the source says that it never ends."""
        return False

    @abstractmethod
    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples in order, as `(x, y)`; several inputs or targets are a list, no targets None."""

    @abstractmethod
    def fitted(self, shapes: Mapping[str, Shape]) -> Split:
        """The same examples, given out the way a model takes them.

        Args:
            shapes: the model's inputs by name, in order, each with the shape of one example.

        Raises:
            DataError: if the examples do not fit.
        """

    def counted(self) -> int:
        """Number of examples; a stream that does not know it is read once to its end.

        Raises:
            DataError: if it never ends.
        """
        if self.endless:
            raise never_ends(self)
        known = self.count
        return sum(size_of(batch) for batch in self.batches(COUNTING)) if known is None else known

    def steps(self, batch_size: int) -> int | None:
        """Number of batches of one epoch; None where the count is not known or there is no end."""
        check_batches(batch_size)
        return None if self.count is None else -(-self.count // batch_size)

    def take(self, rows: Array) -> Batch:
        """The examples with these numbers, in the order asked for, as `(x, y)`.

        Args:
            rows: whole numbers from 0 to `count - 1`, shape `(n,)`; a number may occur more than once.

        Raises:
            DataError: if the split is not positioned, or there is no such example.
        """
        return next(iter(self.gather([self.checked(rows)])))

    def gather(self, blocks: Iterable[Array]) -> Iterator[Batch]:
        """One batch for each block of rows; splits that can work ahead do so, by a bounded number of batches.

        Raises:
            DataError: if the split is not positioned.
        """
        raise DataError(
            f"The examples of the split {self.name} cannot be had by number.",
            file=self.origin,
            expected="data with random access: arrays, .npz, a folder of images, a map-style data set",
            found="a stream, which is read from its beginning",
            remedy="Give the data in one of these forms, or let the source do it before the data is passed in.",
        )

    def sample(self, count: int) -> Iterator[Batch]:
        """Some examples, the same each time: evenly placed where they can be had by number, else the first.

        Args:
            count: about how many.
        """
        if not self.positioned:
            return islice(self.batches(count), 1)
        return self.gather(blocks(evenly(self.counted(), count), _TOGETHER))

    def epoch(self, batch_size: int, *, seed: int, epoch: int, shuffle: bool = True, start: int = 0) -> Iterator[Batch]:
        """The batches of one epoch.

        Positioned splits give them in the order `order_of(seed, epoch, count)`, which depends on nothing else,
        cut into batches from the left; batch `start` comes first, and no example before it is read. The last
        batch is smaller where the count is no multiple of the batch size.

        Streams give them in their source's own order, whatever `seed` and `shuffle` say, and reach `start` by reading
        the batches before it. An endless stream never ends: take as many batches as an epoch shall have, and take
        those of the next epoch from the same iterator.

        Args:
            batch_size: examples in a batch.
            seed: of the whole run, 0 or more.
            epoch: number of the epoch, counted from 0.
            shuffle: False for the order of the data itself.
            start: number of the first batch to give out.

        Raises:
            UsageError: if a number is out of its range.

        Example:
            >>> from keras_weld.data import open_data
            >>> split = open_data(([[0.0], [1.0], [2.0]], [0, 1, 2])).splits["all"]
            >>> [y.tolist() for _, y in split.epoch(2, seed=7, epoch=0)]
            [[2, 1], [0]]
        """
        check_batches(batch_size, start)
        if not self.positioned:
            return islice(self.batches(batch_size), start, None)
        count = self.counted()
        rows = order_of(seed, epoch, count) if shuffle else np.arange(count)
        return self.gather(blocks(rows, batch_size, start))

    def placed_epoch(self, batch_size: int, *, epoch: int, place: Any = None) -> Iterator[tuple[Batch, Any]]:
        """The batches of an epoch of a stream, each with the place after it, from which the rest can be read.

        Args:
            batch_size: examples in a batch.
            epoch: number of the epoch, counted from 0.
            place: where to begin, as it was given out before; None for the beginning.

        Raises:
            DataError: if the stream has no places.
        """
        raise DataError(f"The split {self.name} has no places to go on from.", file=self.origin)

    def checked(self, rows: Array) -> Array:
        """The rows as an array of whole numbers, each of which is an example's.

        Raises:
            DataError: if one is not.
        """
        rows = np.asarray(rows)
        count = self.count
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise DataError(
                "Examples are asked for by whole numbers.",
                expected="an integer array of one axis",
                found=f"shape {rows.shape}, dtype {rows.dtype}",
            )
        if count is not None and len(rows) and (rows.min() < 0 or rows.max() >= count):
            wrong = rows[(rows < 0) | (rows >= count)][0]
            raise DataError(
                f"The split {self.name} has no such example.",
                file=self.origin,
                expected=f"numbers from 0 to {count - 1}",
                found=wrong,
            )
        return rows


@dataclass(frozen=True, slots=True)
class Dataset:
    """What the user named as data.

    Attributes:
        splits: the splits by name.
        origin: what the user named.
        notes: what was left out or assumed on the way, in sentences.
    """

    splits: Mapping[str, Split]
    origin: str
    notes: tuple[str, ...] = ()


def never_ends(split: Split) -> DataError:
    """What to say where all examples are needed and there is no end of them."""
    return DataError(
        f"The split {split.name} never ends, and all of its examples are needed here.",
        file=split.origin,
        expected="a finite number of examples",
        found="an endless source, such as one after .repeat()",
        remedy="Leave .repeat() out, or take as many as you want: data.take(n)",
    )
