"""A calibration that can be stopped at any moment, and goes on with the same bits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from keras_weld.errors import TrainingError
from keras_weld.models.quiet import quiet
from keras_weld.training.conducted import Batches, build_for_training, conduct
from keras_weld.training.conductor import Conductor, place_of, rate_of
from keras_weld.training.every import Every
from keras_weld.training.exact_folder import ExactFolder
from keras_weld.zipping.calibration import Calibration

Stepped = Callable[[int, float], None]
"""Called after each step with the steps that are done, those of earlier starts counted, and the loss."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a calibration goes.

    Attributes:
        steps: steps in all.
        parts: in so many parts a mean of the loss is told, and a checkpoint is taken at the end of each.
        every: when to take a checkpoint besides.
    """

    steps: int
    parts: int
    every: Every

    @property
    def length(self) -> int:
        """Steps of a part; the last one may have fewer."""
        return -(-self.steps // self.parts)

    @property
    def epochs(self) -> int:
        """How many parts there are."""
        return -(-self.steps // self.length)


def calibrate(
    calibration: Calibration,
    feed: Callable[[int, int], Batches],
    pace: Pace,
    folder: ExactFolder,
    *,
    held: Batches | None = None,
    tell: Stepped = lambda step, loss: None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> list[dict[str, Any]]:
    """Train a merged network, or go on with it where its folder says that it was.

    Args:
        calibration: the network beside its teachers, compiled; the network is left trained.
        feed: gives the examples, from the steps of a part and the number of the first step.
        pace: how.
        folder: keeps it; it is done with afterwards.
        held: examples that the loss is taken of after each part.
        tell: told of every step.
        callbacks: called as by `fit`, an epoch being a part; their state is kept, too.

    Returns:
        One entry for each part: `step`, `loss` and its parts, and `val_loss` with examples held out.

    Raises:
        TrainingError: if the loss is no number any more; names step and layer.
        DataError: if examples cannot be read.
        WriteError: if a checkpoint could not be written.
    """
    with folder, quiet():
        place = place_of(folder.resumed)
        batches = feed(pace.length, place.step)
        build_for_training(calibration, *batches[0][:2])
        conductor = Conductor(
            [_Watch(folder, tell), *callbacks],
            pace.length,
            pace.every,
            folder.keep,
            folder.resumed,
            file=str(folder.folder),
            begun=partial(folder.begin, place, rate_of(calibration)),
            total=pace.steps,
        )
        conduct(calibration, conductor, batches, held, pace.epochs)
        folder.end()
    return conductor.history


class _Watch(keras.callbacks.Callback):  # type: ignore[misc]
    """Counts the steps, and stops where the loss is no number, before that is kept."""

    def __init__(self, folder: ExactFolder, tell: Stepped) -> None:
        super().__init__()
        self._folder, self._tell, self._done = folder, tell, 0

    def get_state(self) -> dict[str, Any]:
        """How many steps are done."""
        return {"done": self._done}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        self._done = state["done"]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After each step."""
        self._done += 1
        loss = float((logs or {}).get("loss", 0.0))
        if not math.isfinite(loss):
            raise TrainingError(
                "The loss is no number any more; the networks that were finished before are kept.",
                file=self._folder.folder,
                layer=_first_broken(self.model),
                expected="a finite loss",
                found=f"{loss} at step {self._done}",
                remedy="Take a lower rate, anew: --rate 3e-4 --fresh (rate=3e-4, fresh=True), or in another folder.",
            )
        self._tell(self._done, loss)


def _first_broken(model: Calibration) -> str | None:
    """The first variable that holds what is no number."""
    for variable in model.network.trainable_variables:
        if not bool(keras.ops.all(keras.ops.isfinite(variable))):
            return str(variable.path)
    return None
