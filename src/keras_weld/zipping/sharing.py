"""Which layers of a merged block the tasks share, and which each task keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from keras_weld.core.table import Table
from keras_weld.errors import UsageError
from keras_weld.zipping.trace import Step

_KERNELS = re.compile(r"kernel|embeddings")


@dataclass(frozen=True, slots=True)
class LayerFacts:
    """What a sharing rule sees of a layer.

    Attributes:
        name: its name, those of the models around it first: `backbone/conv1`.
        class_name: its class.
        config: what its class is built from.
        kernels: shapes of its kernels.
        before: the layer whose result it takes, where it takes one alone; nothing is said of the layers before that.
    """

    name: str
    class_name: str
    config: dict[str, Any]
    kernels: tuple[tuple[int, ...], ...]
    before: LayerFacts | None = None


Rule = Callable[[LayerFacts], bool]
"""Whether the tasks share a layer, by what is known of it."""


RULES: Table[Rule] = Table("sharing rule", group="keras_weld.sharing")


@RULES.add("pointwise")
def pointwise(layer: LayerFacts) -> bool:
    """Convolutions of 1 x 1 alone, as in the paper (section 3): depthwise ones and normalization stay private."""
    sizes = layer.config.get("kernel_size")
    sizes = sizes if isinstance(sizes, list | tuple) else [sizes]
    convolution = layer.class_name.startswith("Conv") and "Transpose" not in layer.class_name
    return convolution and all(size == 1 for size in sizes)


@RULES.add("pointwise+norm")
def pointwise_with_norm(layer: LayerFacts) -> bool:
    """Convolutions of 1 x 1 and the normalization that follows on them, as in the paper's released code."""
    follows = layer.before is not None and pointwise(layer.before)
    return pointwise(layer) or (follows and layer.class_name.endswith("Normalization"))


@RULES.add("kernels")
def kernels(layer: LayerFacts) -> bool:
    """Every layer with a kernel; normalization stays private."""
    return bool(layer.kernels)


@RULES.add("all")
def everything(layer: LayerFacts) -> bool:
    """Every layer."""
    return True


def rule_of(share: str | Rule) -> Rule:
    """The rule that a word, a regular expression for names of layers, or a function stands for.

    Raises:
        UsageError: if it is none of them.
    """
    if callable(share):
        return share
    if share in RULES:
        return RULES[share]
    try:
        expression = re.compile(share)
    except (re.error, TypeError) as error:
        raise UsageError(
            "There is no such sharing rule.",
            expected=f"{', '.join(RULES)}, or a regular expression for names of layers",
            found=f"{share!r}: {error}",
        ) from error
    return lambda layer: expression.search(layer.name) is not None


def facts_of(steps: Sequence[Step], number: int) -> LayerFacts:
    """What a rule sees of the layer of one step."""
    inbound = steps[number].inbound
    before = steps[inbound[0].step] if len(inbound) == 1 and inbound[0].step >= 0 else None
    return _facts(steps[number], None if before is None else _facts(before, None))


def _facts(step: Step, before: LayerFacts | None) -> LayerFacts:
    return LayerFacts(step.name, step.layer.class_name, step.layer.config, tuple(kernels_of(step)), before)


def kernels_of(step: Step) -> list[tuple[int, ...]]:
    """The shapes of a layer's kernels, those of its parts too."""
    return [tuple(one.shape) for one in step.weights if _KERNELS.search(one.name)]
