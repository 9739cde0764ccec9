"""Calibration: the merged network learns to answer as its sources do, and from the labels where there are some.

Eq. 2 of "On Merging MobileNets for Efficient Multitask Inference" (Wu, Chan, Chen; 2019): cross-entropy of every task
plus the L1 difference of feature maps to each teacher. And distillation (Hinton, Vinyals, Dean: "Distilling the
Knowledge in a Neural Network", 2015) on the inputs of all tasks, labelled for a task or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from keras_weld.models.replay import Tensor
from keras_weld.zipping.trace import Slot
from keras_weld.zipping.walk import Zipped

Loss = Callable[[Tensor, Tensor], Tensor]
"""From targets and answers, of a task or of a teacher, to one number an example."""


@dataclass(frozen=True, slots=True)
class Aims:
    """What a task is trained for.

    Attributes:
        hard: the loss on targets; None where the task has none.
        soft: the loss on the teacher's answers.
    """

    hard: Loss | None
    soft: Loss


@dataclass(frozen=True, slots=True)
class Shares:
    """How much each part of the loss counts.

    Attributes:
        hard: the loss on labels.
        soft: distillation of the teachers' answers.
        layers: L1 difference to the teachers' feature maps, summed over layers.
        all_inputs: whether each task's answers are distilled on the inputs of all tasks, or of its own alone.
    """

    hard: float = 0.3
    soft: float = 0.7
    layers: float = 0.0
    all_inputs: bool = True


class Calibration(keras.Model):  # type: ignore[misc]
    """A merged network beside its teachers, as one model that `fit` trains.

    A batch holds the same number of examples of each task, in the order of the tasks (see `Mixed`); its targets are
    a dict with those of each output. Weights of the examples by task, if there are any, say which tasks count in a step
    (see `Turns`). Teachers work in inference mode and are not trained.

    Args:
        zipped: the merged network.
        teachers: the source models side by side: the same walk with nothing merged.
        aims: by output.
        shares: how much each part of the loss counts.
        places: the tensors of the trunk that are held to the teachers', if `shares.layers` is not 0.
        separate: whether each task has an input of its own, and so is asked on its own examples alone.
    """

    def __init__(
        self,
        zipped: Zipped,
        teachers: Zipped,
        aims: Mapping[str, Aims],
        shares: Shares,
        places: Sequence[Slot] = (),
        *,
        separate: bool = False,
    ) -> None:
        super().__init__()
        watched = places if shares.layers else ()
        self.network = _watched(zipped, watched)
        self.teachers = _watched(teachers, watched)
        self.teachers.trainable = False
        self.aims, self.shares, self.separate = dict(aims), shares, separate
        self.outputs_of = {task: list(outputs) for task, outputs in zipped.outputs.items()}
        self.told = {name: keras.metrics.Mean(name) for name in _parts(self.outputs_of, aims, shares)}

    @property
    def metrics(self) -> list[Any]:
        """The means of the parts of the loss; Keras begins them anew in each epoch."""
        return [*super().metrics, *self.told.values()]

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """What the merged network gives."""
        return self.network(_listed(inputs), training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """The loss of a batch, as a mean over examples."""
        wanted = self.teachers(_listed(x), training=False)
        size = ops.shape(ops.convert_to_tensor(keras.tree.flatten(x)[0]))[0] // len(self.outputs_of)
        parts: dict[tuple[str, str], Tensor] = {}
        for number, (task, outputs) in enumerate(self.outputs_of.items()):
            own = slice(None) if self.separate else slice(number * size, (number + 1) * size)
            asked = slice(None) if self.separate or self.shares.all_inputs else own
            for output in outputs:
                aim, given = self.aims[output], y_pred["answers"][output]
                if aim.hard is not None and self.shares.hard:
                    parts[task, f"{output}_loss"] = self.shares.hard * ops.mean(aim.hard(y[output], given[own]))
                if self.shares.soft:
                    soft = aim.soft(wanted["answers"][output][asked], given[asked])
                    parts[task, f"{output}_distillation"] = self.shares.soft * ops.mean(soft)
            if self.shares.layers:
                pairs = zip(wanted["layers"][task], y_pred["layers"][task], strict=True)
                differences = [
                    ops.mean(ops.abs(ops.cast(teacher[own], "float32") - ops.cast(student[own], "float32")))
                    for teacher, student in pairs
                ]
                parts[task, f"{task}_layers"] = self.shares.layers * sum(differences)
        return sum(self._counted(task, name, value, sample_weight) for (task, name), value in parts.items())

    def _counted(self, task: str, name: str, value: Tensor, weights: Any) -> Tensor:
        """A part of the loss as far as its task counts, and noted in its mean."""
        counts = 1.0 if weights is None else ops.mean(weights[task])
        self.told[name].update_state(value, sample_weight=None if weights is None else counts)
        return value * counts


def _listed(inputs: Any) -> Any:
    """Several inputs in the form that the networks are called with."""
    return list(inputs) if isinstance(inputs, tuple) else inputs


def _watched(zipped: Zipped, places: Sequence[Slot]) -> keras.Model:
    """The network with the tensors at some places among its outputs."""
    layers = {task: [made[slot] for slot in places] for task, made in zip(zipped.outputs, zipped.tensors, strict=True)}
    outputs: dict[str, Any] = {"answers": dict(zipped.model.output)}
    return keras.Model(zipped.model.inputs, {**outputs, "layers": layers} if places else outputs)


def _parts(outputs: Mapping[str, Sequence[str]], aims: Mapping[str, Aims], shares: Shares) -> list[str]:
    named = [output for one in outputs.values() for output in one]
    hard = [f"{output}_loss" for output in named if shares.hard and aims[output].hard is not None]
    soft = [f"{output}_distillation" for output in named if shares.soft]
    return [*hard, *soft, *(f"{task}_layers" for task in outputs if shares.layers)]
