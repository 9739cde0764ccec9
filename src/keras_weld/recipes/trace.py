"""What a rehearsal has left behind: every process, step, checkpoint and batch of it, in order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from keras_weld.training.rehearsal import CHECKPOINT, STEP, TRACE


@dataclass(slots=True)
class RunTrace:
    """What was seen of one run.

    Attributes:
        name: of its folder.
        path: the folder that the script names.
        steps: batches that were begun, the highest number of them plus one.
        checkpoints: the steps that checkpoints were taken at.
        seconds: what a step, and what a checkpoint took, in the middle.
        begun: the step that each process began with.
        kills: what was going on when a process was killed, and the step.
        batches: the digests of batches by feed and number, those that were read last.
        callbacks: the digests of what callbacks remember, by step, those that were noted last.
    """

    name: str
    path: str
    steps: int = 0
    checkpoints: list[int] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    begun: list[int] = field(default_factory=list)
    kills: list[tuple[str, int]] = field(default_factory=list)
    batches: dict[tuple[str, int], str] = field(default_factory=dict)
    callbacks: dict[int, dict[str, str]] = field(default_factory=dict)


def read_trace(folder: Path) -> dict[str, RunTrace]:
    """The runs of a rehearsal by name, in their order; a line that a kill has cut off is left out."""
    found: dict[str, RunTrace] = {}
    times: dict[str, list[tuple[str, float]]] = {}
    fresh: set[str] = set()
    for line in (folder / TRACE).read_text("utf-8").splitlines() if (folder / TRACE).is_file() else ():
        told = _parsed(line)
        what, name = told.get("what"), told.get("run", "")
        if what == "process":
            fresh.clear()
        elif what == "placed":
            found.setdefault(name, RunTrace(name, told["path"]))
        elif name in found:
            _enter(found[name], told, fresh, times.setdefault(name, []))
    for name, run in found.items():
        run.seconds = _seconds(times.get(name, []))
    return found


def _enter(run: RunTrace, told: Mapping[str, Any], fresh: set[str], times: list[tuple[str, float]]) -> None:
    what = told["what"]
    if what == "batch":
        run.batches[told["feed"], told["number"]] = told["digest"]
    elif what == "callbacks":
        run.callbacks[told["step"]] = told["known"]
    elif what == "kill":
        run.kills.append((told["kind"], told["step"]))
    else:
        times.append((what, told["time"]))
        if what == CHECKPOINT:
            run.checkpoints.append(told["step"])
        else:
            run.steps = max(run.steps, told["step"] + 1)
            if run.name not in fresh:
                fresh.add(run.name)
                run.begun.append(told["step"])


def _seconds(times: list[tuple[str, float]]) -> dict[str, float]:
    """The usual time from a moment of each kind to whatever comes next."""
    found: dict[str, list[float]] = {STEP: [], CHECKPOINT: []}
    for (kind, begun), (_, ended) in pairwise(times):
        found[kind].append(ended - begun)
    return {kind: median(values) if values else 0.0 for kind, values in found.items()}


def _parsed(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
