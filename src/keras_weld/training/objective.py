"""What training makes smaller: a loss for every output, chosen by what outputs mean and what targets are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np

from keras_weld.checks.meaning import LOGITS, Kind, Meaning
from keras_weld.core.distributions import distributions
from keras_weld.data.batch import Array
from keras_weld.data.split import Shape
from keras_weld.data.target_names import require_all_named
from keras_weld.errors import DataError, UsageError, add_context
from keras_weld.training.labels import require_labels

Loss: TypeAlias = Any
"""A name that Keras knows, with `:logits` behind it for outputs that are logits; or a loss of Keras."""

SPARSE, CATEGORICAL, BINARY, SQUARED = (
    "sparse_categorical_crossentropy",
    "categorical_crossentropy",
    "binary_crossentropy",
    "mean_squared_error",
)
_LOGITS = ":logits"
_REMEDY = "Say which loss is meant: --loss NAME (loss='NAME'), such as mean_squared_error."


@dataclass(frozen=True, slots=True)
class Aim:
    """What one output is trained for.

    Attributes:
        output: the output's name.
        shape: of the output for one example.
        name: the loss's name.
        loss: the loss.
        metric: makes the accuracy that goes with it; None for values.
        classes: number of classes, where targets are whole-number labels.
        why: what it was chosen by, in words.
        kind: what the output means when it is trained for this, as far as that is known.
    """

    output: str
    shape: Shape
    name: str
    loss: Any
    metric: Callable[[], Any] | None
    classes: int | None
    why: str
    kind: Kind | None = None

    def check(self, targets: Array, file: str) -> None:
        """Refuse targets that the loss cannot take.

        Raises:
            DataError: naming the file, what was expected and what was found.
        """
        if self.name in (SPARSE, CATEGORICAL, BINARY, SQUARED):
            _require_shape(self, targets, file)
        with add_context(file=file):
            self.prepared(targets)

    def prepared(self, targets: Array) -> Array:
        """The targets as the loss takes them.

        Raises:
            DataError: if one is no label of the output, or no answer that its loss is for.
        """
        if self.name == BINARY and ((targets < 0) | (targets > 1)).any():
            raise DataError(
                "A target is neither yes nor no.",
                layer=self.output,
                expected="0 or 1: the output gives the probability of yes",
                found=targets[(targets < 0) | (targets > 1)].ravel()[0],
                remedy="Give 0 and 1, or say which loss is meant: --loss NAME (loss='NAME').",
            )
        if self.name == CATEGORICAL and (wrong := ~distributions(targets)).any():
            raise DataError(
                "A target is no probabilities of classes.",
                layer=self.output,
                expected="a column for each class, none below 0, that sum to 1",
                found=_row(targets[wrong][0]),
                remedy="Give such columns or whole-number labels, or say which other loss is meant: --loss NAME "
                "(loss='NAME'), such as mean_squared_error.",
            )
        if self.classes is None:
            return targets
        require_labels(targets, self.classes, self.output)
        return targets.astype("int32")


def aim_at(output: str, shape: Shape, meaning: Meaning | None, targets: Array, loss: Loss | None, file: str) -> Aim:
    """The loss for one output.

    Args:
        output: the output's name.
        shape: of the output for one example.
        meaning: what it means, if that is known.
        targets: some of the targets, examples on the first axis.
        loss: what the user asks for, instead of what would be chosen.
        file: where the targets come from, for messages.

    Raises:
        DataError: if the targets do not fit the output.
        UsageError: if there is no such loss, or none can be chosen.
    """
    if loss is not None and not isinstance(loss, str):
        name, logits, why = str(getattr(loss, "name", loss)), bool(getattr(loss, "from_logits", False)), "as asked for"
    elif loss is not None:
        name, logits, why = _named(loss)
        loss = loss_named(loss)
    else:
        name, logits, why = _chosen(output, shape, meaning, targets, file)
    made = _loss(name, logits) if loss is None else loss
    classes = shape[-1] if name == SPARSE else None
    aim = Aim(output, shape, name, made, _metric(name, logits), classes, why, _kind(name, logits, meaning))
    aim.check(targets, file)
    return aim


def loss_named(text: str) -> Any:
    """The loss that a text names: a name of Keras, with `:logits` behind it for outputs that are logits.

    Raises:
        UsageError: if there is no such loss.
    """
    name, logits, _ = _named(text)
    return _loss(name, logits) if _crossentropy(name) else keras.losses.get(name)


def _chosen(output: str, shape: Shape, meaning: Meaning | None, targets: Array, file: str) -> tuple[str, bool, str]:
    kind = Kind.UNKNOWN if meaning is None else meaning.kind
    whole = bool((targets == np.floor(targets)).all())
    labels = whole and _is_label(targets, shape)
    if kind in (Kind.CLASSES, Kind.CLASS_LOGITS):
        logits = kind in LOGITS
        noun = "class logits" if logits else "class probabilities"
        if _alike(targets.shape[1:], shape) and shape[-1] != 1:
            return CATEGORICAL, logits, f"the output gives {noun}, the targets have a column for each class"
        if not whole:
            raise _not_labels(output, noun, targets, file)
        return SPARSE, logits, f"the output gives {noun}, the targets are whole-number labels"
    if kind in (Kind.INDEPENDENT, Kind.INDEPENDENT_LOGITS):
        return BINARY, kind in LOGITS, "the output says yes or no" + (" in logits" if kind in LOGITS else "")
    if kind is Kind.OPEN and labels and targets.dtype.kind in "iu":
        return SPARSE, True, "the targets are whole-number labels, so the output is taken as class logits"
    if kind is Kind.OPEN and targets.dtype.kind in "iub" and np.isin(targets, (0, 1)).all():
        return BINARY, True, "the targets are 0 and 1, so the output is taken as logits"
    if kind is Kind.UNKNOWN:
        raise UsageError(
            "What the output means is not known, so no loss can be chosen.",
            layer=output,
            found="unknown" if meaning is None else meaning.why,
            remedy=_REMEDY,
        )
    return SQUARED, False, "the output gives values"


def _named(text: str) -> tuple[str, bool, str]:
    name, logits = text.removesuffix(_LOGITS), text.endswith(_LOGITS)
    try:
        found = keras.losses.get(name)
    except ValueError:
        found = None
    if found is None:
        raise UsageError(
            "There is no such loss.",
            expected=f"a loss of Keras: {SPARSE}, {CATEGORICAL}, {BINARY}, {SQUARED}, …; with {_LOGITS} for logits",
            found=text,
        )
    known = str(getattr(found, "__name__", None) or getattr(found, "name", name))
    if logits and not _crossentropy(known):
        raise UsageError("Only a crossentropy takes logits.", expected=SPARSE + _LOGITS, found=text)
    return known, logits, "as asked for" + (", from logits" if logits else "")


def _crossentropy(name: str) -> bool:
    return name in (SPARSE, CATEGORICAL, BINARY)


def _loss(name: str, logits: bool) -> Any:
    losses = keras.losses
    made = {
        SPARSE: losses.SparseCategoricalCrossentropy,
        CATEGORICAL: losses.CategoricalCrossentropy,
        BINARY: losses.BinaryCrossentropy,
    }
    return losses.MeanSquaredError() if name == SQUARED else made[name](from_logits=logits)


def _kind(name: str, logits: bool, meaning: Meaning | None) -> Kind | None:
    """What an output means that is trained by a loss; a name alone does not tell whether it is taken for logits."""
    if logits:
        return Kind.INDEPENDENT_LOGITS if name == BINARY else Kind.CLASS_LOGITS
    if meaning is not None and meaning.is_clear:
        return meaning.kind
    return Kind.VALUES if name == SQUARED else None


def _metric(name: str, logits: bool) -> Callable[[], Any] | None:
    metrics = keras.metrics
    if name == BINARY:
        return lambda: metrics.BinaryAccuracy("accuracy", threshold=0.0 if logits else 0.5)
    made = {SPARSE: metrics.SparseCategoricalAccuracy, CATEGORICAL: metrics.CategoricalAccuracy}
    return (lambda: made[name]("accuracy")) if name in made else None


def _require_shape(aim: Aim, targets: Array, file: str) -> None:
    sparse = aim.name == SPARSE
    if _is_label(targets, aim.shape) if sparse else _alike(targets.shape[1:], aim.shape):
        return
    raise DataError(
        "The targets do not fit what the model gives.",
        file=file,
        layer=aim.output,
        expected=f"shape {_shown(aim.shape[:-1] if sparse else aim.shape)} for one example",
        found=f"shape {_shown(targets.shape[1:])}",
        remedy="Name the right array for the targets: FILE.npz:inputs,targets",
    )


def _is_label(targets: Array, shape: Shape) -> bool:
    found = targets.shape[1:]
    return len(shape) > 0 and shape[-1] != 1 and (_fits(found, shape[:-1]) or _fits(found, (*shape[:-1], 1)))


def _alike(found: Sequence[int], shape: Shape) -> bool:
    """Whether targets have the output's shape; a last axis of one may be left out."""
    return _fits(found, shape) or (shape[-1:] == (1,) and _fits(found, shape[:-1]))


