"""The blocks of a trunk, found from its graph: what is merged in one go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from keras_weld.errors import UsageError
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.sharing import kernels_of
from keras_weld.zipping.trace import Slot, Step, Trace


@dataclass(frozen=True, slots=True)
class Block:
    """Steps of a trunk that are merged together.

    Attributes:
        start: the number of its first step.
        end: the number after its last.
        kernels: the classes of its layers with kernels, in order.
    """

    start: int
    end: int
    kernels: tuple[str, ...]


def blocks_of(trunk: Trunk, pattern: str | None = None) -> tuple[Block, ...]:
    """The blocks of a trunk, from the input upward.

    A block lies between two *cuts*: places where one tensor alone goes on. It holds a layer that mixes channels
    (any kernel but a depthwise one) and ends where the next kernel begins, so normalization and activation belong
    to the kernel before them. What stands first and looks like nothing after it, as the first convolution of a
    MobileNet or a ResNet does, is the stem, and belongs to the first block.

    Args:
        trunk: what the models have in common.
        pattern: a regular expression for the names of layers, in place of all that: steps with the same match (of
            its first group, if it has one) are a block, with those behind them that do not match.

    Raises:
        UsageError: if the pattern is no regular expression, or matches no layer of the trunk.
    """
    if pattern is not None:
        return tuple(_named(trunk, pattern))
    blocks = list(_found(trunk))
    if len(blocks) > 2 and blocks[0].kernels != blocks[1].kernels:
        blocks[:2] = [_block(trunk.steps, blocks[0].start, blocks[1].end)]
    return tuple(blocks)


def cuts_of(trunk: Trunk) -> list[int]:
    """Numbers of the steps after which, in all models, the step's result is the only tensor that is still needed."""
    found = [set(_cuts(one, trunk.length)) for one in trunk.traces]
    return sorted(set.intersection(*found))


def _cuts(one: Trace, length: int) -> Iterator[int]:
    last: dict[Slot, int] = {}
    for number, step in enumerate(one.steps):
        last.update(dict.fromkeys(step.inbound, number))
    last.update(dict.fromkeys(one.outputs, len(one.steps)))
    needed = {slot for slot in last if slot.step < 0}
    by_step: dict[int, list[Slot]] = {}
    for slot in last:
        by_step.setdefault(slot.step, []).append(slot)
    for number in range(length):
        needed.update(by_step.get(number, ()))
        needed = {slot for slot in needed if last[slot] > number}
        if needed == {Slot(number)}:
            yield number


def _found(trunk: Trunk) -> Iterator[Block]:
    start = at = 0
    mixed = False
    for cut in cuts_of(trunk):
        segment = trunk.steps[at : cut + 1]
        if mixed and any(kernels_of(step) for step in segment):
            yield _block(trunk.steps, start, at)
            start, mixed = at, False
        mixed = mixed or any(_mixes(step) for step in segment)
        at = cut + 1
    if start < trunk.length and any(kernels_of(step) for step in trunk.steps[start:]):
        yield _block(trunk.steps, start, trunk.length)


def _mixes(step: Step) -> bool:
    return bool(kernels_of(step)) and not step.layer.class_name.startswith("Depthwise")


def _block(steps: Sequence[Step], start: int, end: int) -> Block:
    return Block(start, end, tuple(step.layer.class_name for step in steps[start:end] if kernels_of(step)))


def _named(trunk: Trunk, pattern: str) -> Iterator[Block]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            "The blocks are not given by a regular expression.",
            expected="a regular expression for names of layers, such as 'conv_pw_([0-9]+)'",
            found=f"{pattern!r}: {error}",
        ) from error
    start, key = 0, None
    for number, step in enumerate(trunk.steps):
        match = expression.search(step.name)
        if match is None:
            continue
        this = match.group(1) if match.groups() else match.group(0)
        if key is not None and this != key:
            yield _block(trunk.steps, start, number)
            start = number
        key = this
    if key is None:
        raise UsageError(
            "No layer that the models share has such a name, so there are no blocks.",
            expected="a pattern that matches some of " + ", ".join([one.name for one in trunk.steps][:12]),
            found=pattern,
            remedy="weld inspect --layers shows the names of all layers.",
        )
    yield _block(trunk.steps, start, trunk.length)
