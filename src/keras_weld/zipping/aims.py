"""The losses of a task, by what its output means."""

from __future__ import annotations

from keras import ops

from keras_weld.models.replay import Tensor
from keras_weld.zipping.calibration import Aims

_SMALL = 1e-7


def classes(*, logits: bool, labelled: bool = True, temperature: float = 1.0) -> Aims:
    """For an output of class probabilities or logits, with whole-number labels.

    Args:
        logits: whether the output gives logits.
        labelled: whether there are labels.
        temperature: what the logits of both are divided by in the distillation; its loss is multiplied by its
            square, so that gradients keep their size (Hinton et al., section 2).
    """

    def scores(answers: Tensor) -> Tensor:
        answers = ops.cast(answers, "float32")
        return answers if logits else ops.log(ops.clip(answers, _SMALL, 1.0))

    def hard(labels: Tensor, answers: Tensor) -> Tensor:
        found = ops.log_softmax(scores(answers), axis=-1)
        return -ops.take_along_axis(found, ops.expand_dims(ops.cast(labels, "int32"), -1), axis=-1)[..., 0]

    def soft(teacher: Tensor, answers: Tensor) -> Tensor:
        wanted = ops.log_softmax(scores(teacher) / temperature, axis=-1)
        found = ops.log_softmax(scores(answers) / temperature, axis=-1)
        return temperature**2 * ops.sum(ops.exp(wanted) * (wanted - found), axis=-1)

    return Aims(hard if labelled else None, soft)


def independent(*, logits: bool, labelled: bool = True) -> Aims:
    """For an output of independent probabilities or logits, each a yes or a no."""

    def cross_entropy(wanted: Tensor, answers: Tensor) -> Tensor:
        wanted = ops.reshape(ops.cast(wanted, "float32"), ops.shape(answers))
        found = ops.binary_crossentropy(wanted, ops.cast(answers, "float32"), from_logits=logits)
        return ops.mean(found, axis=-1)

    def soft(teacher: Tensor, answers: Tensor) -> Tensor:
        teacher = ops.cast(teacher, "float32")
        return cross_entropy(ops.sigmoid(teacher) if logits else teacher, answers)

    return Aims(cross_entropy if labelled else None, soft)


def values(*, labelled: bool = True) -> Aims:
    """For an output of values: the squared difference."""

    def squared(wanted: Tensor, answers: Tensor) -> Tensor:
        answers = ops.cast(answers, "float32")
        wanted = ops.reshape(ops.cast(wanted, "float32"), ops.shape(answers))
        return ops.mean(ops.square(wanted - answers), axis=tuple(range(1, len(answers.shape))))

    return Aims(squared if labelled else None, squared)
