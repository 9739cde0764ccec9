"""How long a training waits for its checkpoints: MobileNet on random pictures, a save every 30 seconds.

    KERAS_BACKEND=tensorflow python benchmarks/bench_checkpoints.py --steps 60

Two trainings of two epochs, of which the second is measured: the first training takes no checkpoint inside an epoch,
the second one every 30 seconds. The stall is the time for which the training's thread is held while checkpoints are
taken inside the epoch, as a share of it. It shall be 2 % at most.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_weld as weld
from keras_weld.training import fit
from keras_weld.training.conductor import Conductor

BATCH, SIZE, CLASSES, EPOCHS = 16, 128, 10, 2
BOUND = 2.0  # percent


def build() -> keras.Model:
    """MobileNet, at random."""
    model = keras.applications.MobileNet(weights=None, input_shape=(SIZE, SIZE, 3), classes=CLASSES)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Clock(keras.callbacks.Callback):  # type: ignore[misc]
    """The seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start it."""
        self.epochs.append(-time.perf_counter())

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop it."""
        self.epochs[-1] += time.perf_counter()

    def get_state(self) -> dict[str, Any]:
        """Nothing of it is kept."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Nothing of it is kept."""


class Counted(Conductor):
    """Notes how long each checkpoint inside an epoch has held the training."""

    held: list[float] = []  # noqa: RUF012 - one training at a time

    def _take(self) -> None:
        before = self.seconds
        super()._take()
        if self.place.batch and self.place.epoch == EPOCHS - 1:
            self.held.append(self.seconds - before)


def one(every: str, steps: int, x: np.ndarray, y: np.ndarray) -> tuple[float, list[float]]:
    """The seconds of the last epoch, and for how long each checkpoint inside it has held the training."""
    clock = Clock()
    Counted.held = []
    with tempfile.TemporaryDirectory() as folder:
        weld.fit(
            build,
            (x, y),
            run=Path(folder) / "run",
            epochs=EPOCHS,
            batch_size=BATCH,
            steps=steps,
            every=every,
            callbacks=[clock],
            deterministic=False,
            verbose=0,
        )
    return clock.epochs[-1], Counted.held


def main() -> int:
    """Train without and with, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=120, help="batches of an epoch; it should last minutes")
    parser.add_argument("--every", default="30 seconds", help="when a checkpoint is taken")
    given = parser.parse_args()
    found = np.random.default_rng(0)
    x = found.random((given.steps * BATCH, SIZE, SIZE, 3), "float32")
    y = found.integers(0, CLASSES, len(x))
    fit.Conductor = Counted  # type: ignore[misc]
    without, _ = one("epoch", given.steps, x, y)
    took, held = one(given.every, given.steps, x, y)
    share = 100 * sum(held) / took
    print(
        f"{keras.backend.backend()}, MobileNet, {given.steps} batches of {BATCH} pictures, epoch {EPOCHS} of {EPOCHS}:"
    )
    print(f"  without checkpoints inside the epoch   {without:7.1f} s")
    print(f"  with one every {given.every:<24}{took:7.1f} s")
    print(f"  {len(held)} checkpoints held the training for {sum(held):.3f} s: {share:.2f} % of an epoch")
    print(f"  longest: {1000 * max(held):.0f} ms" if held else "  none was due: give more steps")
    return int(share > BOUND or not held)


if __name__ == "__main__":
    sys.exit(main())
