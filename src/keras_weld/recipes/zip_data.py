"""The data of the tasks that are zipped: opened, fitted to the models, and checked before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_weld.data.batch import Array
from keras_weld.data.split import WHOLE, Dataset, Shape, Split
from keras_weld.errors import DataError, UsageError
from keras_weld.io.limits import Limits
from keras_weld.recipes.limited_data import open_within

_TOLD = "A:a.npz, for each task (data={'A': 'a.npz', 'B': 'b.npz'})"


@dataclass(frozen=True, slots=True)
class TaskData:
    """What a task learns from and is judged on. Inputs are read when they are needed.

    Attributes:
        dataset: all of it.
        split: the examples to learn from, fitted to the model.
        held: those that starts are told apart by; the former if none are set aside.
        y: the targets to learn from; None if there are none, or no end of them.
    """

    dataset: Dataset
    split: Split
    held: Split
    y: Array | None


def open_tasks(
    data: Mapping[str, Any] | None,
    tasks: Sequence[str],
    *,
    seed: int = 0,
    pixels: str = "0..255",
    limits: Limits | None = None,
) -> dict[str, Dataset]:
    """Open the data of every task.

    Raises:
        UsageError: if a task has no data, or data is given for a task that there is not.
        DataError: if it cannot be read.
    """
    if data is None:
        return {}
    if not isinstance(data, Mapping) or set(data) != set(tasks):
        raise UsageError(
            "Every task needs data of its own.",
            expected=_TOLD + f", here for {' and '.join(tasks)}",
            found=", ".join(map(str, data)) if isinstance(data, Mapping) else type(data).__name__,
            remedy="Give data for each task, or for none: without data everything but accuracy is measured.",
        )
    return {task: open_within(limits, data[task], validation=0.1, seed=seed, pixels=pixels) for task in tasks}


def to_learn_from(dataset: Dataset, shapes: Mapping[str, Shape], classes: int | None) -> TaskData:
    """The training examples of a task, looked at as far as their targets go.

    Args:
        dataset: its data.
        shapes: of the model's inputs, by name.
        classes: how many classes its output tells apart, where targets are labels of these.

    Raises:
        DataError: if there are no examples to learn from, they do not fit the model, or a label is out of range.
    """
    found = dataset.splits.get("train") or dataset.splits.get(WHOLE)
    if found is None:
        raise DataError(
            "There are no training examples to calibrate with.",
            file=dataset.origin,
            expected="x (and y), or x_train and y_train",
            found=", ".join(dataset.splits),
        )
    _require_one_input(shapes, dataset.origin)
    split = found.fitted(dict(shapes))
    held = dataset.splits.get("validation")
    y = split.targets[0] if split.labelled and not split.endless else None
    if y is not None and classes is not None and y.ndim == 1:
        _require_classes(y, classes, split.origin)
    return TaskData(dataset, split, split if held is None else held.fitted(dict(shapes)), y)


def _require_one_input(shapes: Mapping[str, Shape], origin: str) -> None:
    if len(shapes) != 1:
        raise DataError(
            "Models with several inputs cannot be calibrated.",
            file=origin,
            expected="one input",
            found=f"{len(shapes)} inputs",
            remedy="Zip without data (steps=0).",
        )


def _require_classes(y: Array, classes: int, origin: str) -> None:
    wrong = (y < 0) | (y >= classes) | (y != np.floor(y))
    if wrong.any():
        raise DataError(
            "A label is not one of the model's classes.",
            file=origin,
            expected=f"whole numbers from 0 to {classes - 1}: the model tells {classes} classes apart",
            found=y[wrong][0],
            remedy="Give labels counted from 0, or the model that was trained on these.",
        )
