"""`weld train`: what is wrong is refused by its line, leaving nothing behind; a model out of a file is trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

Weld = Callable[..., CompletedProcess[str]]
RECIPE = "model: start.keras\ndata: d.npz\nepochs: 1\nbatch_size: 8\ndeterministic: false\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import keras

    monkeypatch.chdir(tmp_path)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.save("start.keras")
    found = np.random.default_rng(0)
    np.savez("d.npz", x=found.normal(size=(24, 4)).astype("float32"), y=found.integers(0, 3, 24))
    return tmp_path


@pytest.mark.parametrize(
    ("more", "line", "found"),
    [
        ("every: 10 parsecs", "line 6, field every", "10 parsecs"),
        ("optimizer: adamm", "line 6, field optimizer", "adamm"),
        ("optimizer: {name: adam, learning_rate: fast}", "line 6, field optimizer", "'fast'"),
        ("callbacks:\n  - {name: EarlyStopping, patience: three}", "line 7, field callbacks[0]", "'three'"),
        ("custom: ['no_such_module:A']", "line 6, field custom[0]", "no_such_module:A"),
        ("validation_data: e.npz", "line 6, field validation_data", ""),
        ("loss: nothing", "line 6, field loss", ""),
    ],
)
def test_a_wrong_value_is_refused_by_its_line_and_leaves_nothing(
    more: str, line: str, found: str, here: Path, weld_here: Weld
) -> None:
    (here / "r.yaml").write_text(RECIPE + more)
    done = weld_here("train", "r.yaml", "--run", "deep/run")
    assert done.returncode == 2
    assert f"r.yaml, {line}" in done.stderr
    assert found in done.stderr
    assert not (here / "deep").exists()


def test_a_refused_resume_leaves_the_run_as_it_was(here: Path, weld_here: Weld) -> None:
    (here / "r.yaml").write_text(RECIPE)
    weld_here("train", "r.yaml", "--run", "run", check=True)
    kept = {name: (here / "run" / name).read_text() for name in ("recipe.yaml", "recipe.json", "run.json")}
    np.savez("other.npz", x=np.zeros((24, 5), "float32"), y=np.zeros(24, int))
    assert weld_here("resume", "run", "--epochs", "+1", "--data", "other.npz").returncode == 2
    (here / "r.yaml").write_text(RECIPE + "seed: 9\n")
    refused = weld_here("train", "r.yaml", "--run", "run")
    assert refused.returncode == 2
    assert "say that it is meant: `changes: [seed]` in the recipe." in " ".join(refused.stderr.split())
    assert {name: (here / "run" / name).read_text() for name in kept} == kept


def test_a_model_out_of_a_file_goes_on_as_it_was_compiled(here: Path, weld_here: Weld) -> None:
    import keras_weld as weld

    (here / "r.yaml").write_text(RECIPE)
    for epochs, command in ((1, ["train", "r.yaml", "--run", "run"]), (3, ["resume", "run", "--epochs", "+2"])):
        done = weld_here(*command, "--json", check=True)
        assert json.loads(done.stdout)["epochs_done"] == epochs
    model = weld.load("run/model.keras")
    assert type(model.optimizer).__name__ == "SGD"
    assert int(model.optimizer.iterations) == 9
    start = weld.load("start.keras")
    assert not np.array_equal(start.get_weights()[0], model.get_weights()[0])
