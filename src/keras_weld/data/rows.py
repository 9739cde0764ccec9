"""Live sources with random access: map-style data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import tee
from typing import Any

import numpy as np

from keras_weld.core.plural import counted
from keras_weld.data.ahead import ahead
from keras_weld.data.batch import Array, Batch, batch_of, parts_of
from keras_weld.data.elements import Form, batch_arrays, form_of, stacked
from keras_weld.data.fitting import fitted_names
from keras_weld.data.order import blocks
from keras_weld.data.split import COUNTING, Shape, Split
from keras_weld.errors import DataError, WeldError


@dataclass(frozen=True)
class RowSource:
    """Examples by number.

    Attributes:
        read: from blocks of rows to one element `(x, y)` for each, examples on the first axis.
        origin: what the user calls it, for messages.
        count: number of examples.
    """

    read: Callable[[Iterable[Array]], Iterator[Any]]
    origin: str
    count: int

    @cached_property
    def form(self) -> Form:
        """What the batches look like; one example is read for it, once."""
        return form_of(next(self.elements([np.zeros(1, dtype=np.int64)])), self.origin, batched=True)

    def elements(self, rows: Iterable[Array]) -> Iterator[Any]:
        """One element for each block of rows.

        Raises:
            DataError: if the source fails.
        """
        try:
            yield from self.read(rows)
        except WeldError:
            raise
        except Exception as error:  # whatever the user's data set raises
            raise DataError(
                "The data failed while it was read.",
                file=self.origin,
                found=f"{type(error).__name__}: {error}",
            ) from error


@dataclass(frozen=True)
class RowSplit(Split):
    """Examples out of a live source with random access.

    Attributes:
        source: what is read.
        order: the inputs in the order they are given out; the source's own where it is None.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None
    source: RowSource
    order: tuple[str, ...] | None = None

    @property
    def count(self) -> int:
        """Number of examples."""
        return self.source.count

    @property
    def labelled(self) -> bool:
        """Whether the first example has targets."""
        return bool(self.source.form.outputs)

    @property
    def targets(self) -> tuple[Array, ...]:
        """The targets of all examples; all are read once, and only the targets are kept."""
        if not self.labelled:
            return ()
        kept = [parts_of(y) for _, y in self.batches(COUNTING)]
        return tuple(np.concatenate(parts) for parts in zip(*kept, strict=True))

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names that the targets were given under."""
        return self.source.form.outputs

    @property
    def positioned(self) -> bool:
        """Always: the source has its examples by number."""
        return True

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples by ascending number, whatever order the source itself would take."""
        return self.gather(blocks(np.arange(self.count), batch_size))

    def gather(self, blocks: Iterable[Array]) -> Iterator[Batch]:
        """One batch for each block of rows."""
        form, names = self.source.form, self.order or tuple(self.source.form.inputs)
        ahead_rows, now = tee(blocks)
        # No rows at all are had as those of one, cut to none.
        asked = (rows if len(rows) else np.zeros(1, dtype=np.int64) for rows in ahead_rows)
        for rows, element in zip(now, self.source.elements(asked), strict=True):
            x, y = batch_arrays(element, form, self.origin, rows if len(rows) else 0)
            yield batch_of([x[name][: len(rows)] for name in names], [part[: len(rows)] for part in y.values()])

    def fitted(self, shapes: Mapping[str, Shape]) -> RowSplit:
        """The inputs in the model's order; the shapes of the first example are held against its own."""
        return replace(self, order=tuple(fitted_names(self.source.form.inputs, shapes, self.origin)))


def row_split(source: Any, name: str, origin: str, *, threads: bool = False) -> RowSplit:
    """A split out of anything with `len(source)` and `source[index]`, which gives one example.

    Args:
        source: the examples.
        name: the split's name.
        origin: what it is called in messages.
        threads: whether it may be read by several threads at once.

    Raises:
        DataError: if it is empty.
    """

    def example(row: Any) -> Any:
        found = source[int(row)]
        if found is None:
            raise DataError(
                "There is no example under a number, so the data cannot be had by numbers.",
                file=origin,
                expected=counted(len(source), "example"),
                found=f"None under {int(row)}, as after .filter()",
                remedy="Pass it as a stream: data.to_iter_dataset()",
            )
        return found

    def read(rows: Iterable[Array]) -> Iterator[Any]:
        batches = ahead(rows, example) if threads else ([example(row) for row in block] for block in rows)
        for examples in batches:
            x, y = stacked(examples, origin)
            yield (x, y) if y else (x,)

    if len(source) == 0:
        raise DataError(f"The split {name} holds no examples.", file=origin, found=f"an empty {type(source).__name__}")
    return RowSplit(name, origin, None, RowSource(read, origin, len(source)))
