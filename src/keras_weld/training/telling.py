"""How a run tells how far it is, for a progress bar."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from keras_weld.training.conductor import Conductor

TellSteps = Callable[[int, int, str], None]
"""Called with steps done, steps in all, and a few words."""


def progress_of(tell: TellSteps | None, conductor: Conductor, steps: int, epochs: int) -> list[Any]:
    """What tells of progress: a callback of its own, which is no part of the run.

    Args:
        tell: told after each step; None for nobody.
        conductor: knows the place.
        steps: batches of an epoch.
        epochs: epochs the run is to have in the end.
    """
    return [] if tell is None else [_Progress(tell, conductor, steps, epochs)]


class _Progress(keras.callbacks.Callback):  # type: ignore[misc]
    def __init__(self, tell: TellSteps, conductor: Conductor, steps: int, epochs: int) -> None:
        super().__init__()
        self._told, self._conductor, self._steps, self._epochs = tell, conductor, steps, epochs

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        place = self._conductor.place
        loss = (logs or {}).get("loss")
        words = f"epoch {place.epoch + 1} of {self._epochs}" + ("" if loss is None else f", loss {float(loss):.3g}")
        self._told(place.step, self._steps * self._epochs, words)
