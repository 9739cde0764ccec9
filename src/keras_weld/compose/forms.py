"""The forms in which models give their answers, and how one is brought into another, in operations of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from keras import layers, ops

from keras_weld.models.replay import Tensor

TINY = 1e-7
"""A probability below this counts as this where a logarithm is taken; float32 knows none closer to 1 than that."""


class Family(StrEnum):
    """What the answers are about, whatever their form."""

    CLASSES = "one class of several"
    INDEPENDENT = "yes or no, each by itself"
    VALUES = "values"


class Form(StrEnum):
    """What the numbers that a model gives are."""

    PROBABILITIES = "probabilities"
    LOGITS = "logits"
    INDEPENDENT = "independent probabilities"
    INDEPENDENT_LOGITS = "independent logits"
    VALUES = "values"

    @property
    def family(self) -> Family:
        """What they are about."""
        if self is Form.VALUES:
            return Family.VALUES
        return Family.INDEPENDENT if self in (Form.INDEPENDENT, Form.INDEPENDENT_LOGITS) else Family.CLASSES

    @property
    def are_logits(self) -> bool:
        """Whether they are logits."""
        return self in (Form.LOGITS, Form.INDEPENDENT_LOGITS)


def single(tensor: Tensor) -> Tensor:
    """The tensor in float32: sums and logarithms of fewer digits lose too many."""
    return tensor if tensor.dtype == "float32" else ops.cast(tensor, "float32")


def probabilities_of(tensor: Tensor, form: Form) -> Tensor:
    """Probabilities out of probabilities or logits; values stay as they are."""
    if form is Form.LOGITS:
        # Not the layer Softmax: it would apply the mask of a sequence to the classes.
        return layers.Activation("softmax", dtype="float32")(tensor)
    if form is Form.INDEPENDENT_LOGITS:
        return layers.Activation("sigmoid", dtype="float32")(tensor)
    return tensor


def logs_of(tensor: Tensor, form: Form) -> Tensor:
    """Log-probabilities of classes, log-odds of independent answers; both give the probabilities back."""
    if form is Form.LOGITS:
        return ops.log_softmax(tensor, axis=-1)
    if form is Form.PROBABILITIES:
        return ops.log(ops.maximum(tensor, TINY))
    if form is Form.INDEPENDENT:
        safe = ops.clip(tensor, TINY, 1 - TINY)
        return ops.subtract(ops.log(safe), ops.log(ops.subtract(1.0, safe)))
    return tensor


def arranged(tensor: Tensor, places: Sequence[int | None] | None, *, logs: bool) -> Tensor:
    """The last axis in the order of another list of classes, with 0 for those that the model does not know.

    Args:
        tensor: probabilities, log-probabilities or log-odds.
        places: for each class of the list its number in the model, or None. One number that stands for yes has two
            classes, no and yes.
        logs: whether they are logarithms.
    """
    width = tensor.shape[-1]
    if places is None or list(places) == list(range(len(places))):
        return tensor
    if width == 1:  # no and yes, the other way around
        return ops.negative(tensor) if logs else ops.subtract(1.0, tensor)
    if None in places:
        tensor = ops.pad(tensor, [*([[0, 0]] * (len(tensor.shape) - 1)), [0, 1]])
    return ops.take(tensor, [width if place is None else place for place in places], axis=-1)
