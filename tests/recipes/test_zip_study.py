"""`weld zip --study init`: starts compared over depths and steps."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

sys.path.insert(0, str(Path(__file__).parents[1] / "zipping"))

from zip_models import made  # noqa: E402

from keras_weld.recipes.zip_measuring import Meter  # noqa: E402

CLASSES = {"kind": 3, "colour": 4}
COSTS = {"compression": 1.0, "memory": 1.0, "activations": 1.0, "speedup": ()}


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    """The command's words for two small models with data."""
    found: list[object] = ["zip"]
    for number, (task, classes) in enumerate(CLASSES.items()):
        made("mlp", classes, number).save(tmp_path / f"{task}.keras")
        random = np.random.default_rng(number)
        x, y = random.uniform(0, 1, (24, 5)).astype("float32"), random.integers(0, classes, 24)
        np.savez(tmp_path / f"{task}.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        found += [tmp_path / f"{task}.keras", "--data", f"{task}:{tmp_path / task}.npz"]
    return [*found, "-o", tmp_path / "out", "--study", "init"]


def test_each_start_at_each_depth_is_in_the_table_and_the_pictures(
    words: list[object], tmp_path: Path, weld_here: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(Meter, "costs", lambda meter, network, trunk: COSTS)  # speed is no part of this
    done = weld_here(*words, "--starts", "mean,random", "--steps", 4, "--batch-size", 4, "--rounds", "0,2", check=True)
    rows = list(csv.DictReader((tmp_path / "out" / "study.csv").read_text().splitlines()))
    told = [(row["start"], row["merged_blocks"], row["task"]) for row in rows]
    assert told == [
        (start, depth, task) for start in ("mean", "random") for depth in ("0", "2") for task in ("kind", "colour")
    ]
    unmerged = [row for row in rows if row["merged_blocks"] == "0"]
    assert all(row["value"] == row["source"] and row["loss"] == "" for row in unmerged)
    assert all(float(row["value_low"]) <= float(row["value"]) <= float(row["value_high"]) for row in rows)
    assert (tmp_path / "out" / "study.png").read_bytes().startswith(b"\x89PNG")
    drawn = (tmp_path / "out" / "study.svg").read_text()
    assert drawn.count('<g id="axes_') == 3  # one for each task, and one for the losses
    assert "kind, by merged blocks" in done.stdout
    assert "random" in done.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--init", "mean"], "A study compares several starts."),
        (["--starts", "auto"], "Starts are compared by how the tasks do"),
    ],
)
def test_what_makes_no_sense_of_a_study_is_refused(
    more: list[str], said: str, words: list[object], weld_here: Callable[..., Any]
) -> None:
    done = weld_here(*words, *more)
    assert done.returncode == 2
    assert said in done.stderr


def test_starts_without_a_study_are_refused(words: list[object], weld_here: Callable[..., Any]) -> None:
    done = weld_here(*words[:-2], "--starts", "mean")
    assert done.returncode == 2
    assert "--starts is for a study." in done.stderr
