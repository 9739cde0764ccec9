"""Live sources that are read from their beginning: data pipelines, loaders, functions that make iterators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from keras_weld.data.elements import Form, batch_arrays, form_of, stacked
from keras_weld.data.fitting import fitted_names
from keras_weld.data.order import check_batches
from keras_weld.data.rebatching import rebatched
from keras_weld.data.split import COUNTING, Array, Batch, Shape, Split, batch_of, never_ends, parts_of
from keras_weld.errors import DataError, WeldError


@dataclass(frozen=True)
class Source:
    """Something that can be read from its beginning as often as is needed.

    Attributes:
        start: called for each pass; gives the elements.
        origin: what the user calls it, for messages.
        batched: whether an element is a batch or one example; None to tell by the first one.
        count: number of examples, where it is known.
        endless: whether it never ends.
        finished: called after each epoch of training.
    """

    start: Callable[[], Iterable[Any]]
    origin: str
    batched: bool | None = None
    count: int | None = None
    endless: bool = False
    finished: Callable[[], object] | None = None

    @cached_property
    def form(self) -> Form:
        """What the elements look like; the first one is read for it, once."""
        return form_of(next(self.elements()), self.origin, self.batched)

    def elements(self) -> Iterator[Any]:
        """One pass.

        Raises:
            DataError: if the source fails, or gives nothing.
        """
        given = False
        try:
            for element in self.start():
                given = True
                yield element
        except WeldError:
            raise
        except Exception as error:  # whatever the user's pipeline raises
            raise DataError(
                "The data failed while it was read.",
                file=self.origin,
                found=f"{type(error).__name__}: {error}",
            ) from error
        if not given:
            raise DataError(
                "The data gave no examples.",
                file=self.origin,
                remedy="If it is an iterator, which can be read once only, pass a function that makes a new one "
                "each time.",
            )


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
    def endless(self) -> bool:
        """Whether the source says that it never ends."""
        return self.source.endless

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples in the source's order, cut and joined to this size."""
        check_batches(batch_size)
        return rebatched(self._arrays(batch_size), batch_size)

    def epoch(self, batch_size: int, *, seed: int, epoch: int, shuffle: bool = True, start: int = 0) -> Iterator[Batch]:
        """The batches in the source's order; those before `start` are read and thrown away.

        A `PyDataset` is told when an epoch was read to its end (`on_epoch_end`), as `fit` does.
        """
        yield from super().epoch(batch_size, seed=seed, epoch=epoch, shuffle=shuffle, start=start)
        if self.source.finished is not None:
            self.source.finished()

    def fitted(self, shapes: Mapping[str, Shape]) -> StreamSplit:
        """The inputs in the model's order; the shapes of the first element are held against its own."""
        return replace(self, order=tuple(fitted_names(self.source.form.inputs, shapes, self.origin)))

    def _arrays(self, batch_size: int) -> Iterator[Batch]:
        form, first = self.source.form, 0
        elements = self.source.elements()
        if not form.batched:
            elements = self._joined(elements, batch_size)
        for element in elements:
            x, y = batch_arrays(element, form, self.origin, first)
            names = self.order or tuple(form.inputs)
            batch = batch_of([x[name] for name in names], list(y.values()))
            first += len(next(iter(x.values())))
            yield batch

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
    start = _made_anew(source, origin) if callable(source) else lambda: source
    if not callable(source) and is_used_up(source):
        raise used_up(source, origin)
    return StreamSplit(name, origin, None, Source(start, origin, batched))


def is_used_up(value: Any) -> bool:
    """Whether something can be iterated over once only."""
    return hasattr(value, "__next__")


def used_up(value: Any, origin: str) -> DataError:
    """What to say of something that can be iterated over once only."""
    return DataError(
        "The data can be read once only, and it is read once for each model and each epoch.",
        file=origin,
        expected="something that starts anew each time it is iterated over",
        found=type(value).__name__,
        remedy="Pass the function that makes it: data=make_batches, not data=make_batches().",
    )


def _made_anew(make: Callable[[], Any], origin: str) -> Callable[[], Any]:
    """The function, held to making something new each time where what it makes can be read once only."""
    last: list[Any] = []

    def start() -> Any:
        made = make()
        if last and made is last[0]:
            raise used_up(made, origin)
        last[:] = [made] if is_used_up(made) else []
        return made

    return start
