"""The sequence of merged networks with what each costs and how well it does: what `weld zip` gives."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from keras_weld.core.made_of import made_of

_IN_A_ROW = ("value", "value_low", "value_high", "drop", "low", "high", "verdict")
"""What a row of the table says of a task."""


@dataclass(frozen=True, slots=True)
class TaskFigures:
    """How one task does in a merged network.

    Attributes:
        metric: what was measured, `accuracy`.
        value: the merged network's figure, on test examples where there are some.
        value_low: lower end of the figure's 95 % interval.
        value_high: its upper end.
        source: its source model's.
        source_low: lower end of that figure's 95 % interval.
        source_high: its upper end.
        drop: how much worse the merged network is, in the metric's unit (points for %); below 0 if it is better.
        low: lower end of the drop's 95 % interval.
        high: its upper end.
        verdict: `better`, `no worse`, `worse` or `cannot tell`.
        examples: the number of examples.
    """

    metric: str
    value: float
    value_low: float
    value_high: float
    source: float
    source_low: float
    source_high: float
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
class Peak:
    """Memory that was needed to answer one example: the weights, and the most that was held beside them at a time.

    Attributes:
        separate: bytes, for the source models one after the other.
        merged: bytes, for the network.
        ratio: how many times less the network needed.
    """

    separate: int
    merged: int
    ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a network costs, and how it does.

    Attributes:
        compression: how many times fewer kernel weights than the source models, heads left out.
        memory: how many times fewer activations and kernel weights, counted.
        activations: how many times fewer activations, counted.
        speedup: how many times as fast, by size of the batch.
        tasks: by task, how it does; empty without data.
        steps: steps of training.
        losses: pairs of step and mean loss of the training up to there.
        peak: memory as measured; None where the backend does not tell it.
        onnx: the speedup in ONNX Runtime; empty where it is not installed.
    """

    compression: float
    memory: float
    activations: float
    speedup: tuple[Speedup, ...]
    tasks: Mapping[str, TaskFigures]
    steps: int = 0
    losses: tuple[tuple[int, float], ...] = ()
    peak: Peak | None = None
    onnx: tuple[Speedup, ...] = ()

    @property
    def worst_drop(self) -> float | None:
        """The drop of the task that lost most; None without data."""
        return max((one.drop for one in self.tasks.values()), default=None)

    def within(self, max_drop: float | None, min_speedup: float | None) -> bool:
        """Whether no task drops more than allowed, and the network is as fast as asked for."""
        dropped = self.worst_drop
        fast = min_speedup is None or all(one.value >= min_speedup for one in self.speedup[:1])
        return fast and (max_drop is None or dropped is None or dropped <= max_drop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Figures):
    """One merged network.

    Attributes:
        merged_blocks: how many blocks are merged, from the input upward.
        file: its file's name in the folder.
        start: starting values of shared layers.
    """

    merged_blocks: int
    file: str
    start: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Figures):
    """What the merged networks are compared with.

    Attributes:
        name: what it is.
    """

    name: str


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
        max_drop: how much a task was allowed to lose; None for any amount.
        min_speedup: how many times as fast it had to be; None for no matter.
        notes: what a person should know.
        baselines: what the merged networks are compared with.
    """

    tasks: tuple[str, ...]
    blocks: int
    share: str
    merge: str
    rounds: tuple[Round, ...]
    chosen: int | None
    max_drop: float | None
    min_speedup: float | None
    notes: tuple[str, ...]
    baselines: tuple[Baseline, ...] = ()

    def as_json(self) -> str:
        """The text of `frontier.json`."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def as_csv(self) -> str:
        """The text of `frontier.csv`: a row for each baseline and each round."""
        text = io.StringIO(newline="")
        everyone: list[Round | Baseline] = [*self.baselines, *self.rounds]
        rows = [_row(one, self.tasks) for one in everyone]
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()


def _row(one: Round | Baseline, tasks: Sequence[str]) -> dict[str, Any]:
    """A row of `frontier.csv`; what was not measured has no entry."""
    merged = one.merged_blocks if isinstance(one, Round) else ""
    row: dict[str, Any] = {"network": "merged" if isinstance(one, Round) else one.name, "merged_blocks": merged}
    row |= {"compression": one.compression, "activations": one.activations, "memory": one.memory}
    for kind, found in (("speedup", one.speedup), ("onnx_speedup", one.onnx)):
        for each in found:
            row |= {f"{kind}_{each.batch}": each.value}
            row |= {f"{kind}_{each.batch}_low": each.low, f"{kind}_{each.batch}_high": each.high}
    if one.peak is not None:
        row |= {"peak_bytes": one.peak.merged, "peak_ratio": one.peak.ratio}
    row |= {"steps": one.steps, "file": one.file if isinstance(one, Round) else ""}
    for task in tasks:
        if task in one.tasks:
            figures = asdict(one.tasks[task])
            row |= {f"{task}_{what}": figures[what] for what in _IN_A_ROW}
    return row


def deepest_within(rounds: Sequence[Round], max_drop: float | None, min_speedup: float | None) -> int | None:
    """The merged blocks of the deepest round within the limits; None if there is none."""
    return max((one.merged_blocks for one in rounds if one.within(max_drop, min_speedup)), default=None)


def frontier_of(text: str) -> Frontier:
    """What `Frontier.as_json` wrote.

    Raises:
        ValueError, TypeError or AttributeError: if it is the text of no frontier.
    """
    return made_of(Frontier, json.loads(text))
