"""One training, killed again and again at random moments, against the same training left alone.

    KERAS_BACKEND=jax python benchmarks/bench_kills.py --kills 200 --seed 0

Each life is a forked process that ends by SIGKILL: most at a random moment after its first new checkpoint, one in five
at a random moment of its start. A checkpoint is taken after every third batch, so that many are killed in the middle of
one. In the end, all arrays of the last checkpoint (variables, optimizer, callbacks, random state), the history and the
saved weights are compared bit by bit.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np

import keras_weld as weld
from keras_weld.io.read import open_model
from keras_weld.training.checkpoints import Checkpoints

EPOCHS, BATCHES, SIZE = 400, 40, 16
RUNNING = 0.25  # seconds of training that a life gets at most
STARTING = 3.0  # seconds in which the others are killed while they start


def build() -> keras.Model:
    """A small network with everything random in it: noise, dropout, normalisation."""
    inner = [keras.layers.GaussianNoise(0.1), keras.layers.Dense(16, activation="relu")]
    end = [keras.layers.BatchNormalization(), keras.layers.Dropout(0.3), keras.layers.Dense(4, activation="softmax")]
    model = keras.Sequential([keras.Input((12,)), *inner, *end])
    optimizer = keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2, use_ema=True)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def train(run: Path) -> None:
    """The training, or what is left of it."""
    found = np.random.default_rng(0)
    x = found.normal(size=(BATCHES * SIZE, 12)).astype("float32")
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=3),
        keras.callbacks.EarlyStopping(monitor="loss", patience=EPOCHS, restore_best_weights=True),
    ]
    data = (x, (x[:, 0] > 0) + 2 * (x[:, 1] > 0))
    options: dict[str, Any] = {"epochs": EPOCHS, "batch_size": SIZE, "every": "3 steps", "verbose": 0}
    weld.fit(build, data, run=run, callbacks=callbacks, **options)


def life(run: Path) -> int:
    """Start it in a process of its own; nothing of a backend has run in this one."""
    number = os.fork()
    if number == 0:
        try:
            train(run)
        except BaseException as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    return number


def ended(number: int) -> int | None:
    """How a process ended; None while it runs."""
    found, status = os.waitpid(number, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def killed(run: Path, chance: random.Random) -> bool:
    """One life; False if it came to its end by itself."""
    kept = Checkpoints(run / "checkpoints")
    before, number = kept.steps()[:1], life(run)
    until = time.monotonic() + (chance.uniform(0, STARTING) if chance.random() < 0.2 else 600)
    while (status := ended(number)) is None and kept.steps()[:1] == before and time.monotonic() < until:
        time.sleep(0.002)
    until = time.monotonic() + chance.uniform(0, RUNNING)
    while status is None and time.monotonic() < until:
        time.sleep(0.002)
        status = ended(number)
    if status is None:
        os.kill(number, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
    if status not in (0, -signal.SIGKILL):
        raise SystemExit(f"A start failed with {status}.")
    return status != 0


def differences(one: Path, other: Path) -> list[str]:
    """What differs between two finished runs."""
    first, second = (Checkpoints(run / "checkpoints").newest()[0] for run in (one, other))
    assert first is not None  # noqa: S101 - both runs have ended
    assert second is not None  # noqa: S101
    found = [] if first.facts == second.facts and first.step == second.step else ["facts"]
    for name in {**first.arrays, **second.arrays}:
        ours, theirs = first.arrays.get(name), second.arrays.get(name)
        if ours is None or theirs is None or ours.tobytes() != theirs.tobytes():
            found.append(name)
    if (one / "history.json").read_text() != (other / "history.json").read_text():
        found.append("history.json")
    with open_model(one / "model.keras") as state, open_model(other / "model.keras") as another:
        for mine, yours in zip(state.tensors.values(), another.tensors.values(), strict=True):
            if mine.read().tobytes() != yours.read().tobytes():
                found.append(mine.spec.name)
    return found


def main() -> int:
    """Train, kill, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the runs are; a temporary folder by default")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp())
    with suppress(ImportError):
        import tensorflow  # noqa: F401 - Keras imports it where it is installed: here once, not in each life
    began = time.monotonic()
    if ended_well := os.waitstatus_to_exitcode(os.waitpid(life(folder / "whole"), 0)[1]):
        return ended_well
    print(f"{keras.backend.backend()}: left alone, {EPOCHS * BATCHES} steps took {time.monotonic() - began:.0f} s")
    chance, kills, began = random.Random(given.seed), 0, time.monotonic()
    while killed(folder / "killed", chance):
        kills += 1
        if kills % 10 == 0:
            step = next(iter(Checkpoints(folder / "killed" / "checkpoints").steps()), 0)
            print(f"  {kills} kills, at step {step}, {time.monotonic() - began:.0f} s", flush=True)
        if kills == given.kills:
            break
    if kills == given.kills:
        os.waitpid(life(folder / "killed"), 0)
    found = differences(folder / "whole", folder / "killed")
    print(f"{kills} kills: " + ("the same bits" if not found else "different: " + ", ".join(found)))
    return int(bool(found) or kills < given.kills)


if __name__ == "__main__":
    sys.exit(main())
