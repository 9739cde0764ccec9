"""`weld train` and `weld resume` in this process: interrupted, gone on with, for longer and with other data."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

NETS = """
import os
import keras

def small():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return model

class Press(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 1 and os.path.exists("press"):
            raise KeyboardInterrupt
"""
RECIPE = """
model: "{nets}:small"
data: one.npz
epochs: 1
batch_size: 10
every: 1 steps
callbacks: ["{nets}:Press"]
"""


def write(path: Path, seed: int, validation: int = 0) -> None:
    found = np.random.default_rng(seed)
    x, y = found.normal(size=(40, 4)).astype("float32"), found.integers(0, 3, 40)
    more = {"x_val": x[:validation], "y_val": y[:validation]} if validation else {}
    np.savez(path, x_train=x, y_train=y, **more)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A recipe with its modules and data."""
    nets = "nets_of_train_commands"
    (tmp_path / f"{nets}.py").write_text(NETS)
    (tmp_path / "r.yaml").write_text(RECIPE.format(nets=nets))
    write(tmp_path / "one.npz", 0)
    write(tmp_path / "two.npz", 1, validation=10)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop(nets, None)


def run_json(run: Path) -> Any:
    return json.loads((run / "run.json").read_text())


def test_after_ctrl_c_a_training_says_how_it_goes_on_and_does(folder: Path, weld_here: Callable[..., Any]) -> None:
    run = folder / "run"
    (folder / "press").touch()
    done = weld_here("train", folder / "r.yaml", "--run", run)
    assert done.returncode == 130
    assert f"goes on from its last checkpoint with: weld resume {run}" in done.stderr
    assert [one["finished"] for one in run_json(run)["starts"]] == [None]
    (folder / "press").unlink()
    weld_here("resume", run, check=True)
    first, second = run_json(run)["starts"]
    assert (first["step"], second["step"]) == (0, 1)
    assert second["finished"]
    assert [one["step"] for one in json.loads((run / "history.json").read_text())] == [4]
    assert (run / "model.keras").is_file()


def test_a_finished_training_goes_on_for_longer_and_with_other_data(
    folder: Path, weld_here: Callable[..., Any]
) -> None:
    run = folder / "run"
    weld_here("train", folder / "r.yaml", "--run", run, check=True)
    weld_here("resume", run, "--epochs", "+1", check=True)
    done = weld_here("resume", run, "--epochs", "+1", "--data", folder / "two.npz", check=True)
    assert "The data has changed, as was asked for" in done.stdout
    history = json.loads((run / "history.json").read_text())
    assert ["val_loss" in one for one in history] == [False, False, True]
    told = run_json(run)
    assert [(one["epoch"], one["epochs"]) for one in told["starts"]] == [(0, 1), (1, 2), (2, 3)]
    assert [one["changed"] for one in told["changes"]] == [["data", "validation_data"]]
    assert "Changed after 2 epochs: The data has changed" in weld_here("history", run).stdout
    write(folder / "two.npz", 2)
    before = [(run / name).read_text() for name in ("run.json", "recipe.json")]
    done = weld_here("resume", run, "--epochs", "+1")
    assert (done.returncode, "begun with other data" in done.stderr) == (2, True)
    assert [(run / name).read_text() for name in ("run.json", "recipe.json")] == before


def test_a_finished_run_is_left_as_it_is(folder: Path, weld_here: Callable[..., Any]) -> None:
    run = folder / "run"
    weld_here("train", folder / "r.yaml", "--run", run, check=True)
    (run / "model.keras").unlink()
    weld_here("resume", run, check=True)
    assert (run / "model.keras").is_file(), "what is missing is made again"

    def state() -> dict[str, int]:
        return {path.name: path.stat().st_mtime_ns for path in run.rglob("*") if path.name != "lock"}

    before, listed = state(), weld_here("runs", run, "--json", check=True).stdout
    weld_here("resume", run, check=True)
    assert state() == before
    assert weld_here("runs", run, "--json", check=True).stdout == listed


def test_after_a_failure_in_the_middle_the_run_keeps_the_data_that_it_went_on_with(
    folder: Path, weld_here: Callable[..., Any]
) -> None:
    run = folder / "run"
    weld_here("train", folder / "r.yaml", "--run", run, check=True)
    (folder / "press").touch()
    more = ("resume", run, "--epochs", "+1", "--data", folder / "two.npz")
    nets = folder / "nets_of_train_commands.py"
    sys.modules.pop(nets.stem)
    nets.write_text(NETS.replace("raise KeyboardInterrupt", "raise RuntimeError"))
    assert weld_here(*more).returncode != 0
    assert json.loads((run / "recipe.json").read_text())["data"] == str(folder / "two.npz")
    (folder / "press").unlink()
    weld_here("resume", run, check=True)
    assert [start["step"] for start in run_json(run)["starts"]] == [0, 4, 5]


def test_the_training_of_an_averaged_model_tells_that_its_optimizer_is_fresh(
    folder: Path, weld_here: Callable[..., Any]
) -> None:
    import keras_weld as weld

    nets = importlib.import_module("nets_of_train_commands")
    sources = [weld.save(nets.small(), folder / f"{name}.keras") for name in "ab"]
    weld.average(sources, folder / "soup.keras")
    more = "optimizer: adam\nloss: sparse_categorical_crossentropy\n"
    (folder / "r.yaml").write_text(f"model: soup.keras\ndata: one.npz\nepochs: 1\nbatch_size: 20\n{more}")
    run, words = folder / "run", "(linear of 2 models), and no optimizer's state belongs to it: the optimizer is fresh."
    told = weld_here("train", folder / "r.yaml", "--run", run, check=True)
    assert words in " ".join(told.stdout.split())
    assert words in " ".join(weld_here("history", run, check=True).stdout.split())
    again = weld_here("resume", run, "--epochs", "+1", check=True)
    assert "fresh" not in again.stdout
    assert [len(start["notes"]) for start in run_json(run)["starts"]] == [1, 0]
