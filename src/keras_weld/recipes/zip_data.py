"""The data of the tasks that are zipped: opened, fitted to the models, and checked before the first step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        dataset: all of it, fitted to the model.
        split: the examples to learn from.
        targets: by output, which of the targets is its own; an output may have none.
        y: by output, all of its targets; none where there is no end of them.
    """

    dataset: Dataset
    split: Split
    targets: Mapping[str, int]
    y: Mapping[str, Array]

    @property
    def held(self) -> Split:
        """The examples that starts are told apart by: those to learn from if none are set aside."""
        return self.dataset.splits.get("validation", self.split)


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a task's model.

    Attributes:
        called: what it is called in a merged network.
        name: its name in the model.
        classes: how many classes it tells apart, where targets are labels of these.
    """

    called: str
    name: str
    classes: int | None


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


def to_learn_from(dataset: Dataset, shapes: Mapping[str, Shape], outputs: Sequence[Output]) -> TaskData:
    """The data of a task, looked at as far as its targets go.

    Args:
        dataset: the data.
        shapes: of the model's inputs, by name.
        outputs: of the model.

    Raises:
        DataError: if there are no examples to learn from, they do not fit the model, or a label is out of range.
    """
    fitted = replace(dataset, splits={name: split.fitted(dict(shapes)) for name, split in dataset.splits.items()})
    split = fitted.splits.get("train") or fitted.splits.get(WHOLE)
    if split is None:
        raise DataError(
            "There are no training examples to calibrate with.",
            file=dataset.origin,
            expected="x (and y), or x_train and y_train",
            found=", ".join(dataset.splits),
        )
    all_targets = split.targets if split.labelled and not split.endless else ()
    targets = _targets(split, outputs, len(all_targets)) if split.labelled else {}
    y = {output: all_targets[number] for output, number in targets.items()} if all_targets else {}
    for output in outputs:
        if output.called in y and output.classes is not None and y[output.called].ndim == 1:
            _require_classes(y[output.called], output.classes, split.origin)
    return TaskData(fitted, split, targets, y)


def _targets(split: Split, outputs: Sequence[Output], count: int) -> dict[str, int]:
    """Which of the targets is whose: by the names of some outputs if all have such, else by their order."""
    from keras_weld.training.objective import matched

    names, given = [one.name for one in outputs], list(split.target_names)
    if given and set(given) <= set(names):
        return {one.called: given.index(one.name) for one in outputs if one.name in given}
    order = matched(names, given, count or len(given), split.origin)
    return {one.called: number for one, number in zip(outputs, order, strict=True)}


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
