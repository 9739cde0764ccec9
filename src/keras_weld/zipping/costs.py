"""What sharing saves, counted: weights to keep, and activations to hold while the network runs.

The columns of Table 1 of "On Merging MobileNets for Efficient Multitask Inference" (Wu, Chan, Chen; 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from keras_weld.models.replay import Tensor
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.sharing import kernels_of
from keras_weld.zipping.trace import Slot
from keras_weld.zipping.walk import Zipped


@dataclass(frozen=True, slots=True)
class Costs:
    """Sizes of the trunks of separate models and of a merged network, heads left out.

    Kernels alone are counted as weights: normalization is folded into them when a network is put to use. As
    activations, the results of layers with kernels are counted for one example: normalization and activation work in
    place.

    Attributes:
        separate_kernels: numbers in the kernels of all source models.
        merged_kernels: numbers in the kernels of the merged network.
        separate_activations: numbers in the activations of all source models.
        merged_activations: numbers in the activations of the merged network.
    """

    separate_kernels: int
    merged_kernels: int
    separate_activations: int
    merged_activations: int

    @property
    def compression(self) -> float:
        """How many times fewer weights the merged network has."""
        return self.separate_kernels / self.merged_kernels if self.merged_kernels else 1.0

    @property
    def activations(self) -> float:
        """How many times fewer activations the merged network has."""
        return self.separate_activations / self.merged_activations if self.merged_activations else 1.0

    @property
    def memory(self) -> float:
        """How many times less memory weights and activations together take."""
        separate = self.separate_kernels + self.separate_activations
        merged = self.merged_kernels + self.merged_activations
        return separate / merged if merged else 1.0


def costs_of(trunk: Trunk, zipped: Zipped) -> Costs:
    """Count the trunk of a merged network, and those of its sources.

    Sizes that the models leave open (a sequence's length) are counted as 1.
    """
    tasks = len(trunk.traces)
    sizes = {step.name: sum(math.prod(shape) for shape in kernels_of(step)) for step in trunk.steps}
    shared = {trunk.steps[one.step].name for one in zipped.shared}
    separate = tasks * sum(sizes.values())
    saved = (tasks - 1) * sum(sizes[name] for name in shared)
    each = [_activations(trunk, made) for made in zipped.tensors]
    merged = {key: size for one in each for key, size in one.items()}
    return Costs(separate, separate - saved, sum(sum(one.values()) for one in each), sum(merged.values()))


def _activations(trunk: Trunk, made: Mapping[Slot, Tensor]) -> dict[int, int]:
    """Sizes of the results of layers with kernels, by the identity of the tensor."""
    found = {}
    for slot, tensor in made.items():
        if slot.step >= 0 and kernels_of(trunk.steps[slot.step]):
            found[id(tensor)] = math.prod(size or 1 for size in tensor.shape[1:])
    return found
