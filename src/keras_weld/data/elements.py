"""What a live source gives, one element at a time, as NumPy arrays under names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_weld.data.batch import Array
from keras_weld.data.fitting import show
from keras_weld.data.numbers import as_array, check_finite
from keras_weld.errors import DataError

Named = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """What the elements of a source look like, learnt from the first one.

    Attributes:
        inputs: the shape of one example of each input, by name.
        outputs: the names of the targets.
        batched: whether an element is a batch; otherwise it is one example.
    """

    inputs: Mapping[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    batched: bool


def sides_of(element: Any, origin: str) -> tuple[Named, Named]:
    """The inputs and the targets of an element, by name.

    An element is `(x, y)` in a tuple or a list, or x alone. Either side is an array, a list or tuple of arrays
    (named `x0`, `x1`, … and `y0`, `y1`, …), or a dict of them.

    Raises:
        DataError: if it is something else, or comes with sample weights.
    """
    if not isinstance(element, tuple | list):
        return side_of(element, "x"), {}
    if len(element) == 3 and element[2] is not None:
        raise weighted(origin, "such as by data.map(lambda x, y, w: (x, y))")
    if not 1 <= len(element) <= 3:
        raise DataError(
            "The elements of the data are not examples with their targets.",
            file=origin,
            expected="(x, y), with several inputs or targets in a list or a dict",
            found=f"{len(element)} parts: " + ", ".join(type(part).__name__ for part in element[:6]),
        )
    x, y = [*element, None][:2]
    return side_of(x, "x"), {} if y is None else side_of(y, "y")


def weighted(origin: str, how: str) -> DataError:
    """What to say of data with sample weights.

    Args:
        origin: where it came from.
        how: how to leave them out.
    """
    return DataError(
        "The data comes with sample weights, which are not taken into account.",
        file=origin,
        expected="(x, y)",
        found="(x, y, sample_weight)",
        remedy=f"Leave the weights out, {how}.",
    )


def side_of(values: Any, letter: str) -> Named:
    """Inputs or targets by name: a dict as it is, several arrays numbered, one under the letter alone."""
    if isinstance(values, Mapping):
        return {str(key): part for key, part in values.items()}
    several = isinstance(values, list | tuple) and values and all(getattr(part, "ndim", 0) for part in values)
    if several and len(values) == 1:
        return {letter: values[0]}
    if several:
        return {f"{letter}{index}": part for index, part in enumerate(values)}
    return {letter: values}


def form_of(element: Any, origin: str, batched: bool | None) -> Form:
    """What the elements of a source look like.

    Args:
        element: the first one.
        origin: where it came from, for messages.
        batched: whether elements are batches; None to tell by the element: a single number in it is an example's.

    Raises:
        DataError: if it is neither a batch nor an example.
    """
    x, y = sides_of(element, origin)
    shapes = {key: numpy_of(values).shape for key, values in (*x.items(), *y.items())}
    if batched is None:
        batched = all(shapes.values())
    if not batched:
        return Form({key: shapes[key] for key in x}, tuple(y), batched=False)
    if not all(shapes.values()) or len({shape[0] for shape in shapes.values()}) > 1:
        raise DataError(
            "The elements of the data are not batches.",
            file=origin,
            expected="the same number of examples on the first axis of all parts",
            found=", ".join(f"{key} {show(shape)}" for key, shape in shapes.items()),
            remedy="Batch the data before it is passed in, such as by data.batch(32).",
        )
    return Form({key: shapes[key][1:] for key in x}, tuple(y), batched=True)


def batch_arrays(
    element: Any, form: Form, origin: str, numbers: Array | int
) -> tuple[dict[str, Array], dict[str, Array]]:
    """The arrays of a batch by name, checked.

    Args:
        element: the batch.
        form: what it should look like.
        origin: where it came from, for messages.
        numbers: the numbers of its examples, or that of the first, for messages.

    Raises:
        DataError: if it differs from the first one, or holds something else than finite numbers.
    """
    x, y = sides_of(element, origin)
    if set(x) != set(form.inputs) or set(y) != set(form.outputs):
        raise DataError(
            "The elements of the data differ in what they hold.",
            file=origin,
            expected=", ".join((*form.inputs, *form.outputs)) + ", as in the first one",
            found=", ".join((*x, *y)),
        )
    arrays = {}
    for key, values in (*x.items(), *y.items()):
        arrays[key] = as_array(key, numpy_of(values), origin)
        rows = np.arange(numbers, numbers + len(arrays[key])) if isinstance(numbers, int) else numbers
        check_finite(key, arrays[key], origin, rows)
    if len({len(values) for values in arrays.values()}) > 1:
        raise DataError(
            "The parts of a batch hold different numbers of examples.",
            file=origin,
            found=", ".join(f"{key} {show(values.shape)}" for key, values in arrays.items()),
        )
    return {key: arrays[key] for key in form.inputs}, {key: arrays[key] for key in form.outputs}


def stacked(examples: Sequence[Any], origin: str) -> tuple[Named, Named]:
    """Examples joined to a batch, as an element of the form `(x, y)`.

    Raises:
        DataError: if they hold different things or have different shapes.
    """
    x, y = zip(*(sides_of(example, origin) for example in examples), strict=True)
    return _joined(x, origin), _joined(y, origin)


def _joined(sides: Sequence[Named], origin: str) -> Named:
    try:
        return {key: np.stack([numpy_of(side[key]) for side in sides]) for key in sides[0]}
    except (KeyError, ValueError) as error:
        raise DataError(
            "The examples cannot be joined to a batch.",
            file=origin,
            expected="examples of one shape, with the same parts",
            found=str(error),
            remedy="Pad or resize the examples where the data is made.",
        ) from error


def numpy_of(value: Any) -> Array:
    """A tensor of any library as a NumPy array."""
    if hasattr(value, "detach"):  # PyTorch: out of the graph of gradients, off the accelerator
        value = value.detach().cpu()
        if "bfloat16" in str(value.dtype):  # which PyTorch does not hand to NumPy
            value = value.float()
    if callable(getattr(value, "numpy", None)):
        value = value.numpy()
    return np.asarray(value)
