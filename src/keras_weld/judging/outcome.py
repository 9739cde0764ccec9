"""What a model said about examples, beside what is true: the form that every metric starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from keras_weld.core.distributions import distributions
from keras_weld.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]


class Task(StrEnum):
    """What the outputs are about."""

    CLASSES = "classes"
    BINARY = "two classes"
    LABELS = "several labels at once"
    VALUES = "values"


class Kind(StrEnum):
    """What the outputs mean."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    VALUES = "values"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outputs and targets of the same examples.

    Attributes:
        task: what they are about.
        kind: whether the outputs are probabilities, logits or values.
        outputs: `(examples, …, classes)` for classes; otherwise the shape of `targets`. Float32 or float64.
        targets: whole numbers `(examples, …)` for classes; 0 or 1 for two classes and labels; else float64.
    """

    task: Task
    kind: Kind
    outputs: Array
    targets: Array

    @property
    def count(self) -> int:
        """Number of examples."""
        return len(self.targets)

    def probabilities(self) -> Array:
        """The outputs as probabilities: softmax or sigmoid of logits."""
        if self.kind is not Kind.LOGITS:
            return self.outputs
        if self.task is Task.CLASSES:
            shifted: Array = np.exp(self.outputs - self.outputs.max(axis=-1, keepdims=True))
            shares: Array = shifted / shifted.sum(axis=-1, keepdims=True)
            return shares
        chances: Array = np.exp(-np.logaddexp(0.0, -self.outputs.astype(np.float64)))
        return chances


def outcome_of(
    outputs: Array, targets: Array, *, file: str | None = None, classes: Sequence[str] | None = None
) -> Outcome:
    """Work out what outputs and targets are about.

    Outputs with one more axis than whole-number targets are about classes; so are one-hot targets, and
    probabilities of classes against probabilities, of which the likeliest is taken for what is true. Outputs of
    one column against zeros and ones are about two classes. Everything else is about values.

    Args:
        outputs: what the model gave, examples on the first axis.
        targets: what is true, examples on the first axis.
        file: where the targets came from, for messages.
        classes: names of the classes in the data, if known.

    Raises:
        DataError: if they do not fit each other, a label is out of range, or an output is not finite.
    """
    outputs = np.asarray(outputs)
    if outputs.dtype not in (np.float32, np.float64):
        outputs = outputs.astype(np.float32)
    targets = np.asarray(targets)
    if not np.isfinite(outputs).all():
        example = int(np.argwhere(~np.isfinite(outputs))[0][0])
        raise DataError(
            "The model gives values that are not finite.",
            expected="finite outputs",
            found=f"{outputs[example].ravel()[:4]} for example {example}",
            remedy="The model itself is broken (NaN in its weights?), or the inputs are scaled in another way.",
        )
    if len(outputs) != len(targets):
        raise DataError("Another number of outputs than targets.", expected=len(targets), found=len(outputs))
    if targets.ndim == outputs.ndim and targets.ndim > 1 and targets.shape[-1] == 1:
        targets = targets[..., 0]
    wide = outputs.ndim > 1 and outputs.shape[-1] > 1
    if classes is not None:
        _check_count(classes, outputs.shape[-1] if wide else 2, file)
    if outputs.ndim > 1 and not wide:
        outputs = outputs[..., 0]
    if wide and targets.ndim == outputs.ndim - 1:
        return _classes(outputs, targets, file, classes)
    if targets.shape != outputs.shape:
        raise DataError(
            "The targets do not fit what the model gives.",
            file=file,
            expected=f"shape {outputs.shape}, or {outputs.shape[:-1]} with whole-number labels",
            found=f"shape {targets.shape}",
            remedy="Name the right array for the targets: FILE.npz:inputs,targets",
        )
    if np.isin(targets, (0, 1)).all():
        if wide and (targets.sum(axis=-1) == 1).all():
            return _classes(outputs, targets.argmax(axis=-1), file, classes)
        unit = outputs.min() >= 0 and outputs.max() <= 1
        kind = Kind.PROBABILITIES if unit else Kind.LOGITS
        return Outcome(Task.LABELS if wide else Task.BINARY, kind, outputs, targets.astype(np.int64))
    if wide and distributions(targets).all() and distributions(outputs).all():
        return _classes(outputs, targets.argmax(axis=-1), file, classes)
    return Outcome(Task.VALUES, Kind.VALUES, outputs, targets.astype(np.float64))


def _check_count(classes: Sequence[str], count: int, file: str | None) -> None:
    if len(classes) > count:
        raise DataError(
            "The data has more classes than the model tells apart.",
            file=file,
            expected=f"at most {count} classes",
            found=f"{len(classes)}: {', '.join(classes)}",
            remedy="Judge on data of the classes that the model was trained on, in the same order.",
        )


def _classes(outputs: Array, targets: Array, file: str | None, classes: Sequence[str] | None) -> Outcome:
    count = outputs.shape[-1]
    labels = targets.astype(np.int64)
    wrong = (labels != targets) | (labels < 0) | (labels >= count)
    if wrong.any():
        place = tuple(np.argwhere(wrong)[0])
        raise DataError(
            "A label is not one of the model's classes.",
            file=file,
            expected=f"whole numbers from 0 to {count - 1}: the model has {count} classes",
            found=f"{targets[place]} in example {place[0]}"
            + (f"; the data has the {len(classes)} classes {', '.join(classes)}" if classes else ""),
            remedy="Give labels in the order and number of the model's classes, counted from 0.",
        )
    kind = Kind.PROBABILITIES if distributions(outputs).all() else Kind.LOGITS
    return Outcome(Task.CLASSES, kind, outputs, labels)
