"""Least squares as a start: shared layers fitted one after the other, from the input upward, without labels.

A shared layer takes the values with which, on what it is given in the merged network, it comes nearest to what the
layers that it stands for gave in networks of their own. By weights or by features, each task counts on its own examples
alone: these are what its answers will be asked for. The statistics of batch normalization behind are carried over to
what is then given to them, and its scale and offset are fitted, each task's own too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_weld.data.batch import Array, parts_of
from keras_weld.models.replay import Tensor
from keras_weld.stats.held import Held
from keras_weld.stats.linear_layers import by_channel, linear_parts
from keras_weld.stats.linear_part import LinearPart, product
from keras_weld.weights.least_squares import Products, least_squares
from keras_weld.weights.moments import Moments, carried_over, mixed
from keras_weld.zipping.heads import Head
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.sharing import LayerFacts, kernels_of
from keras_weld.zipping.trace import Slot
from keras_weld.zipping.walk import Shared, Zipped

MOST_WIDTH = 8192
"""Kernels with more inputs are not fitted: products of all pairs of inputs are added up."""
_NUMBERS = 1 << 22  # in the rows that are multiplied at a time
Pairs = Iterator[tuple[int, Array, Array]]
"""The number of a task, and what a layer is given on some of its examples: in the merged network, and before."""


def kept_rule(network: Zipped, trunk: Trunk) -> Callable[[LayerFacts], bool]:
    """The rule that shares those layers alone that the source models have alike already, by an earlier round."""
    kept = {trunk.steps[one.step].name for one in network.shared if _alike(one)}
    return lambda layer: layer.name in kept


def fit_shared(
    network: Zipped,
    before: Zipped,
    trunk: Trunk,
    examples: Mapping[str, Array | list[Array]],
    tell: Callable[[str], None] = lambda name: None,
    *,
    statistics_alone: bool = False,
) -> list[str]:
    """Fit the layers that the tasks share, beginning with the values that they have.

    Args:
        network: the merged network; its shared layers have the values that least squares are regularized towards.
        before: the same walk with what was shared until now, by `kept_rule`.
        trunk: what the source models have in common.
        examples: by task, inputs without labels, a list of them if its model has several.
        tell: called with the name of each layer that is done.
        statistics_alone: carry over the statistics of batch normalization, and leave all else as it is.

    Returns:
        The names of shared layers whose kernels have no closed form, are too wide, or are called more than once:
        they stay as they are.
    """
    fit = _Fit(network, before, trunk, examples)
    first = min((one.step for one in network.shared if not _alike(one)), default=trunk.length)
    for number in range(first, trunk.length):
        if fit.step(number, kernels=not statistics_alone):
            tell(trunk.steps[number].name)
    if first < trunk.length:
        for task in range(len(trunk.traces)):
            fit.head(task)
    return fit.left


class _Fit:
    """One pass through the trunk."""

    def __init__(
        self, network: Zipped, before: Zipped, trunk: Trunk, examples: Mapping[str, Array | list[Array]]
    ) -> None:
        self.network, self.before, self.trunk = network, before, trunk
        self.mine = [Held(network.inputs[task], parts_of(x)) for task, x in examples.items()]
        self.others = [Held(before.inputs[task], parts_of(x)) for task, x in examples.items()]
        self.shared = {one.step: one for one in network.shared if not _alike(one)}
        names = [step.name for step in trunk.steps]
        self.again = {name for name in names if names.count(name) > 1}
        self.last = _last_uses(trunk)
        self.left: list[str] = []

    def step(self, number: int, *, kernels: bool) -> bool:
        """Fit what stands at a step; whether there was anything."""
        step, shared = self.trunk.steps[number], self.shared.get(number)
        if step.name in self.again:
            self._leave(shared)
            return False
        if _normalizes(step.operation):
            self._carry_statistics(number)
            if kernels and not self._is_one(number):
                for task, layers in enumerate(self.network.layers):
                    self._fit(number, layers[number], [task])
        elif shared is None:
            return False
        if shared is not None and kernels:
            widths = [part.matrices.shape[1] for part in linear_parts(shared.layer)]
            if 0 < max(widths, default=0) <= MOST_WIDTH:
                self._fit(number, shared.layer, range(len(self.mine)))
            else:
                self._leave(shared)
        return True

    def _is_one(self, number: int) -> bool:
        """Whether all tasks have the same layer there."""
        return all(layers[number] is self.network.layers[0][number] for layers in self.network.layers)

    def _leave(self, shared: Shared | None) -> None:
        if shared is not None and kernels_of(self.trunk.steps[shared.step]):
            self.left.append(shared.name)

    def _fit(self, number: int, layer: keras.Layer, tasks: Sequence[int]) -> None:
        """Have a layer give what those of some tasks gave, each of its kernels after the other."""
        mine = linear_parts(layer)
        others = {task: linear_parts(self.before.layers[task][number]) for task in tasks}
        for depth in range(1, len(mine) + 1):
            last = mine[depth - 1]
            prior = last.matrices
            sums = {task: Products.of_shape(prior.shape) for task in tasks}
            for task, x, z in self._pairs(number, tasks):
                for some in _pieces(mine[0], x):
                    targets = _rows(others[task][:depth], z[some])
                    wanted = product(targets, others[task][depth - 1].matrices)
                    sums[task].add(_rows(mine[:depth], x[some]), wanted)
            last.give(least_squares(list(sums.values()), prior, biased=last.has_bias))

    def _carry_statistics(self, number: int) -> None:
        layers, earlier = ([one[number] for one in network.layers] for network in (self.network, self.before))
        moments = [_moments(layer) for layer in layers]
        for task, x, z in self._pairs(number, range(len(layers))):
            moments[task][0].add(by_channel(earlier[task], z))
            moments[task][1].add(by_channel(layers[task], x))
        found = [_carried(layer, *pair) for layer, pair in zip(earlier, moments, strict=True)]
        for layer, values in zip(layers, [mixed(found)] * len(found) if self._is_one(number) else found, strict=True):
            _give_statistics(layer, values)

    def head(self, task: int) -> None:
        """Carry over the statistics in the head of a task."""
        heads = self.network.heads[task], self.before.heads[task]
        calls = [step.name for step in self.trunk.traces[task].steps[self.trunk.length :]]
        named = zip(dict.fromkeys(calls), heads[0].layers, heads[1].layers, strict=True)
        pairs = [(new, old) for name, (new, _), (old, _) in named if _normalizes(new) and calls.count(name) == 1]
        if not pairs:
            return
        mine = self.mine[task].on_to(heads[0].model.inputs, _taken(self.network, heads[0], task))
        before = self.others[task].on_to(heads[1].model.inputs, _taken(self.before, heads[1], task))
        for new, old in pairs:
            moments = _moments(new)
            for (x,), (z,) in zip(mine.batches([new.input]), before.batches([old.input]), strict=True):
                moments[0].add(by_channel(old, z))
                moments[1].add(by_channel(new, x))
            _give_statistics(new, _carried(old, *moments))

    def _pairs(self, number: int, tasks: Sequence[int]) -> Pairs:
        slot = self.trunk.steps[number].inbound[0]
        for task in tasks:
            mine, others = self.mine[task], self.others[task]
            mine.hold(self._needed(self.network, task, number))
            others.hold(self._needed(self.before, task, number))
            entering = [_entering(one, task, number, slot) for one in (self.network, self.before)]
            for (x,), (z,) in zip(mine.batches(entering[:1]), others.batches(entering[1:]), strict=True):
                yield task, x, z

    def _needed(self, network: Zipped, task: int, number: int) -> list[Tensor]:
        """All that a task's trunk from a step on is calculated from: where activations join, those of all tasks."""
        streams = network.tensors if network.joined else network.tensors[task : task + 1]
        slots = [slot for slot, last in self.last.items() if slot.step < number <= last]
        return [stream[slot] for stream in streams for slot in slots]


