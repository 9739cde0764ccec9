"""Splits whose examples are arrays in memory or mapped from a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_weld.data.batch import Array, Batch, batch_of
from keras_weld.data.fitting import fitted_names, show
from keras_weld.data.numbers import as_array, check_finite
from keras_weld.data.order import check_batches
from keras_weld.data.split import Shape, Split
from keras_weld.errors import DataError


@dataclass(frozen=True)
class ArraySplit(Split):
    """Examples out of arrays, all with the examples on their first axis.

    Attributes:
        inputs: the inputs by the name they were given under.
        outputs: the targets by the name they were given under.
    """

    name: str
    origin: str
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    classes: tuple[str, ...] | None = None

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(next(iter(self.inputs.values())))

    @property
    def labelled(self) -> bool:
        """Whether there are targets."""
        return bool(self.outputs)

    @property
    def targets(self) -> tuple[Array, ...]:
        """The targets of all examples, one array for each output."""
        return tuple(np.asarray(values) for values in self.outputs.values())

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names that the targets were given under."""
        return tuple(self.outputs)

    @property
    def positioned(self) -> bool:
        """Always: arrays have their examples by number."""
        return True

    @property
    def at_hand(self) -> bool:
        """Always."""
        return True

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples in order, as `(x, y)`: views of the arrays, nothing is copied."""
        check_batches(batch_size)
        for start in range(0, self.count, batch_size):
            yield self._at(slice(start, start + batch_size))

    def gather(self, blocks: Iterable[Array]) -> Iterator[Batch]:
        """The rows of each block; of a mapped array only these are read."""
        for rows in blocks:
            yield self._at(rows)

    def fitted(self, shapes: Mapping[str, Shape]) -> ArraySplit:
        """The inputs in the model's order, checked against its shapes.

        Raises:
            DataError: if there are more or fewer inputs than the model takes, or one has another shape.
        """
        names = fitted_names({key: values.shape[1:] for key, values in self.inputs.items()}, shapes, self.origin)
        return replace(self, inputs={key: self.inputs[key] for key in names})

    def _at(self, rows: slice | Array) -> Batch:
        x = [np.asarray(values[rows]) for values in self.inputs.values()]
        y = [np.asarray(values[rows]) for values in self.outputs.values()]
        return batch_of(x, y)


def array_split(
    name: str,
    origin: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    classes: Sequence[str] | None = None,
    called: Mapping[str, str] | None = None,
) -> ArraySplit:
    """A split out of arrays or what NumPy can make arrays of, checked.

    Args:
        name: the split's name.
        origin: where the arrays came from, for messages.
        inputs: one array for each input, examples on the first axis.
        outputs: one array for each output; none for data without targets.
        classes: names of the classes in the order of their labels.
        called: what the arrays are called where they came from, by their names here, for messages.

    Raises:
        DataError: if there are no examples, counts differ, or values are not finite numbers.
    """
    keys = [(called or {}).get(key, key) for key in (*inputs, *outputs)]
    found = zip(keys, (*inputs.values(), *outputs.values()), strict=True)
    named = [(key, as_array(key, values, origin)) for key, values in found]
    first_key, first = named[0]
    for key, values in named:
        if len(values) != len(first):
            raise DataError(
                f"{key!r} has another number of examples than {first_key!r} (split {name}).",
                file=origin,
                expected=f"{len(first)} examples, as in {first_key!r}",
                found=f"{len(values)} examples, shape {show(values.shape)}",
                remedy="The first axis counts the examples; cut or pair the arrays where they are made.",
            )
    if len(first) == 0:
        raise DataError(f"The split {name} holds no examples.", file=origin, found=f"{first_key!r} is empty")
    for key, values in named:
        check_finite(key, values, origin)
    arrays = [values for _, values in named]
    return ArraySplit(
        name=name,
        origin=origin,
        inputs=dict(zip(inputs, arrays[: len(inputs)], strict=True)),
        outputs=dict(zip(outputs, arrays[len(inputs) :], strict=True)),
        classes=None if classes is None else tuple(classes),
    )
