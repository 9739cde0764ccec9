"""The model of a run that came to its end, and whose checkpoints were removed since: it is given back, not trained."""

from __future__ import annotations

from pathlib import Path

import keras

from keras_weld.core.plural import counted
from keras_weld.errors import TrainingError
from keras_weld.training.checkpoints import Checkpoints
from keras_weld.training.run_folder import CHECKPOINTS, MODEL, RUN, read_run
from keras_weld.training.run_history import read_history


def is_model_alone(folder: Path, epochs: int) -> bool:
    """Whether of a run at its end the model is left alone.

    Args:
        folder: of the run.
        epochs: how many it is to have.

    Raises:
        TrainingError: if it is, and more epochs are asked for than it has had.
        DamagedFileError: if the run's own file cannot be read.
    """
    if not (folder / RUN).is_file() or not (folder / MODEL).is_file() or Checkpoints(folder / CHECKPOINTS).steps():
        return False
    starts, had = read_run(folder)["starts"], len(read_history(folder))
    if not starts or not starts[-1].get("finished"):
        return False
    if epochs > had:
        raise TrainingError(
            "The checkpoints of the run are gone, so it cannot be gone on with.",
            file=folder,
            expected=f"checkpoints, to train until {counted(epochs, 'epoch')} are done",
            found=f"{MODEL} alone, which has had {counted(had, 'epoch')}",
            remedy=f"Bring {CHECKPOINTS} back from a copy, or begin another run with that model: "
            f"weld.fit(lambda: weld.load({str(folder / MODEL)!r}), …, run='another').",
        )
    return True


def put_model(model: keras.Model, folder: Path) -> None:
    """Give a model, compiled and built as the run's, what the run's own file has.

    Raises:
        TrainingError: if it does not fit.
    """
    try:
        model.load_weights(folder / MODEL)
    except ValueError as error:
        raise TrainingError(
            "The model that the run has left does not fit the one that was built.",
            file=folder / MODEL,
            found=str(error).strip().splitlines()[0],
            remedy="Build the model that the run was begun with, or begin another run.",
        ) from error
