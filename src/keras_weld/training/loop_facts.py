"""What is told of the data of an ordinary `model.fit`, without a pass over it that the training would miss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from keras_weld.data.order import evenly
from keras_weld.training.data_facts import NONE, SOME, Sides, facts_of, facts_of_rows
from keras_weld.training.keras_loop import Loop
from keras_weld.training.random_state import random_state, set_random_state

_BATCHES = 4  # of a `PyDataset`, evenly placed
_VALUES = ("checksum", "mean", "means")


def data_of_loop(loop: Loop) -> tuple[dict[str, Any], int | None]:
    """What is told of the training examples, and their number in a batch if it is known.

    Of arrays all values are looked at, up to a gigabyte; of a `PyDataset` four batches, evenly placed; a pipeline or
    a generator is not read.
    """
    adapter = loop.batches.data_adapter
    found: dict[str, Any] = {"source": loop.source, "steps": loop.batches.steps_per_epoch, "compared": NONE}
    if loop.source == "ArrayDataAdapter":
        return {**found, "shuffle": loop.shuffle, **_of_arrays(adapter._inputs)}, adapter.batch_size
    found["batches"] = adapter.num_batches
    if loop.source == "PyDatasetAdapter":
        facts, size = _of_numbered(adapter.py_dataset)
        return {**found, "shuffle": loop.shuffle, **facts}, size
    if loop.source == "TFDatasetAdapter":
        found |= _of_pipeline(adapter.get_tf_dataset())
    return found, adapter.batch_size


def validation_of_loop(loop: Loop) -> dict[str, Any] | None:
    """What is told of the validation examples; None if there are none."""
    data = loop.validation_data
    if data is None:
        return None
    if isinstance(data, keras.utils.PyDataset):
        return {"source": "PyDataset", "batches": data.num_batches, **_of_numbered(data)[0]}
    if hasattr(data, "element_spec"):
        return {"source": "a pipeline", **_of_pipeline(data)}
    if isinstance(data, tuple | list) and all(hasattr(one, "shape") for one in _flat(data)):
        return {"source": "arrays", **_of_arrays(tuple(data))}
    return {"source": type(data).__name__}


def _of_arrays(given: Any) -> dict[str, Any]:
    x, y = _sides(given)
    count = len(x[0])
    return {
        "count": count,
        **facts_of_rows(count, lambda rows: ([part[rows] for part in x], [part[rows] for part in y])),
    }


def _of_numbered(data: Any) -> tuple[dict[str, Any], int]:
    """What is told of a `PyDataset`, and the examples of its first batch.

    What is another one when it is read again is not compared. It may draw random numbers, which are put back.
    """
    numbers = range(_BATCHES) if data.num_batches is None else evenly(data.num_batches, _BATCHES).tolist()
    before = random_state()
    batches = [_sides(data[number]) for number in numbers]
    found, again = facts_of(batches, SOME), facts_of((_sides(data[number]) for number in numbers), SOME)
    set_random_state(before)
    return found if found == again else _without_values(found), len(batches[0][0][0])


def _without_values(facts: Mapping[str, Any]) -> dict[str, Any]:
    sides = {
        side: [{key: value for key, value in one.items() if key not in _VALUES} for one in facts[side]]
        for side in ("x", "y")
    }
    return {**sides, "compared": NONE}


def _of_pipeline(data: Any) -> dict[str, Any]:
    x, y = _sides(data.element_spec)
    told = [
        [{"shape": list(one.shape[1:]), "dtype": one.dtype.name} for one in side if hasattr(one, "shape")]
        for side in (x, y)
    ]
    return {"x": told[0], "y": told[1], "compared": NONE}


def _sides(given: Any) -> Sides:
    """Inputs, and targets with weights, of `(x, y, weights)` or `x` alone."""
    x, y = (given[0], given[1:]) if isinstance(given, tuple | list) else (given, ())
    return _flat(x), _flat(y)


def _flat(values: Any) -> Sequence[Any]:
    return [one for one in keras.tree.flatten(values) if one is not None]