def _alike(shared: Shared) -> bool:
    """Whether the source models have one and the same layer there."""
    values = [[keras.ops.convert_to_numpy(one) for one in source.weights] for source in shared.sources]
    return all(np.array_equal(a, b) for other in values[1:] for a, b in zip(values[0], other, strict=True))


def _last_uses(trunk: Trunk) -> dict[Slot, int]:
    """For each tensor of the trunk, the last step of the trunk that takes it; its length for those that heads take."""
    last: dict[Slot, int] = {}
    for one in trunk.traces:
        for number, step in enumerate(one.steps):
            last.update({slot: max(last.get(slot, 0), min(number, trunk.length)) for slot in step.inbound})
        last.update(dict.fromkeys(one.outputs, trunk.length))
    return {slot: number for slot, number in last.items() if slot.step < trunk.length}


def _entering(network: Zipped, task: int, number: int, slot: Slot) -> Tensor:
    return network.joined.get(number, {}).get(slot, network.tensors[task][slot])


def _pieces(part: LinearPart, x: Array) -> Iterator[slice]:
    """Slices of examples whose rows take little memory."""
    count = max(1, _NUMBERS // part.rows(x[:1]).size)
    yield from (slice(start, start + count) for start in range(0, len(x), count))


def _rows(parts: tuple[LinearPart, ...], x: Array) -> Array:
    """The rows of the last of a layer's parts."""
    for part in parts[:-1]:
        x = product(part.rows(x), part.matrices)
    return parts[-1].rows(x)


def _taken(network: Zipped, head: Head, task: int) -> list[Tensor]:
    """What the head of a task takes of its trunk."""
    return [network.tensors[task][slot] for slot in head.taken]


def _normalizes(layer: Any) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _moments(layer: Any) -> tuple[Moments, Moments]:
    """Room for those of the inputs before and after a change."""
    width = layer.moving_mean.shape[0]
    return Moments.of_width(width), Moments.of_width(width)


def _carried(layer: Any, before: Moments, after: Moments) -> tuple[Array, Array]:
    mean, variance = (keras.ops.convert_to_numpy(one) for one in (layer.moving_mean, layer.moving_variance))
    return carried_over(mean, variance, layer.epsilon, before, after)


def _give_statistics(layer: Any, values: tuple[Array, Array]) -> None:
    layer.moving_mean.assign(values[0])
    layer.moving_variance.assign(values[1])
