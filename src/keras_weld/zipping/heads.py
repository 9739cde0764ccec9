"""What comes after the trunk: the head of each task, one layer in the merged network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras

from keras_weld.models.cut import alone
from keras_weld.models.replay import Tensor, filled, inferring
from keras_weld.zipping.rebuild import Names, again, with_state_of
from keras_weld.zipping.trace import Slot, Step, Trace


@dataclass(frozen=True, slots=True)
class Head:
    """What comes after the trunk, for one task.

    Attributes:
        outputs: by name: the task's, or TASK_OUTPUT for each output of a model with several.
        layers: pairs of a layer and the source model's that it was made after.
        model: it, as one layer of the merged network.
        taken: the tensors of the trunk that it takes.
    """

    outputs: dict[str, Tensor]
    layers: tuple[tuple[Any, Any], ...]
    model: keras.Model
    taken: tuple[Slot, ...]


def head_on(one: Trace, start: int, made: Mapping[Slot, Tensor], task: str) -> Head:
    """Put a copy of a model's head on the tensors of its trunk.

    Args:
        one: the source model.
        start: the number of the head's first step.
        made: the tensors of the trunk.
        task: the name of the task.
    """
    taken = tuple(_taken(one, start))
    inputs = {slot: keras.Input(batch_shape=made[slot].shape, dtype=made[slot].dtype) for slot in taken}
    inside: dict[Slot, Tensor] = dict(inputs)
    names, built = Names(), {}
    for number, step in enumerate(one.steps[start:], start):
        if step.name not in built:
            built[step.name] = again(step, names.new(step.name)), step.operation
        results = called(built[step.name][0], step, inside)
        inside.update({Slot(number, index): tensor for index, tensor in enumerate(results)})
    for layer, source in built.values():
        with_state_of(layer, source)
    ends = [inside[slot] for slot in one.outputs]
    if start == len(one.steps):
        ends = [keras.layers.Identity(dtype=end.dtype)(end) for end in ends]
    called_outputs = output_names(one, task)
    several = len(called_outputs) > 1
    head = keras.Model(alone(list(inputs.values())), alone(ends), name=f"{task}_head" if several else task)
    given = keras.tree.flatten(head(alone([made[slot] for slot in taken])))
    pairs = tuple(built.values())
    if not several:
        return Head({task: given[0]}, pairs, head, taken)
    named = {
        name: keras.layers.Identity(name=name, dtype=tensor.dtype)(tensor)
        for name, tensor in zip(called_outputs, given, strict=True)
    }
    return Head(named, pairs, head, taken)


def output_names(one: Trace, task: str) -> list[str]:
    """What the outputs of a task are called in a merged network: as the task, or TASK_OUTPUT if there are several."""
    names = one.graph.output_names
    return [task] if len(names) == 1 else [f"{task}_{output}" for output in names]


def called(layer: Any, step: Step, made: Mapping[Slot, Tensor]) -> list[Tensor]:
    """What a layer gives on the tensors that a step takes."""
    kwargs = filled(dict(step.kwargs), made, Slot)
    return list(keras.tree.flatten(layer(*filled(step.args, made, Slot), **inferring(layer, kwargs))))


def _taken(one: Trace, start: int) -> list[Slot]:
    """The tensors of the trunk that the head takes, inputs of the model among them."""
    wanted = [slot for step in one.steps[start:] for slot in step.inbound] + list(one.outputs)
    return list(dict.fromkeys(slot for slot in wanted if slot.step < start))
