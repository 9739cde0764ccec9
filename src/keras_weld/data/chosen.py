"""Some of a split's examples, by their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from keras_weld.data.batch import Array, Batch, batch_of, parts_of, size_of
from keras_weld.data.order import blocks, check_batches
from keras_weld.data.rebatching import rebatched
from keras_weld.data.split import COUNTING, Shape, Split


@dataclass(frozen=True)
class ChosenSplit(Split):
    """A view of some examples; the data stays where it is.

    Attributes:
        whole: the split they are taken from.
        rows: their numbers there. A stream gives them in its own order, so there they are ascending.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None
    whole: Split
    rows: Array

    @property
    def count(self) -> int:
        """Number of the chosen examples."""
        return len(self.rows)

    @property
    def labelled(self) -> bool:
        """As the whole."""
        return self.whole.labelled

    @property
    def targets(self) -> tuple[Array, ...]:
        """The targets of the chosen examples."""
        if self.positioned:
            return tuple(values[self.rows] for values in self.whole.targets)
        kept = [parts_of(y) for _, y in self.batches(COUNTING)]
        return tuple(np.concatenate(parts) for parts in zip(*kept, strict=True))

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names that the targets were given under."""
        return self.whole.target_names

    @property
    def positioned(self) -> bool:
        """As the whole."""
        return self.whole.positioned

    @property
    def at_hand(self) -> bool:
        """As the whole."""
        return self.whole.at_hand

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The chosen examples in order; out of a stream they are picked while it passes by."""
        check_batches(batch_size)
        if self.positioned:
            return self.whole.gather(blocks(self.rows, batch_size))
        return rebatched(self._passing(batch_size), batch_size)

    def gather(self, blocks: Iterable[Array]) -> Iterator[Batch]:
        """The rows of each block, counted among the chosen ones."""
        return self.whole.gather(self.rows[rows] for rows in blocks)

    def fitted(self, shapes: Mapping[str, Shape]) -> Split:
        """The chosen examples the way a model takes them."""
        return replace(self, whole=self.whole.fitted(shapes))

    def _passing(self, batch_size: int) -> Iterator[Batch]:
        wanted, first = np.sort(self.rows), 0
        if not len(wanted):
            return
        for x, y in self.whole.batches(batch_size):
            size = size_of((x, y))
            inside = wanted[(wanted >= first) & (wanted < first + size)] - first
            if len(inside):
                yield batch_of([part[inside] for part in parts_of(x)], [part[inside] for part in parts_of(y)])
            first += size
            if first > wanted[-1]:
                return


def chosen(split: Split, rows: Array, name: str | None = None) -> Split:
    """A split with some of another's examples; the data stays where it is.

    Args:
        split: the whole.
        rows: numbers of examples, shape `(n,)`, counted from 0, in the order wanted. A stream gives them in its
            own order.
        name: the new split's name; the old one if left out.

    Raises:
        DataError: if there is no such example.
    """
    rows, name = split.checked(rows), name or split.name
    if isinstance(split, ChosenSplit):
        return replace(split, name=name, rows=split.rows[rows])
    return ChosenSplit(name, split.origin, split.classes, split, rows)


def sampled(split: Split, count: int, seed: int) -> Split:
    """At most `count` of a split's examples, drawn without replacement, in their old order.

    A stream whose count is not known is read once to its end to learn it.

    Args:
        split: the whole.
        count: how many to draw.
        seed: what they are drawn by.
    """
    total = split.counted()
    if count >= total:
        return split
    rows = np.sort(np.random.default_rng(seed).choice(total, size=count, replace=False))
    return chosen(split, rows)
