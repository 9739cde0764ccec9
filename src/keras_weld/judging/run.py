"""What a live model says about a split, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_weld.data.batch import Array, parts_of, size_of
from keras_weld.data.split import Shape, Split, never_ends
from keras_weld.errors import DataError, UsageError

Tell = Callable[[int], None]
"""Called with the number of examples that were done since the last call."""


def input_shapes(model: Any) -> dict[str, Shape]:
    """A model's inputs by name with the shape of one example; empty where the model does not tell."""
    try:
        inputs = list(model.inputs or [])
    except (AttributeError, ValueError):  # a subclassed model may not know
        return {}
    return {_input_name(tensor, index): tuple(tensor.shape[1:]) for index, tensor in enumerate(inputs)}


def _input_name(tensor: Any, index: int) -> str:
    return str(getattr(tensor, "name", None) or f"x{index}")


@dataclass(frozen=True, slots=True)
class Predicted:
    """What a model said about examples and what is true of them, read in the same pass.

    Attributes:
        outputs: one array for each output, examples on the first axis.
        targets: one array for each target, the same examples in the same order; empty if there are none.
        names: the outputs' names; empty where the model does not tell.
    """

    outputs: tuple[Array, ...]
    targets: tuple[Array, ...]
    names: tuple[str, ...] = ()


def predict(model: Any, split: Split, *, batch_size: int = 256, tell: Tell | None = None) -> Predicted:
    """A model's outputs for every example of a split, in inference mode, with the examples' targets.

    Both are collected in one pass, so that they belong together even if the next pass has another order.

    Args:
        model: a live Keras model.
        split: the examples.
        batch_size: examples at a time.
        tell: called after each batch with its size.

    Returns:
        Outputs and targets.

    Raises:
        DataError: if the examples do not fit the model, never end, or the model gives another number of outputs
            than examples.
    """
    if batch_size < 1:
        raise UsageError("A batch has at least one example.", found=batch_size)
    if split.endless:
        raise never_ends(split)
    shapes = input_shapes(model)
    fitted = split.fitted(shapes) if shapes else split
    done = 0
    outputs: list[list[Array]] = []
    targets: list[list[Array]] = []
    names: tuple[str, ...] = ()
    for x, y in fitted.batches(batch_size):
        count = size_of((x, y))
        given = x
        if done and count < batch_size:
            # A last batch of another size would make the backend compile the model once more.
            given = [_filled(part, batch_size) for part in x] if isinstance(x, list) else _filled(x, batch_size)
        try:
            said = model.predict_on_batch(_as_taken(model, given))
        except Exception as error:  # each backend has exceptions of its own
            raise _refused(model, split, given, error) from error
        said = _in_order(model, said)
        names = names or _names(model, said)
        _gather(outputs, [np.asarray(values)[:count] for values in _flat(said)])
        _gather(targets, parts_of(y))
        done += count
        if tell is not None:
            tell(count)
    found = Predicted(_whole(outputs), _whole(targets), names)
    for values in found.outputs:
        if len(values) != done:
            raise DataError(
                f"The model {model.name!r} does not give one output for each example.",
                expected=f"{done} outputs",
                found=len(values),
            )
    return found


def _names(model: Any, said: Any) -> tuple[str, ...]:
    """The names of the outputs, in the order in which they are flattened."""
    if isinstance(said, dict):
        return tuple(map(str, said)) if not any(isinstance(part, dict | list | tuple) for part in said.values()) else ()
    names = tuple(getattr(model, "output_names", None) or ())
    return names if len(names) == len(_flat(said)) else ()


def _as_taken(model: Any, given: Array | list[Array]) -> Any:
    """Several inputs as a dict, for a model that was made with one: Keras takes a list only if its keys are sorted."""
    form, ports = getattr(model, "input", None), list(getattr(model, "inputs", None) or ())
    if not isinstance(form, dict) or not isinstance(given, list) or len(form) != len(given):
        return given
    places = {id(port): number for number, port in enumerate(ports)}
    return (
        {key: given[places[id(port)]] for key, port in form.items()}
        if set(map(id, form.values())) <= set(places)
        else given
    )


def _in_order(model: Any, said: Any) -> Any:
    """Outputs in a dict in the order of the model's own names: the backends put them in different orders."""
    names = list(getattr(model, "output_names", None) or ())
    return {name: said[name] for name in names} if isinstance(said, dict) and set(said) == set(names) else said


def _whole(gathered: list[list[Array]]) -> tuple[Array, ...]:
    return tuple(np.concatenate(parts) for parts in gathered)


def _gather(gathered: list[list[Array]], parts: list[Array]) -> None:
    for index, values in enumerate(parts):
        if index == len(gathered):
            gathered.append([])
        gathered[index].append(values)


def _filled(values: Array, count: int) -> Array:
    """The examples with the last one repeated up to `count`."""
    return np.concatenate([values, np.repeat(values[-1:], count - len(values), axis=0)])


def _flat(outputs: Any) -> list[Any]:
    if isinstance(outputs, dict):
        outputs = list(outputs.values())
    if isinstance(outputs, list | tuple):
        return [leaf for part in outputs for leaf in _flat(part)]
    return [outputs]


def _refused(model: Any, split: Split, given: Array | list[Array], error: Exception) -> DataError:
    parts = given if isinstance(given, list) else [given]
    return DataError(
        f"The model {model.name!r} cannot take the examples.",
        file=split.origin,
        expected="inputs that fit the model",
        found=", ".join(f"shape {part.shape}, {part.dtype}" for part in parts) + f"; Keras says: {error}",
        remedy="See what the model takes: weld inspect FILE",
    )
