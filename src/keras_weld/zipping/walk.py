"""The walk: models in lock-step through their trunk, every layer private or shared, and a head for each task.

After "On Merging MobileNets for Efficient Multitask Inference" (Wu, Chan, Chen; 2019), section 3, for any graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import keras

from keras_weld.models.cut import alone
from keras_weld.models.replay import Tensor
from keras_weld.zipping.heads import Head, called, head_on
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.rebuild import Names, again, with_state_of
from keras_weld.zipping.sharing import Rule, facts_of
from keras_weld.zipping.trace import Slot, Step

Merge = Literal["features", "weights"]
"""What is shared: one calculation for all tasks, or the kernels alone, each task on its own activations."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A layer that the tasks share.

    Attributes:
        name: its name in the merged model.
        layer: the live layer in the merged model.
        sources: the layers of the source models that it stands for.
        step: the number of its first call.
    """

    name: str
    layer: keras.Layer
    sources: tuple[keras.Layer, ...]
    step: int


@dataclass(frozen=True, slots=True)
class Zipped:
    """A merged network.

    Attributes:
        model: it takes one input for all tasks, or one for each, and gives a dict: an output by task.
        shared: the layers that the tasks share.
        private: pairs of a layer that is one task's own, in trunk or head, and the source model's.
        tensors: for each task, the symbolic tensors of its trunk.
        joined: where the tasks' activations join before a step, by its number: what they join into, by their slots.
        layers: for each task, the layers of its trunk by the numbers of the steps.
        heads: of each task.
        inputs: by task, the symbolic inputs that it takes.
        outputs: by task, the names of its outputs.
    """

    model: keras.Model
    shared: tuple[Shared, ...]
    private: tuple[tuple[Any, Any], ...]
    tensors: tuple[Mapping[Slot, Tensor], ...]
    joined: Mapping[int, Mapping[Slot, Tensor]]
    layers: tuple[Mapping[int, Any], ...]
    heads: tuple[Head, ...]
    inputs: Mapping[str, tuple[Tensor, ...]]
    outputs: Mapping[str, tuple[str, ...]]

    def for_task(self, task: str) -> keras.Model:
        """The part of the network that answers for one task; it shares its layers with the whole."""
        return keras.Model(alone(self.inputs[task]), alone([self.model.output[name] for name in self.outputs[task]]))

    def take(self, model: keras.Model) -> None:
        """Take the weights of a model that was written as this network and loaded again."""
        for layer in self.model.layers:
            with_state_of(layer, model.get_layer(layer.name))

    def give_back(self) -> None:
        """Give the source models what the merged network has learnt, each the shared layers too."""
        for made, source in self.private:
            with_state_of(source, made)
        for one in self.shared:
            for source in one.sources:
                with_state_of(source, one.layer)


def zipped(
    trunk: Trunk,
    tasks: Sequence[str],
    *,
    until: int,
    rule: Rule,
    merge: Merge = "features",
    separate: bool = False,
    name: str = "zipped",
) -> Zipped:
    """Build a merged network whose layers before a step are shared by a rule.

    A shared layer is one layer. By weights, it is called on the activations of each task. By features, the
    activations join, by their mean, and it is called once for all tasks. Private layers and what comes after the merged
    steps are called for each task on its own. A layer without weights is called once where the tasks' activations
    are one, and for each task where they are not.

    Args:
        trunk: what the models have in common.
        tasks: names of the tasks, in the order of the models.
        until: number of the first step that is not merged; 0 merges nothing.
        rule: which layers are shared.
        merge: by features or by weights.
        separate: whether each task has an input of its own.
        name: of the model.

    Returns:
        The network. Shared layers have the first model's values until others are set, private ones their own.
    """
    walk = _Walk(trunk, tasks, until, rule, merge)
    inputs = walk.begin(separate=separate)
    for number in range(trunk.length):
        walk.step(number)
    walk.settle()
    heads = {
        task: head_on(one, trunk.length, made, task)
        for task, one, made in zip(tasks, trunk.traces, walk.made, strict=True)
    }
    model = keras.Model(
        alone(inputs), {output: tensor for head in heads.values() for output, tensor in head.outputs.items()}, name=name
    )
    private = (*walk.private.values(), *(pair for head in heads.values() for pair in head.layers))
    outputs = {task: tuple(head.outputs) for task, head in heads.items()}
    each = len(inputs) // len(tasks) if separate else 0
    taken = {task: tuple(inputs[number * each : (number + 1) * each] or inputs) for number, task in enumerate(tasks)}
    shared, made, layers = tuple(walk.shared.values()), tuple(walk.made), tuple(walk.layers)
    return Zipped(model, shared, private, made, walk.joined, layers, tuple(heads.values()), taken, outputs)


@dataclass
class _Walk:
    """Where the walk is: the tensors that each task has, and the layers that were made."""

    trunk: Trunk
    tasks: Sequence[str]
    until: int
    rule: Rule
    merge: Merge
    names: Names = field(default_factory=Names)
    made: list[dict[Slot, Tensor]] = field(init=False)
    joined: dict[int, dict[Slot, Tensor]] = field(default_factory=dict)
    layers: list[dict[int, Any]] = field(init=False)
    shared: dict[str, Shared] = field(default_factory=dict)
    private: dict[tuple[str, int], tuple[Any, Any]] = field(default_factory=dict)
    verdicts: dict[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        self.made = [{} for _ in self.tasks]
        self.layers = [{} for _ in self.tasks]
        later = {step.name for step in self.trunk.steps[self.until :]}
        unlike = {self.trunk.steps[number].name for number in self.trunk.unlike}
        self.verdicts = {
            step.name: bool(step.weights)
            and step.name not in later
            and step.name not in unlike
            and bool(self.rule(facts_of(self.trunk.steps, number)))
            for number, step in enumerate(self.trunk.steps[: self.until])
        }

    def begin(self, *, separate: bool) -> list[Tensor]:
        """The inputs of the merged model."""
        if not separate:
            first = self.trunk.traces[0].model.inputs
            inputs = [_input_like(one, self.names.new(one.name)) for one in first]
            for made in self.made:
                made.update({Slot(-1 - number): one for number, one in enumerate(inputs)})
            return inputs
        inputs = []
        for task, one, made in zip(self.tasks, self.trunk.traces, self.made, strict=True):
            live = one.model.inputs
            called = [task if len(live) == 1 else f"{task}_{tensor.name}" for tensor in live]
            own = [_input_like(tensor, self.names.new(f"{at}_input")) for tensor, at in zip(live, called, strict=True)]
            made.update({Slot(-1 - number): tensor for number, tensor in enumerate(own)})
            inputs += own
        return inputs

    def step(self, number: int) -> None:
        """Make one step for all tasks."""
        steps = [one.steps[number] for one in self.trunk.traces]
        first = steps[0]
        if self.verdicts.get(first.name, False):
            layer = self._shared(number, steps)
            if self.merge == "features":
                self._once(number, first, layer, joined=True)
            elif self._same(first):
                self._once(number, first, layer)
            else:
                for task in range(len(self.tasks)):
                    self._call(number, first, layer, task)
        elif first.weights or number in self.trunk.unlike:
            for task, step in enumerate(steps):
                self._call(number, step, self._private(step, task), task)
        else:
            layer = self._private(first, None)
            if self._same(first):
                self._once(number, first, layer)
            else:
                for task in range(len(self.tasks)):
                    self._call(number, first, layer, task)

    def _same(self, step: Step) -> bool:
        """Whether all tasks bring the same tensors to a step."""
        return all(made[slot] is self.made[0][slot] for made in self.made for slot in step.inbound)

    def _once(self, number: int, step: Step, layer: Any, *, joined: bool = False) -> None:
        made = dict(self.made[0])
        if joined:
            slots = dict.fromkeys(step.inbound)
            self.joined[number] = {slot: self._joined(step, [one[slot] for one in self.made]) for slot in slots}
            made.update(self.joined[number])
        results = called(layer, step, made)
        for one, layers in zip(self.made, self.layers, strict=True):
            one.update({Slot(number, index): tensor for index, tensor in enumerate(results)})
            layers[number] = layer

    def _joined(self, step: Step, tensors: Sequence[Tensor]) -> Tensor:
        if all(one is tensors[0] for one in tensors):
            return tensors[0]
        return keras.layers.Average(name=self.names.new(f"{step.name}_join"))(list(tensors))

    def _call(self, number: int, step: Step, layer: Any, task: int) -> None:
        results = called(layer, step, self.made[task])
        self.layers[task][number] = layer
        self.made[task].update({Slot(number, index): tensor for index, tensor in enumerate(results)})

    def _shared(self, number: int, steps: Sequence[Step]) -> keras.Layer:
        name = steps[0].name
        if name not in self.shared:
            called = self.names.new(name)
            sources = tuple(step.operation for step in steps)
            self.shared[name] = Shared(called, again(steps[0], called), sources, number)
        return self.shared[name].layer

    def _private(self, step: Step, task: int | None) -> Any:
        key = (step.name, -1 if task is None else task)
        if key not in self.private:
            wanted = step.name if task is None else f"{self.tasks[task]}_{step.name}"
            self.private[key] = again(step, self.names.new(wanted)), step.operation
        return self.private[key][0]

    def settle(self) -> None:
        """Give all layers that were made their values."""
        for made, source in self.private.values():
            with_state_of(made, source)
        for one in self.shared.values():
            with_state_of(one.layer, one.sources[0])


def _input_like(tensor: Tensor, name: str) -> Tensor:
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)