def _fits(found: Sequence[int], shape: Shape) -> bool:
    return len(found) == len(shape) and all(want in (None, have) for have, want in zip(found, shape, strict=True))


def _not_labels(output: str, noun: str, targets: Array, file: str) -> DataError:
    return DataError(
        "The targets are values, and the model tells classes apart.",
        file=file,
        layer=output,
        expected=f"whole-number labels, or a column for each class: the output gives {noun}",
        found=f"{targets[targets != np.floor(targets)].ravel()[0]}",
        remedy=_REMEDY,
    )


def _row(values: Array) -> str:
    """The columns of one example, as far as they fit on a line."""
    return ", ".join(f"{value:g}" for value in values[:6]) + (", …" if len(values) > 6 else "")


def _shown(shape: Sequence[int | None]) -> str:
    return "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"


def matched(names: Sequence[str], targets: Sequence[str], count: int, file: str) -> list[int]:
    """Which of the targets belongs to which output: by their names if all are the outputs', else by their order.

    Args:
        names: the outputs' names.
        targets: the targets' names, if they have any.
        count: how many targets there are.
        file: where they come from, for messages.

    Raises:
        DataError: if there are more or fewer than outputs, or some have the names of outputs and others have not.
    """
    require_all_named(names, targets, file)
    if count != len(names):
        raise DataError(
            "The data has another number of targets than the model has outputs." if count else "There are no targets.",
            file=file,
            expected=f"{len(names)}: " + ", ".join(names),
            found=f"{count}: {', '.join(targets)}" if targets else count,
            remedy="Give one array for each output, as y0, y1, … or under the names of the outputs; under their names, "
            "some outputs alone.",
        )
    by_name = len(targets) == count and set(targets) == set(names)
    return [list(targets).index(name) for name in names] if by_name else list(range(count))
