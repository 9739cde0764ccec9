"""Which checkpoint of a run is meant: the last, the best, that of an epoch, or that with the best of a metric."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_weld.errors import TrainingError, UsageError
from keras_weld.recipes.kept_recipe import kept_recipe
from keras_weld.training.best import Criterion, parse_best
from keras_weld.training.checkpoints import Checkpoints
from keras_weld.training.run_folder import RECIPE

LAST = "last"
HistoryAt = Callable[[int], Sequence[Mapping[str, Any]]]
_EPOCH = re.compile(r"epoch +(\d+)")


def step_of(run: Path, told: Mapping[str, Any], which: str, checkpoints: Checkpoints, history_at: HistoryAt) -> int:
    """The step of the checkpoint that is asked for.

    Args:
        run: the folder of the run.
        told: what its `run.json` tells.
        which: `last`, `best`, `epoch 7`, or a metric with its direction.
        checkpoints: those of the run.
        history_at: gives the epochs that were finished at the step of the newest checkpoint.

    Raises:
        UsageError: if there is no such epoch or its checkpoint is not kept, naming those that are.
        TrainingError: if there is no checkpoint.
    """
    steps = checkpoints.steps()
    if not steps:
        raise TrainingError("The run has no checkpoint yet.", file=run, remedy="Go on with it first.")
    if which == LAST:
        newest, _ = checkpoints.newest()
        return steps[0] if newest is None else newest.step
    history = history_at(steps[0])
    step = _step_in(history, told, which, run)
    if step not in steps:
        kept = [str(entry["epoch"] + 1) for entry in history if entry["step"] in steps]
        raise UsageError(
            "The checkpoint of this epoch is not kept.",
            file=run,
            expected=f"an epoch whose checkpoint is there: {', '.join(kept) or 'none'}",
            found=which,
            remedy="More are kept by keep=…, and others as the best by best=…, when the run is trained.",
        )
    return step


def _step_in(history: Sequence[Mapping[str, Any]], told: Mapping[str, Any], which: str, run: Path) -> int:
    if match := _EPOCH.fullmatch(which):
        ends = {entry["epoch"] + 1: entry["step"] for entry in history}
        if int(match[1]) not in ends:
            raise UsageError(
                "The run has no such epoch.", file=run, expected=f"one of 1 to {max(ends, default=0)}", found=which
            )
        return int(ends[int(match[1])])
    best = _best(run, told) if which == "best" else _direction(which, run)
    if history:
        best.check(history[-1])
    step = best.step(history)
    if step is None:
        raise UsageError("No epoch of the run is finished, or none has a finite value.", file=run, found=which)
    return step


def _best(run: Path, told: Mapping[str, Any]) -> Criterion:
    if "best" in told:
        return parse_best(told["best"])
    return parse_best(kept_recipe(run)[0].recipe.best) if (run / RECIPE).is_file() else Criterion()


def _direction(which: str, run: Path) -> Criterion:
    try:
        return parse_best(which)
    except UsageError as error:
        raise UsageError(
            "Which model of the run is meant cannot be read.",
            file=run,
            expected='last, best, "epoch 7", or a metric such as "highest val_accuracy"',
            found=which,
        ) from error
