"""A model out of the folder of a training in stages: the best so far, or that of a moment whose checkpoint is kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_weld.errors import TrainingError
from keras_weld.models.replay import graph_of
from keras_weld.recipes.run_built import built
from keras_weld.recipes.run_step import LAST, step_of
from keras_weld.training.answered import answered_by
from keras_weld.training.checkpoints import Checkpoints, Snapshot
from keras_weld.training.run_folder import CHECKPOINTS
from keras_weld.training.run_history import read_history
from keras_weld.training.stages_folder import best_in, rest_in
from keras_weld.training.trainer import beside, trainer_of
from keras_weld.training.variables import MODEL, set_variables

BEST = "best"
_UNCOMPILED = "It is not compiled: each stage has a fresh optimizer."


def model_of_stages(
    run: Path,
    told: Mapping[str, Any],
    which: str,
    architecture: str | os.PathLike[str] | None,
    options: Mapping[str, Any],
) -> tuple[keras.Model, list[str]]:
    """A model of a training in stages, not compiled.

    Args:
        run: the folder of the run.
        told: what its `run.json` tells.
        which: as `model_of_run` takes it. The best is what the training decides by, and the last of one at its end.
        architecture: for a run that does not tell how its model is built: a file with the model.
        options: `custom_objects`, `unsafe` and `limits`, as `load` takes them.

    Returns:
        The model, and what a person should know.

    Raises:
        UsageError: if there is no such epoch or its checkpoint is not kept, naming those that are.
        TrainingError: if nothing tells how the model is built, or what of it was not trained.
        WeldError: if a file of the run is damaged, or the model cannot be built.
    """
    ended = bool(told["starts"] and told["starts"][-1].get("finished"))
    best = which == BEST or (which == LAST and ended)
    checkpoints = Checkpoints(run / CHECKPOINTS)
    step = step_of(run, told, LAST if best else which, checkpoints, lambda newest: read_history(run))
    checkpoint = checkpoints.read(step)
    model = built(run, architecture, options)
    trainer = trainer_of(answered_by(model, graph_of(model), list(told["identity"]["losses"])))
    trainer.compile()  # variables are set in compiled models alone
    set_variables(trainer, checkpoint.arrays, (MODEL,), os.fspath(run))
    _set_rest(model, trainer, checkpoint, run)
    if best:
        kept = best_in(checkpoint)
        trainer.set_weights(kept["weights"])
        return model, [_about_best(kept), _UNCOMPILED]
    return model, [_moment(checkpoint, step), _UNCOMPILED]


def _set_rest(model: keras.Model, trainer: keras.Model, checkpoint: Snapshot, run: Path) -> None:
    """What no trained output comes from, as it was from the start."""
    rest, values = beside(model, trainer), rest_in(checkpoint)
    if len(rest) != len(values):
        raise TrainingError(
            "The run does not tell the weights that it does not train.",
            file=run,
            expected=f"{len(rest)} variables",
            found=f"{len(values)}, as in a run of an older keras-weld",
            remedy="Start it again: it goes on to its end, and gives its model then.",
        )
    for variable, value in zip(rest, values, strict=True):
        variable.assign(value)


def _about_best(kept: Mapping[str, Any]) -> str:
    stage, epoch = kept["place"]
    if not stage:
        return f"No stage has made the model better: it is as it was before the first ({_figures(kept['score'])})."
    return (
        f"The model is the best on the validation examples: stage {stage}, epoch {epoch} ({_figures(kept['score'])})."
    )


def _figures(score: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in score.items())


def _moment(checkpoint: Snapshot, step: int) -> str:
    number = checkpoint.facts["callbacks"][0]["state"]["number"]
    epoch = checkpoint.facts["epoch"]
    place = f"within epoch {epoch + 1}" if checkpoint.facts["batch"] else f"at the end of epoch {epoch}"
    return f"The model is that of step {step}, {place} of stage {number}."
