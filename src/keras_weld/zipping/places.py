"""Where the merged network's feature maps are held to its sources' (eq. 2 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keras_weld.errors import UsageError
from keras_weld.zipping.blocks import Block
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.sharing import facts_of, rule_of
from keras_weld.zipping.trace import Slot, Step

BLOCKS = "blocks"
_ACTIVATIONS = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Relu", "Relu6", "Gelu", "Silu"})


def places_of(trunk: Trunk, blocks: Sequence[Block], at: str) -> list[Slot]:
    """The tensors of the trunk that are compared.

    Args:
        trunk: what the models have in common.
        blocks: its blocks.
        at: "blocks" for what comes out of each block, or a sharing rule: for each of its layers, what comes out after
            the normalization and activation that follow it.

    Raises:
        UsageError: if the rule matches no layer.
    """
    if at == BLOCKS:
        return [Slot(block.end - 1) for block in blocks]
    rule, following = rule_of(at), _following(trunk)
    found = [
        Slot(_last(trunk.steps, number, following))
        for number, step in enumerate(trunk.steps)
        if step.weights and rule(facts_of(trunk.steps, number))
    ]
    if not found:
        raise UsageError(
            "No layer is held to the sources' feature maps: none that the models share has such a name.",
            expected="blocks, pointwise, kernels, all, or a pattern that matches some of them",
            found=at,
        )
    return list(dict.fromkeys(found))


def _following(trunk: Trunk) -> Mapping[int, list[int]]:
    """By step, the steps of the trunk that take what it gives."""
    found: dict[int, list[int]] = {}
    for number, step in enumerate(trunk.steps):
        for slot in step.inbound:
            found.setdefault(slot.step, []).append(number)
    return found


def _last(steps: Sequence[Step], number: int, following: Mapping[int, list[int]]) -> int:
    """The last of the normalization and activation layers that follow a step by themselves."""
    while len(after := following.get(number, [])) == 1 and _finishes(steps[after[0]]):
        number = after[0]
    return number


def _finishes(step: Step) -> bool:
    name = step.layer.class_name.rpartition(">")[2]
    return len(step.inbound) == 1 and (name.endswith("Normalization") or name in _ACTIVATIONS)
