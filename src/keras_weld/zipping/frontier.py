"""The sequence of merged networks with what each costs and how well it does: what `weld zip` gives."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keras_weld.core.made_of import made_of


@dataclass(frozen=True, slots=True)
class TaskFigures:
    """How one task does in a merged network.

    Attributes:
        metric: what was measured, `accuracy`.
        value: the merged network's figure, on test examples where there are some.
        source: its source model's.
        drop: how much worse the merged network is, in the metric's unit (points for %); below 0 if it is better.
        low: lower end of the drop's 95 % interval.
        high: its upper end.
        verdict: `better`, `no worse`, `worse` or `cannot tell`.
        examples: the number of examples.
    """

    metric: str
    value: float
    source: float
    drop: float
    low: float
    high: float
    verdict: str
    examples: int


@dataclass(frozen=True, slots=True)
class Speedup:
    """The merged network against the source models one after the other, on the same input.

    Attributes:
        batch: examples at a time.
        value: median of pairs timed in turn.
        low: lower quartile.
        high: upper quartile.
    """

    batch: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Round:
    """One merged network.

    Attributes:
        merged_blocks: how many blocks are merged, from the input upward.
        file: its file's name in the folder.
        compression: how many times fewer kernel weights than the source models, heads left out.
        memory: how many times fewer activations and kernel weights, counted.
        activations: how many times fewer activations, counted.
        speedup: how many times as fast, by size of the batch.
        start: starting values of shared layers.
        steps: steps of calibration.
        tasks: by task, how it does; empty without data.
        losses: pairs of step and mean loss of the calibration up to there.
    """

    merged_blocks: int
    file: str
    compression: float
    memory: float
    activations: float
    speedup: tuple[Speedup, ...]
    start: str
    steps: int
    tasks: Mapping[str, TaskFigures]
    losses: tuple[tuple[int, float], ...] = ()

    @property
    def worst_drop(self) -> float | None:
        """The drop of the task that lost most; None without data."""
        return max((one.drop for one in self.tasks.values()), default=None)

    def within(self, max_drop: float | None, min_speedup: float | None) -> bool:
        """Whether no task drops more than allowed, and the network is as fast as asked for."""
        dropped = self.worst_drop
        fast = min_speedup is None or all(one.value >= min_speedup for one in self.speedup[:1])
        return fast and (max_drop is None or dropped is None or dropped <= max_drop)


@dataclass(frozen=True, slots=True)
class Frontier:
    """What a zip gave.

    Attributes:
        tasks: names of the tasks; of one whose model has several outputs, TASK_OUTPUT for each.
        blocks: how many blocks the models have in common.
        share: the sharing rule.
        merge: `features` or `weights`.
        rounds: the merged networks, the least merged first.
        chosen: `merged_blocks` of the one that was chosen: the deepest within the limits; None if none is.
        notes: what a person should know.
    """

    tasks: tuple[str, ...]
    blocks: int
    share: str
    merge: str
    rounds: tuple[Round, ...]
    chosen: int | None
    notes: tuple[str, ...]

    def as_json(self) -> str:
        """The text of `frontier.json`."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def as_csv(self) -> str:
        """The text of `frontier.csv`: a row for each round."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        batches = [one.batch for one in self.rounds[0].speedup] if self.rounds else []
        figures = [f"{task}_{what}" for task in self.tasks for what in ("value", "drop", "low", "high", "verdict")]
        speedups = [f"speedup_{batch}" for batch in batches]
        writer.writerow(["merged_blocks", "compression", "activations", "memory", *speedups, "steps", "file", *figures])
        for one in self.rounds:
            row: list[Any] = [one.merged_blocks, one.compression, one.activations, one.memory]
            row += [*(found.value for found in one.speedup), one.steps, one.file]
            for task in self.tasks:
                found = one.tasks.get(task)
                row += [""] * 5 if found is None else [found.value, found.drop, found.low, found.high, found.verdict]
            writer.writerow(row)
        return text.getvalue()


def deepest_within(rounds: Sequence[Round], max_drop: float | None, min_speedup: float | None) -> int | None:
    """The merged blocks of the deepest round within the limits; None if there is none."""
    return max((one.merged_blocks for one in rounds if one.within(max_drop, min_speedup)), default=None)


def frontier_of(text: str) -> Frontier:
    """What `Frontier.as_json` wrote.

    Raises:
        ValueError, TypeError or AttributeError: if it is the text of no frontier.
    """
    return made_of(Frontier, json.loads(text))
