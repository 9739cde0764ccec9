"""Splits whose examples are arrays in memory or mapped from a file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_weld.data.split import Array, Batch, Shape, Split, draw
from keras_weld.errors import DataError

_CHUNK_BYTES = 32 << 20


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
    def targets(self) -> tuple[Array, ...]:
        """The targets of all examples, one array for each output."""
        return tuple(np.asarray(values) for values in self.outputs.values())

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples in order, as `(x, y)`."""
        for start in range(0, self.count, batch_size):
            rows = slice(start, start + batch_size)
            x = [np.asarray(values[rows]) for values in self.inputs.values()]
            y = [np.asarray(values[rows]) for values in self.outputs.values()]
            yield (x[0] if len(x) == 1 else x), (None if not y else y[0] if len(y) == 1 else y)

    def sampled(self, count: int, seed: int) -> ArraySplit:
        """At most `count` of the examples, drawn without replacement."""
        if count >= self.count:
            return self
        rows = draw(self.count, count, seed)
        return replace(
            self,
            inputs={key: values[rows] for key, values in self.inputs.items()},
            outputs={key: values[rows] for key, values in self.outputs.items()},
        )

    def fitted(self, shapes: Mapping[str, Shape]) -> ArraySplit:
        """The inputs in the model's order, checked against its shapes.

        Raises:
            DataError: if there are more or fewer inputs than the model takes, or one has another shape.
        """
        if len(self.inputs) != len(shapes):
            raise DataError(
                "The data has another number of inputs than the model.",
                file=self.origin,
                expected=f"{len(shapes)}: " + ", ".join(f"{k} {_show(s)}" for k, s in shapes.items()),
                found=f"{len(self.inputs)}: " + ", ".join(self.inputs),
                remedy="Give one array for each input, as x0, x1, … or under the names of the model's inputs.",
            )
        names = list(shapes) if set(shapes) == set(self.inputs) else list(self.inputs)
        for key, (name, shape) in zip(names, shapes.items(), strict=True):
            if not fits(self.inputs[key].shape[1:], shape):
                raise DataError(
                    f"The examples under {key!r} do not fit the model's input {name!r}.",
                    file=self.origin,
                    expected=f"shape {_show(shape)} for one example",
                    found=f"shape {_show(self.inputs[key].shape[1:])}",
                    remedy="Name the right array (FILE.npz:images,labels), or reshape the data to what the "
                    "model takes.",
                )
        return replace(self, inputs={key: self.inputs[key] for key in names})


def fits(found: Sequence[int], expected: Shape) -> bool:
    """Whether Keras takes examples of shape `found`; it adds or drops a last axis of one by itself."""
    found = tuple(found)
    if len(found) + 1 == len(expected) and expected[-1] == 1:
        found = (*found, 1)
    elif len(found) == len(expected) + 1 and found[-1] == 1:
        found = found[:-1]
    return len(found) == len(expected) and all(
        want is None or want == have for have, want in zip(found, expected, strict=True)
    )


def array_split(
    name: str,
    origin: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    classes: Sequence[str] | None = None,
) -> ArraySplit:
    """A split out of arrays or what NumPy can make arrays of, checked.

    Args:
        name: the split's name.
        origin: where the arrays came from, for messages.
        inputs: one array for each input, examples on the first axis.
        outputs: one array for each output; none for data without targets.
        classes: names of the classes in the order of their labels.

    Raises:
        DataError: if there are no examples, counts differ, or values are not finite numbers.
    """
    named = [(key, _as_array(key, values, origin)) for key, values in (*inputs.items(), *outputs.items())]
    first_key, first = named[0]
    for key, values in named:
        if len(values) != len(first):
            raise DataError(
                f"{key!r} has another number of examples than {first_key!r} (split {name}).",
                file=origin,
                expected=f"{len(first)} examples, as in {first_key!r}",
                found=f"{len(values)} examples, shape {_show(values.shape)}",
                remedy="The first axis counts the examples; cut or pair the arrays where they are made.",
            )
    if len(first) == 0:
        raise DataError(f"The split {name} holds no examples.", file=origin, found=f"{first_key!r} is empty")
    for key, values in named:
        _check_finite(key, values, origin)
    arrays = [values for _, values in named]
    return ArraySplit(
        name=name,
        origin=origin,
        inputs=dict(zip(inputs, arrays[: len(inputs)], strict=True)),
        outputs=dict(zip(outputs, arrays[len(inputs) :], strict=True)),
        classes=None if classes is None else tuple(classes),
    )


def _as_array(key: str, values: Any, origin: str) -> Array:
    try:
        array: Array = values if isinstance(values, np.ndarray) else np.asarray(values)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{key!r} cannot be made an array.",
            file=origin,
            found=str(error),
            remedy="Give numbers in a grid.",
        ) from error
    if array.ndim == 0 or (array.dtype.kind not in "fiub" and not _is_extended_float(array.dtype)):
        raise DataError(
            f"{key!r} does not hold numbers for several examples.",
            file=origin,
            expected="an array of numbers, the examples on its first axis",
            found=f"shape {_show(array.shape)}, dtype {array.dtype}",
            remedy="Store plain numbers; labels as whole numbers from 0 in the order of the model's classes.",
        )
    return array


def _is_extended_float(dtype: np.dtype[Any]) -> bool:
    """Whether it is bfloat16 or one of its kin, which NumPy calls void."""
    return dtype.kind == "V" and dtype.names is None and "float" in dtype.name


def _check_finite(key: str, values: Array, origin: str) -> None:
    """Refuse NaN and infinity: one of them makes every figure a NaN."""
    if values.dtype.kind in "iub":
        return
    step = max(1, _CHUNK_BYTES // max(1, math.prod(values.shape[1:]) * 8))
    for start in range(0, len(values), step):
        block = np.asarray(values[start : start + step])
        finite = np.isfinite(block.astype(np.float32) if block.dtype.kind == "V" else block)
        if not finite.all():
            place = np.argwhere(~finite)[0]
            raise DataError(
                f"{key!r} holds values that are not finite.",
                file=origin,
                expected="numbers only",
                found=f"{block[tuple(place)]} in example {start + int(place[0])}",
                remedy="Leave these examples out or fill them in where the data is made.",
            )


def _show(shape: Shape) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
