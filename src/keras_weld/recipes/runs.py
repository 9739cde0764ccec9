"""`weld runs`: the runs below a folder, by what they have written; no backend is needed, and no weight is read."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from keras_weld.errors import MissingFileError, WeldError
from keras_weld.training.checkpoints import Checkpoints
from keras_weld.training.holding import LOCK, is_held
from keras_weld.training.run_folder import CHECKPOINTS, RUN, read_run
from keras_weld.training.run_history import read_history

FIGURES = ("epoch", "step", "rate")
_VALIDATION = "val_"
_HIGHER = ("acc", "auc", "precision", "recall", "f1", "fbeta", "iou", "r2", "dice", "similarity")
"""What a metric's name has in it if more of it is better."""

_LOSSES = ("loss", "_distillation", "_layers")


class State(Enum):
    """What becomes of a run."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"
    RUNNING = "running"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class BestValue:
    """The best value of a metric.

    Attributes:
        metric: its name, as the history has it.
        value: the value.
        epoch: the epoch, from 1.
        examples: "validation" or "training": which examples it was measured on.
    """

    metric: str
    value: float
    epoch: int
    examples: str


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list of runs.

    Attributes:
        path: its folder.
        state: what becomes of it.
        epochs_done: finished epochs.
        epochs: epochs it is to have; None where that is not known.
        step: batches trained by the newest checkpoint.
        loss: of the last finished epoch.
        best: the best metric on the validation examples, if there are any, else on those of training.
        learning_rate: of the newest checkpoint.
        written: when it was last written, in UTC.
        starts: how often it was started.
        error: what is wrong with a damaged one.
    """

    path: str
    state: State
    epochs_done: int = 0
    epochs: int | None = None
    step: int = 0
    loss: float | None = None
    best: BestValue | None = None
    learning_rate: float | None = None
    written: str | None = None
    starts: int = 0
    error: str | None = None


def runs(folders: Sequence[str | os.PathLike[str]] = (".",)) -> list[RunRow]:
    """The runs in and below some folders, the one that was written last first.

    Args:
        folders: where to look.

    Raises:
        MissingFileError: if a folder is not there.
    """
    found = {path.resolve(): path for folder in folders for path in _below(Path(folder))}
    return sorted((row_of(path) for path in found.values()), key=lambda row: row.written or "", reverse=True)


def row_of(folder: Path) -> RunRow:
    """What one run has come to."""
    try:
        return _row(folder)
    except WeldError as error:
        return RunRow(os.fspath(folder), State.DAMAGED, written=_written(folder), error=error.problem)


def _row(folder: Path) -> RunRow:
    told = read_run(folder)
    history = read_history(folder)
    checkpoints = Checkpoints(folder / CHECKPOINTS)
    steps = checkpoints.steps()
    facts: Mapping[str, Any] = checkpoints.facts(steps[0]) if steps else {}
    last: Mapping[str, Any] = told["starts"][-1] if told["starts"] else {}
    state = State.RUNNING if is_held(folder) else State.FINISHED if last.get("finished") else State.INTERRUPTED
    return RunRow(
        path=os.fspath(folder),
        state=state,
        epochs_done=len(history),
        epochs=last.get("epochs"),
        step=steps[0] if steps else 0,
        loss=history[-1].get("loss") if history else None,
        best=best_of(history),
        learning_rate=facts.get("rate", last.get("learning_rate")),
        written=_written(folder),
        starts=len(told["starts"]),
    )


def best_of(history: Sequence[Mapping[str, Any]]) -> BestValue | None:
    """The best value of the first metric on the validation examples, else of training; of the loss if there is none."""
    names = dict.fromkeys(
        name for entry in history for name in entry if name not in FIGURES and _is_figure(entry[name])
    )
    ranked = sorted(names, key=lambda name: (_is_loss(name), not name.startswith(_VALIDATION), not _is_total(name)))
    if not ranked:
        return None
    name = ranked[0]
    higher = not _is_loss(name) and any(part in name for part in _HIGHER)
    reached = [(entry[name], entry["epoch"] + 1) for entry in history if _is_figure(entry.get(name))]
    value, epoch = (max if higher else min)(reached, key=lambda one: one[0])
    return BestValue(name, value, epoch, "validation" if name.startswith(_VALIDATION) else "training")


def _is_loss(name: str) -> bool:
    """Whether it is a loss, or a part of one, as a calibration in `weld zip` tells them."""
    return name.endswith(_LOSSES)


def _is_total(name: str) -> bool:
    return name.removeprefix(_VALIDATION) == "loss"


def _is_figure(value: Any) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _below(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise MissingFileError("There is no such folder.", file=folder, expected="a folder with runs in or below it")
    for path, inner, files in os.walk(folder):
        if RUN in files:
            inner.clear()  # a run is not looked for in a run
            yield Path(path)
        inner[:] = sorted(name for name in inner if not name.startswith("."))


def _written(folder: Path) -> str | None:
    times = list(_times([folder, folder / CHECKPOINTS]))
    return datetime.fromtimestamp(max(times), UTC).isoformat(timespec="seconds") if times else None


def _times(places: Iterable[Path]) -> Iterator[float]:
    for place in places:
        if place.is_dir():
            for entry in os.scandir(place):
                if entry.name != LOCK:  # which changes with every look at the run by a process that could train it
                    yield entry.stat(follow_symlinks=False).st_mtime
