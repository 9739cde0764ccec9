"""What is decided of a zip before its first step: inputs, blocks that can be shared, and the depths of the rounds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import keras

from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.recipes.sources import Sources
from keras_weld.recipes.zip_asked import AUTO, Asked
from keras_weld.recipes.zip_start import align_sources
from keras_weld.zipping.blocks import Block, blocks_of
from keras_weld.zipping.heads import output_names
from keras_weld.zipping.lockstep import Trunk, trunk_of
from keras_weld.zipping.optimizing import require_training
from keras_weld.zipping.places import places_of
from keras_weld.zipping.sharing import Rule, facts_of, rule_of
from keras_weld.zipping.start import ALIGN, require_start
from keras_weld.zipping.trace import trace


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided of a zip.

    Attributes:
        tasks: names of the tasks.
        models: the source models, in their order.
        outputs: by task, what its outputs are called in a merged network.
        trunk: what they have in common.
        blocks: its blocks.
        rule: which layers are shared.
        separate: whether each task has an input of its own.
        depths: how many blocks are merged in each round, in the order of the rounds.
        notes: what a person should know.
    """

    tasks: Sequence[str]
    models: Sequence[keras.Model]
    outputs: Mapping[str, Sequence[str]]
    trunk: Trunk
    blocks: Sequence[Block]
    rule: Rule
    separate: bool
    depths: Sequence[int]
    notes: Sequence[str]

    def until(self, depth: int) -> int:
        """The number of the first step that is not merged where so many blocks are."""
        return self.blocks[depth - 1].end if depth else 0


def plan_of(sources: Sources, asked: Asked) -> Plan:
    """Decide it.

    Args:
        sources: the models, loaded.
        asked: how to zip.

    Raises:
        IncompatibleModelsError: if there is nothing to share.
        UsageError: for depths, starts, optimizers, schedules or places that there are not, or features of inputs that
            differ.
    """
    tasks, models = ([getattr(one, name) for one in sources.members] for name in ("name", "model"))
    if len(tasks) < 2:
        raise UsageError("There is nothing to zip.", expected="two models or more", found=len(tasks))
    if asked.start != AUTO:
        require_start(asked.start, tasks)
    if asked.start == ALIGN:
        align_sources(sources)
    require_training(asked.optimizer, asked.schedule)
    trunk = trunk_of([trace(model) for model in models])
    blocks, rule = blocks_of(trunk, asked.blocks), rule_of(asked.share)
    separate = separate_inputs(models, asked)
    require_shared(trunk, blocks, rule, asked.share, sources)
    places_of(trunk, blocks, asked.layers_at)
    depths = depths_of(asked.rounds, len(blocks))
    outputs = {task: output_names(one, task) for task, one in zip(tasks, trunk.traces, strict=True)}
    return Plan(tasks, models, outputs, trunk, blocks, rule, separate, depths, list(notes_of(trunk, blocks, sources)))


def notes_of(trunk: Trunk, blocks: Sequence[Block], sources: Sources) -> Iterator[str]:
    """What a person should know of what the models have in common."""
    names = [member.name for member in sources.members]
    for step, difference in trunk.unlike.items():
        yield (
            f"{trunk.steps[step].name} calculates otherwise in {names[0]} ({difference.expected}) than in others "
            f"({difference.found}): each task keeps its own."
        )
    if trunk.parting is not None:
        parting = trunk.parting
        yield (
            f"{names[parting.model]} parts from {names[0]} at {parting.difference.layer}: {parting.difference.text} "
            f"The {len(blocks)} blocks before it can be shared."
        )


def separate_inputs(models: Sequence[keras.Model], asked: Asked) -> bool:
    """Whether each task has an input of its own.

    Raises:
        UsageError: if features are to be shared and the tasks do not look at the same input.
    """
    forms = [[(tuple(one.shape), one.dtype) for one in model.inputs] for model in models]
    alike = all(form == forms[0] for form in forms)
    if asked.merge == "features" and (asked.separate or not alike):
        raise UsageError(
            "Features can be shared only where all tasks look at the same input.",
            expected=str(forms[0]),
            found="an input for each task" if alike else str(next(form for form in forms if form != forms[0])),
            remedy="Share weights: --merge weights (merge='weights').",
        )
    return asked.separate or not alike


def require_shared(trunk: Trunk, blocks: Sequence[Block], rule: Rule, share: object, sources: Sources) -> None:
    """Refuse models, or a rule, that leave nothing to share.

    Raises:
        IncompatibleModelsError: if the models part before their first block.
        UsageError: if the rule shares none of their layers.
    """
    parting = trunk.parting
    if blocks:
        if not any(rule(facts_of(trunk.steps, number)) for number in range(trunk.length)):
            raise UsageError(
                "The sharing rule shares none of the layers that the models have in common.",
                expected="all, kernels, or a pattern that matches some of them",
                found=str(share),
            )
        return
    told = (
        {}
        if parting is None
        else {
            "layer": parting.difference.layer,
            "expected": parting.difference.expected,
            "found": parting.difference.found,
        }
    )
    file = sources.members[1 if parting is None else parting.model].source
    raise IncompatibleModelsError(
        "The models part before their first block: there is nothing to share.",
        file=file,
        remedy="Zip models that were built from one backbone; weld check --for zip tells where they part.",
        **told,
    )


def depths_of(rounds: str | Sequence[int], count: int) -> list[int]:
    """How many blocks are merged in each round, in the order of the rounds.

    Args:
        rounds: as `zipper` takes it.
        count: how many blocks there are.

    Raises:
        UsageError: for depths that there are not.
    """
    if rounds == "all":
        return list(range(count + 1))
    if rounds == AUTO:
        step = max(1, math.ceil(count / 6))
        return [*range(count, 0, -step)]
    wrong = [one for one in rounds if not isinstance(one, int) or not 0 <= one <= count]
    if wrong or not rounds:
        raise UsageError(
            "There are not so many blocks.", expected=f"numbers from 0 to {count}", found=wrong or "no round"
        )
    return sorted({int(one) for one in rounds})
