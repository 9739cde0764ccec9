"""What a training keeps besides weights, and what it refuses or tells where a run could go on otherwise unseen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from interrupted import Interruption, Stop, outcome  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import TrainingError, UsageError  # noqa: E402

X = np.random.default_rng(0).normal(size=(24, 3, 2)).astype("float32")
Y = X.sum((1, 2))[:, None]


def remembering() -> keras.Model:
    """A recurrent network that goes on with its states from batch to batch."""
    body = [keras.layers.LSTM(3, stateful=True), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input(batch_shape=(4, 3, 2)), *body])
    model.compile("sgd", "mse", jit_compile=False)
    return model


def plain(**compiled: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((3, 2)), keras.layers.Flatten(), keras.layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False, **compiled)
    return model


def train(build: Any, run: Path, at: int | None = None, **options: Any) -> Any:
    stop = Stop(at)
    settings = {"epochs": 2, "batch_size": 4, "every": "2 steps", "verbose": 0, "tell": lambda text: None, **options}
    return weld.fit(build, (X, Y), run=run, callbacks=[stop], **settings), [stop]


def test_what_a_stateful_network_remembers_is_kept(tmp_path: Path) -> None:
    whole = outcome(*train(remembering, tmp_path / "whole"))
    with pytest.raises(Interruption):
        train(remembering, tmp_path / "resumed", at=5)
    assert whole.differences(outcome(*train(remembering, tmp_path / "resumed"))) == []


def test_several_steps_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="looks at every step") as refused:
        train(lambda: plain(steps_per_execution=4), tmp_path)
    assert "steps_per_execution=4" in str(refused.value.found)


def test_another_number_of_steps_is_refused_unless_it_is_meant(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        train(plain, tmp_path, at=3, steps=6)
    with pytest.raises(TrainingError, match="begun with other steps") as refused:
        train(plain, tmp_path, steps=4)
    assert (refused.value.expected, refused.value.found) == ("6", "4")


def test_another_version_of_the_backend_and_another_machine_are_told(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        train(plain, tmp_path, at=3)
    told = json.loads((tmp_path / "run.json").read_text())
    told["identity"]["versions"][keras.backend.backend()] = "0.1"
    told["identity"]["hardware"] = "an abacus"
    (tmp_path / "run.json").write_text(json.dumps(told))
    said: list[str] = []
    train(plain, tmp_path, tell=said.append)
    assert any(text.startswith(f"{keras.backend.backend()} was 0.1 and is ") for text in said)
    assert any(text.startswith("The machine was an abacus and is ") for text in said)


def test_a_finished_run_without_checkpoints_gives_its_model_back_untouched(tmp_path: Path) -> None:
    whole, _ = train(plain, tmp_path)
    shutil.rmtree(tmp_path / "checkpoints")
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"}
    said: list[str] = []
    again, _ = train(plain, tmp_path, tell=said.append)
    assert any("checkpoints of the run are gone" in text for text in said)
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"} == before
    assert all(map(np.array_equal, again.get_weights(), whole.get_weights()))
    assert again.history.history["loss"] == whole.history.history["loss"]
    assert int(again.optimizer.iterations) == 12
    with pytest.raises(TrainingError, match="checkpoints of the run are gone") as refused:
        train(plain, tmp_path, epochs=3)
    assert "begin another run" in str(refused.value.remedy)


def test_checkpoints_of_an_unfinished_run_that_are_gone_are_told(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        train(plain, tmp_path, at=8)
    shutil.rmtree(tmp_path / "checkpoints")
    said: list[str] = []
    train(plain, tmp_path, tell=said.append)
    assert any("checkpoints of the run are gone, and 1 finished epoch" in text for text in said)
