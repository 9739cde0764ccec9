"""A model out of a run's folder: as it is at the end, at its best epoch, or at any whose checkpoint is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_weld.io.limits import Limits
from keras_weld.models.load import load
from keras_weld.recipes.run_built import built_compiled
from keras_weld.recipes.run_step import LAST, step_of
from keras_weld.recipes.stages_model import model_of_stages
from keras_weld.training.checkpoints import Checkpoints
from keras_weld.training.run_folder import CHECKPOINTS, MODEL, read_run
from keras_weld.training.run_history import measured
from keras_weld.training.stages_folder import is_in_stages
from keras_weld.training.variables import MODEL as OF_MODEL
from keras_weld.training.variables import OPTIMIZER, set_variables


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
            what the run was told by `best=`; by default the lowest loss, that of validation where there is one. Of a
            training in stages, it is what that decides by, and the last of one at its end.
        architecture: for a run that does not tell how its model is built: a file with the compiled model.
        custom_objects: classes and functions of your own that the model needs, as `load` takes them.
        unsafe: also build what carries Python code.
        limits: what a file may ask for.

    Returns:
        The model, and what a person should know. That of a training in stages is not compiled.

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
    if is_in_stages(told["identity"]):
        return model_of_stages(run, told, which, architecture, options)
    checkpoints = Checkpoints(run / CHECKPOINTS)
    step = step_of(run, told, which, checkpoints, lambda newest: checkpoints.facts(newest)["history"])
    model = built_compiled(run, told, architecture, options)
    checkpoint = checkpoints.read(step)
    model.optimizer.build(model.trainable_variables)
    set_variables(model, checkpoint.arrays, (OF_MODEL, OPTIMIZER), os.fspath(run))
    return model, [_moment(checkpoint.facts, step), *_averages(model)]


def _moment(facts: Mapping[str, Any], step: int) -> str:
    if facts["batch"] or not facts["history"]:
        return f"The model is that of step {step}, within epoch {facts['epoch'] + 1}."
    figures = ", ".join(f"{name} {value:.4g}" for name, value in measured(facts["history"][-1]).items())
    return f"The model is that at the end of epoch {facts['epoch']} (step {step}): {figures}."


def _averages(model: keras.Model) -> list[str]:
    if not getattr(model.optimizer, "use_ema", False):
        return []
    return ["The optimizer keeps moving averages of the weights; the model has the weights themselves."]
