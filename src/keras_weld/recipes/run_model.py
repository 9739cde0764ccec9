"""A model out of a run's folder: as it is at the end, at its best epoch, or at any whose checkpoint is kept."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import keras

from keras_weld.errors import TrainingError, UsageError
from keras_weld.io.limits import Limits
from keras_weld.models.load import load
from keras_weld.recipes.kept_recipe import kept_recipe
from keras_weld.recipes.train_parts import build
from keras_weld.training.best import Criterion, parse_best
from keras_weld.training.checkpoints import Checkpoints
from keras_weld.training.run_folder import ARCHITECTURE, CHECKPOINTS, MODEL, RECIPE, read_run
from keras_weld.training.run_history import measured
from keras_weld.training.variables import MODEL as OF_MODEL
from keras_weld.training.variables import OPTIMIZER, set_variables

LAST = "last"
_EPOCH = re.compile(r"epoch +(\d+)")


def model_of_run(
    run: Path,
    which: str = LAST,
    *,
    architecture: str | os.PathLike[str] | None = None,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
) -> tuple[keras.Model, list[str]]:
    """A model of a run, with the optimizer's state of that moment.

    Args:
        run: the folder of the run.
        which: `last`, `best`, `epoch 7`, or a metric with its direction, such as `highest val_accuracy`. `best` is
            what the run was told by `best=`; by default the lowest loss, that of validation where there is one.
        architecture: for a run that does not tell how its model is built: a file with the compiled model.
        custom_objects: classes and functions of your own that the model needs, as `load` takes them.
        unsafe: also build what carries Python code.
        limits: what a file may ask for.

    Returns:
        The model, and what a person should know.

    Raises:
        UsageError: if there is no such epoch or its checkpoint is not kept, naming those that are.
        TrainingError: if nothing tells how the model is built.
        WeldError: if a file of the run is damaged, or the model cannot be built.
    """
    finished = run / MODEL
    options: dict[str, Any] = {"custom_objects": custom_objects, "unsafe": unsafe, "limits": limits}
    told = read_run(run)
    starts = told["starts"]
    if which == LAST and finished.is_file() and (not starts or starts[-1].get("finished")):
        return load(finished, **options), []
    checkpoints = Checkpoints(run / CHECKPOINTS)
    step = _step(run, told, which, checkpoints)
    model = _built(run, told, architecture, options)
    checkpoint = checkpoints.read(step)
    model.optimizer.build(model.trainable_variables)
    set_variables(model, checkpoint.arrays, (OF_MODEL, OPTIMIZER), os.fspath(run))
    return model, [_moment(checkpoint.facts, step), *_averages(model)]


def _built(
    run: Path, told: Mapping[str, Any], architecture: str | os.PathLike[str] | None, options: Mapping[str, Any]
) -> keras.Model:
    """The compiled model that the run trains, with whatever weights."""
    file = None if architecture is None else Path(architecture)
    if file is None and (run / MODEL).is_file() and not told["changes"]:
        file = run / MODEL
    if file is None and (run / RECIPE).is_file():
        kept, asked = kept_recipe(run)
        with chdir(asked.folder):
            model = build(kept)
    else:
        file = file or next((run / name for name in (ARCHITECTURE, MODEL) if (run / name).is_file()), None)
        if file is None:
            raise _untold(run)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*holds the architecture alone")
            model = load(file, **options)
    if not model.built or not model.compiled:
        raise TrainingError(
            "The model is not built and compiled, and the run's checkpoints do not tell how.",
            file=file or run,
            expected="a model with its input's shape that is compiled as in the run",
            found="a model that is not compiled" if model.built else "a model without an input's shape",
            remedy="Let the run come to its end, or save the compiled model and give it as --architecture.",
        )
    return model


def _untold(run: Path) -> TrainingError:
    return TrainingError(
        "The run has not come to its end yet, and does not tell how the model is built.",
        file=run,
        expected=f"{ARCHITECTURE}, which is written at the start, {MODEL}, which is written at the end, or {RECIPE}",
        found="a run of a script whose model's classes cannot tell their settings, or of an older keras-weld",
        remedy="Give the compiled model too: weld.save(build(), 'start.keras') in Python, then --architecture "
        "start.keras (in Python: architecture='start.keras').",
    )


def _step(run: Path, told: Mapping[str, Any], which: str, checkpoints: Checkpoints) -> int:
    """The step of the checkpoint that is asked for."""
    steps = checkpoints.steps()
    if not steps:
        raise TrainingError("The run has no checkpoint yet.", file=run, remedy="Go on with it first.")
    if which == LAST:
        newest, _ = checkpoints.newest()
        return steps[0] if newest is None else newest.step
    history = checkpoints.facts(steps[0])["history"]
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


def _moment(facts: Mapping[str, Any], step: int) -> str:
    if facts["batch"] or not facts["history"]:
        return f"The model is that of step {step}, within epoch {facts['epoch'] + 1}."
    figures = ", ".join(f"{name} {value:.4g}" for name, value in measured(facts["history"][-1]).items())
    return f"The model is that at the end of epoch {facts['epoch']} (step {step}): {figures}."


def _averages(model: keras.Model) -> list[str]:
    if not getattr(model.optimizer, "use_ema", False):
        return []
    return ["The optimizer keeps moving averages of the weights; the model has the weights themselves."]
