"""What merged networks are compared with: the separate models, and what `weld branch` gives."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

sys.path.insert(0, str(Path(__file__).parents[1] / "zipping"))

from zip_models import FACES, made  # noqa: E402

import keras_weld as weld  # noqa: E402

TASKS = {"kind": 3, "colour": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and their zip, with baselines that were trained."""
    found = tmp_path_factory.mktemp("zipped")
    data = {}
    for number, (task, classes) in enumerate(TASKS.items()):
        made("mobile", classes, number).save(found / f"{task}.keras")
        random = np.random.default_rng(number)
        x = {f"x_{part}": random.uniform(0, 1, (24, *FACES)).astype("float32") for part in ("train", "test")}
        y = {f"y_{part}": random.integers(0, classes, 24) for part in ("train", "test")}
        np.savez(found / f"{task}.npz", **x, **y)
        data[task] = found / f"{task}.npz"
    settings: dict[str, Any] = {"rounds": [2], "steps": 3, "batch_size": 4, "start": "from:colour", "max_drop": None}
    weld.zipper([found / f"{task}.keras" for task in TASKS], data=data, out=found / "out", **settings)
    return found


def test_the_separate_models_and_both_branches_are_rows_of_the_table(folder: Path) -> None:
    told = json.loads((folder / "out" / "frontier.json").read_text())
    names = [one["name"] for one in told["baselines"]]
    assert names == [
        "separate models",
        "branch on kind, not trained",
        "branch on colour, not trained",
        "branch on colour, trained",
    ]
    separate, _, untrained, trained = told["baselines"]
    for task in TASKS:
        assert separate["tasks"][task]["value"] == told["rounds"][0]["tasks"][task]["source"]
        assert separate["tasks"][task]["drop"] == 0
    assert (separate["compression"], separate["peak"]["ratio"]) == (1, 1)
    assert untrained["compression"] == trained["compression"] == 2
    assert (untrained["steps"], trained["steps"]) == (0, 3)
    assert untrained["tasks"]["colour"]["drop"] == 0
    rows = list(csv.DictReader((folder / "out" / "frontier.csv").read_text().splitlines()))
    assert [row["network"] for row in rows] == [*names, "merged"]
    assert float(rows[3]["kind_value"]) == trained["tasks"]["kind"]["value"]


def test_the_branch_is_what_weld_branch_gives(folder: Path) -> None:
    told = json.loads((folder / "out" / "frontier.json").read_text())["baselines"][1]
    branched = weld.branch([folder / f"{task}.keras" for task in TASKS], backbone="kind")
    for task in TASKS:
        with np.load(folder / f"{task}.npz") as arrays:
            right = branched.predict(arrays["x_test"], verbose=0)[task].argmax(-1) == arrays["y_test"]
        assert told["tasks"][task]["value"] == pytest.approx(100 * right.mean())


def test_models_that_take_different_inputs_have_no_branch_and_that_is_told(folder: Path, tmp_path: Path) -> None:
    sources = [folder / f"{task}.keras" for task in TASKS]
    found = weld.zipper(sources, out=tmp_path, merge="weights", inputs="separate", rounds=[1])
    assert [one.name for one in found.baselines] == ["separate models"]
    assert any("weld branch is not compared with" in note for note in found.notes)


def test_the_terminal_shows_the_same_table(folder: Path, tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    sources = [folder / f"{task}.keras" for task in TASKS]
    done = weld_here("zip", *sources, "-o", tmp_path, "--rounds", "3", "--baselines", "untrained", check=True)
    said = " ".join(done.stdout.split())
    assert "separate models 1.000 1.00" in said
    assert "measured" in said
    assert "Chosen: 3 blocks merged" in said
