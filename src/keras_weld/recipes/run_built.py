"""The model that a run trains, with whatever weights: out of what the run has kept, or of a file that is given."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from contextlib import chdir
from pathlib import Path
from typing import Any

import keras

from keras_weld.errors import TrainingError
from keras_weld.models.load import load
from keras_weld.recipes.kept_recipe import kept_recipe
from keras_weld.recipes.train_parts import build
from keras_weld.training.run_folder import ARCHITECTURE, MODEL, RECIPE


def built_compiled(
    run: Path, told: Mapping[str, Any], architecture: str | os.PathLike[str] | None, options: Mapping[str, Any]
) -> keras.Model:
    """The model of a run, compiled as the run trains it.

    Args:
        run: the folder of the run.
        told: what its `run.json` tells.
        architecture: a file with the compiled model, for a run that does not tell.
        options: `custom_objects`, `unsafe` and `limits`, as `load` takes them.

    Raises:
        TrainingError: if nothing tells how it is built and compiled.
        WeldError: if it cannot be built.
    """
    file = None if architecture is None else Path(architecture)
    if file is None and (run / MODEL).is_file() and not told["changes"]:
        file = run / MODEL
    if file is None and (run / RECIPE).is_file():
        kept, asked = kept_recipe(run)
        with chdir(asked.folder):
            model = build(kept)
    else:
        model = _loaded(run, file, options)
    if not model.built or not model.compiled:
        raise TrainingError(
            "The model is not built and compiled, and the run's checkpoints do not tell how.",
            file=file or run,
            expected="a model with its input's shape that is compiled as in the run",
            found="a model that is not compiled" if model.built else "a model without an input's shape",
            remedy="Let the run come to its end, or save the compiled model and give it as --architecture.",
        )
    return model


def built(run: Path, architecture: str | os.PathLike[str] | None, options: Mapping[str, Any]) -> keras.Model:
    """The model of a run that is compiled anew at each stage; it is not compiled here.

    Args:
        run: the folder of the run.
        architecture: a file with the model, for a run that does not tell.
        options: `custom_objects`, `unsafe` and `limits`, as `load` takes them.

    Raises:
        TrainingError: if nothing tells how it is built.
        WeldError: if it cannot be built.
    """
    file = None if architecture is None else Path(architecture)
    model = _loaded(run, file, {**options, "compile": False})
    if not model.built:
        raise TrainingError(
            "The model is not built, and the run's checkpoints do not tell how.",
            file=file or run,
            expected="a model with its input's shape",
            remedy="Start the run again: it goes on to its end, and gives its model then.",
        )
    return model


def _loaded(run: Path, file: Path | None, options: Mapping[str, Any]) -> keras.Model:
    file = file or next((run / name for name in (ARCHITECTURE, MODEL) if (run / name).is_file()), None)
    if file is None:
        raise _untold(run)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*holds the architecture alone")
        return load(file, **options)


def _untold(run: Path) -> TrainingError:
    return TrainingError(
        "The run has not come to its end yet, and does not tell how the model is built.",
        file=run,
        expected=f"{ARCHITECTURE}, which is written at the start, {MODEL}, which is written at the end, or {RECIPE}",
        found="a run of a script whose model's classes cannot tell their settings, or of an older keras-weld",
        remedy="Give the compiled model too: weld.save(build(), 'start.keras') in Python, then --architecture "
        "start.keras (in Python: architecture='start.keras').",
    )
