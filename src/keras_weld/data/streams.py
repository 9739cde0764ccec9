"""Live sources that are read from their beginning: data pipelines, loaders, functions that make iterators."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np

from keras_weld.data.batch import Array, Batch, batch_of, parts_of, size_of
from keras_weld.data.elements import batch_arrays, numpy_of, sides_of, stacked
from keras_weld.data.fitting import fitted_names
from keras_weld.data.order import check_batches, evenly
from keras_weld.data.rebatching import rebatched, without_first
from keras_weld.data.source import Source, is_used_up, made_anew, used_up
from keras_weld.data.split import COUNTING, Shape, Split, never_ends

_ELEMENTS = 4  # of a sample, where the elements, which are batches, can be had by number


@dataclass(frozen=True)
class StreamSplit(Split):
    """Examples out of a source that is read from its beginning, in the source's own order.

    Attributes:
        source: what is read.
        order: the inputs in the order they are given out; the source's own where it is None.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None
    source: Source
    order: tuple[str, ...] | None = None

    @property
    def count(self) -> int | None:
        """Number of examples, where the source tells."""
        return self.source.count

    @property
    def labelled(self) -> bool:
        """Whether the first element has targets."""
        return bool(self.source.form.outputs)

    @property
    def targets(self) -> tuple[Array, ...]:
        """The targets of all examples; the source is read once, and only the targets are kept.

        Raises:
            DataError: if it never ends.
        """
        if self.endless:
            raise never_ends(self)
        if not self.labelled:
            return ()
        kept = [parts_of(y) for _, y in self.batches(COUNTING)]
        return tuple(np.concatenate(parts) for parts in zip(*kept, strict=True))

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names that the targets were given under."""
        return self.source.form.outputs

    @property
    def endless(self) -> bool:
        """Whether the source says that it never ends."""
        return self.source.endless

    @property
    def placed(self) -> bool:
        """Whether the source can be read from where it was."""
        return self.source.placed is not None

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples in the source's order, cut and joined to this size."""
        check_batches(batch_size)
        return rebatched(self._arrays(self.source.elements(), batch_size), batch_size)

    def sample(self, count: int) -> Iterator[Batch]:
        """Evenly placed elements of a source that has them by number; else the first examples."""
        numbered = self.source.numbered
        if numbered is None:
            return super().sample(count)
        numbers = evenly(len(numbered), _ELEMENTS)
        return self._arrays(self.source.guarded(lambda: (numbered[number] for number in numbers.tolist())), count)

    def epoch(self, batch_size: int, *, seed: int, epoch: int, shuffle: bool = True, start: int = 0) -> Iterator[Batch]:
        """The batches in the source's order in this epoch; those before `start` are read and thrown away.

        A `PyDataset` is told before an epoch that the ones before it are over (`on_epoch_end`), as `fit` does.
        """
        check_batches(batch_size, start)
        elements = self.source.elements() if self.endless else self.source.epoch_elements(epoch)
        return islice(rebatched(self._arrays(elements, batch_size), batch_size), start, None)

    def placed_epoch(self, batch_size: int, *, epoch: int, place: Any = None) -> Iterator[tuple[Batch, Any]]:
        """The batches with their places: that of the source, and how many examples of what comes there were given."""
        placed = self.source.placed
        if placed is None:
            yield from super().placed_epoch(batch_size, epoch=epoch, place=place)
            return
        if not self.endless:
            self.source.move_to(epoch)
        start, skipped = place or (None, 0)
        ends = deque([(-skipped, start)])
        given = 0

        def elements() -> Iterator[Any]:
            end = -skipped
            for element, after in self.source.guarded(lambda: placed(start)):
                end += self._size(element)
                ends.append((end, after))
                yield element

        for batch in rebatched(without_first(self._arrays(elements(), batch_size), skipped), batch_size):
            given += size_of(batch)
            while len(ends) > 1 and ends[1][0] <= given:
                ends.popleft()
            yield batch, [ends[0][1], given - ends[0][0]]

    def fitted(self, shapes: Mapping[str, Shape]) -> StreamSplit:
        """The inputs in the model's order; the shapes of the first element are held against its own."""
        return replace(self, order=tuple(fitted_names(self.source.form.inputs, shapes, self.origin)))

    def _arrays(self, elements: Iterator[Any], batch_size: int) -> Iterator[Batch]:
        form, first = self.source.form, 0
        if not form.batched:
            elements = self._joined(elements, batch_size)
        for element in elements:
            x, y = batch_arrays(element, form, self.origin, first)
            names = self.order or tuple(form.inputs)
            batch = batch_of([x[name] for name in names], list(y.values()))
            first += len(next(iter(x.values())))
            yield batch

    def _size(self, element: Any) -> int:
        """Number of examples in an element."""
        if not self.source.form.batched:
            return 1
        x, _ = sides_of(element, self.origin)
        return int(np.shape(numpy_of(next(iter(x.values()))))[0])

    def _joined(self, examples: Iterator[Any], batch_size: int) -> Iterator[Any]:
        while some := list(islice(examples, batch_size)):
            x, y = stacked(some, self.origin)
            yield (x, y) if y else (x,)


def stream_split(
    source: Any, *, name: str = "all", origin: str = "the data passed in", batched: bool | None = None
) -> StreamSplit:
    """A stream out of anything that can be iterated over again and again, or a function that makes it.

    Args:
        source: something to iterate over, or a function without arguments that gives it anew for each pass.
        name: the split's name.
        origin: what it is called in messages.
        batched: whether its elements are batches. If left out, the first one tells: one with a single number in
            it is an example. Say it for examples whose parts all have axes of the same length.

    Raises:
        DataError: if it can be read once only.

    Example:
        >>> import numpy as np
        >>> split = stream_split(lambda: ((np.full(2, n), n) for n in range(3)))
        >>> [y.tolist() for _, y in split.batches(2)]
        [[0, 1], [2]]
    """
    start = made_anew(source, origin) if callable(source) else lambda: source
    if not callable(source) and is_used_up(source):
        raise used_up(source, origin)
    return StreamSplit(name, origin, None, Source(start, origin, batched))
