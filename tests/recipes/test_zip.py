"""`weld zip` from files to a folder of merged networks, and what it refuses before the first step."""

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

import keras  # noqa: E402
from zip_models import FACES, made  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import DataError, IncompatibleModelsError, TrainingError, UsageError  # noqa: E402

CLASSES = {"kind": 3, "colour": 4}


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models of one architecture with heads of their own, and data for each."""
    folder = tmp_path_factory.mktemp("sources")
    for number, (task, classes) in enumerate(CLASSES.items()):
        model = made("mobile", classes, number)
        model.save(folder / f"{task}.keras")
        random = np.random.default_rng(number)
        x = {f"x_{part}": random.uniform(0, 1, (24, *FACES)).astype("float32") for part in ("train", "val", "test")}
        y = {f"y_{part}": random.integers(0, classes, 24) for part in ("train", "val", "test")}
        np.savez(folder / f"{task}.npz", **x, **y)
    return folder


def zipped(folder: Path, out: Path, *, data: Any = "both", **options: Any) -> Any:
    given = {task: folder / f"{task}.npz" for task in CLASSES} if data == "both" else data
    settings = {"steps": 4, "batch_size": 4, "start": "mean", "max_drop": None, "baselines": "none", **options}
    return weld.zipper([folder / f"{task}.keras" for task in CLASSES], data=given, out=out, **settings)


def test_each_depth_is_written_measured_and_judged_against_its_sources(sources: Path, tmp_path: Path) -> None:
    found = zipped(sources, tmp_path, rounds=[0, 3])
    assert found.tasks == tuple(CLASSES)
    assert found.blocks == 3
    assert [one.merged_blocks for one in found.rounds] == [0, 3]
    assert found.chosen == 3
    nothing, everything = found.rounds
    assert nothing.compression == 1
    assert nothing.steps == 0
    assert [one.drop for one in nothing.tasks.values()] == [0, 0]
    assert everything.compression == 2
    told = json.loads((tmp_path / "frontier.json").read_text())
    assert told["rounds"][1]["tasks"]["colour"]["drop"] == everything.tasks["colour"].drop
    rows = list(csv.DictReader((tmp_path / "frontier.csv").read_text().splitlines()))
    assert [row["merged_blocks"] for row in rows] == ["0", "3"]
    assert float(rows[1]["kind_value"]) == everything.tasks["kind"].value
    assert (tmp_path / "chosen.keras").read_bytes() == (tmp_path / "merged-03.keras").read_bytes()
    plain = keras.models.load_model(tmp_path / "chosen.keras")
    assert set(plain.output) == set(CLASSES)
    with np.load(sources / "kind.npz") as arrays:
        right = plain.predict(arrays["x_test"], verbose=0)["kind"].argmax(-1) == arrays["y_test"]
    assert everything.tasks["kind"].value == pytest.approx(100 * right.mean())
    lineage = weld.lineage(tmp_path / "merged-03.keras")
    assert lineage is not None
    assert lineage["method"] == "zip"
    assert len(lineage["evaluations"]) == 2


def test_without_data_everything_but_accuracy_is_measured_and_the_deepest_is_chosen(
    sources: Path, tmp_path: Path
) -> None:
    found = zipped(sources, tmp_path, data=None, rounds="all", share="pointwise", merge="weights")
    assert [one.merged_blocks for one in found.rounds] == [0, 1, 2, 3]
    assert [one.tasks for one in found.rounds] == [{}] * 4
    assert found.chosen == 3
    assert all(one.speedup[0].value > 0 for one in found.rounds)
    needed = [one.peak.merged for one in found.rounds if one.peak is not None]
    assert len(needed) == 4
    assert needed == sorted(needed, reverse=True)
    assert (tmp_path / "report.html").read_text().count("merged-03.keras")


def test_the_deepest_is_tried_first_and_shallower_ones_while_a_task_drops_too_much(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras_weld.zipping.frontier import Round

    monkeypatch.setattr(Round, "worst_drop", property(lambda one: float(one.merged_blocks)))
    found = zipped(sources, tmp_path, rounds="auto", max_drop=2.0, steps=0)
    assert [one.merged_blocks for one in found.rounds] == [2, 3]
    assert found.chosen == 2


def test_starts_are_tried_and_the_one_with_the_lowest_loss_is_taken(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras_weld.recipes.zip_calibrating import Calibrating

    tried: list[str] = []
    losses = {"mean": 0.5, "lsq": 0.75, "from:kind": 0.25, "from:colour": 1.0}
    monkeypatch.setattr(
        Calibrating, "_tried", lambda self, depth, students, start: tried.append(start) or losses[start]
    )
    found = zipped(sources, tmp_path, rounds=[1], start="auto", steps=20, start_examples=2)
    assert tried == list(losses)
    assert found.rounds[0].start == "from:kind"


def test_least_squares_are_tried_where_they_are_cheap_against_the_trial() -> None:
    from types import SimpleNamespace

    from keras_weld.recipes.zip_start import starts_to_try

    data = {task: SimpleNamespace(split=SimpleNamespace(count=100)) for task in CLASSES}
    for examples, steps, cheap in ((512, 4000, True), (512, 100, False), (10, 100, True), (10, 40, False)):
        asked = SimpleNamespace(start="auto", steps=steps, batch_size=5, start_examples=examples)
        assert ("lsq" in starts_to_try(asked, list(CLASSES), data)) is cheap  # type: ignore[arg-type]


def test_without_a_step_least_squares_alone_are_the_start(sources: Path, tmp_path: Path) -> None:
    told: list[str] = []
    data = {}
    for task in CLASSES:
        with np.load(sources / f"{task}.npz") as arrays:
            data[task] = {"x": arrays["x_train"]}  # no labels
    options = {"share": "pointwise", "merge": "weights", "rounds": [3], "steps": 0, "start_examples": 16}
    found = zipped(sources, tmp_path, data=data, start="auto", progress=lambda *at: told.append(at[2]), **options)
    assert found.rounds[0].start == "lsq"
    assert "pointwise_3" in told
    network, teacher = (
        keras.models.load_model(file) for file in (tmp_path / "merged-03.keras", sources / "kind.keras")
    )
    mean, x = zipped(sources, tmp_path / "mean", data=None, **options), data["kind"]["x"]
    away = [
        float(np.abs(one.predict(x, verbose=0)["kind"] - teacher.predict(x, verbose=0)).mean())
        for one in (network, keras.models.load_model(tmp_path / "mean" / "merged-03.keras"))
    ]
    assert mean.rounds[0].start == "mean"
    assert away[0] < away[1] / 2


def test_a_model_aligned_with_itself_in_another_order_is_that_model(sources: Path, tmp_path: Path) -> None:
    from keras_weld.core.permutations import groups_of
    from keras_weld.zipping.alignment import calls_of, permute
    from keras_weld.zipping.trace import trace

    model = keras.models.load_model(sources / "kind.keras")
    x = np.random.default_rng(0).uniform(0, 1, (8, *FACES)).astype("float32")
    wanted, one = model.predict(x, verbose=0), trace(model)
    found = groups_of(calls_of(one), one.outputs)
    permute(one, found, {group: np.roll(np.arange(found.sizes[group]), 1) for group in found.free})
    models = [sources / "kind.keras", model]
    weld.zipper(models, names=["a", "b"], out=tmp_path, start="align", merge="weights", rounds=[3])
    merged = keras.models.load_model(tmp_path / "chosen.keras")
    for given in merged.predict(x, verbose=0).values():
        np.testing.assert_allclose(given, wanted, atol=1e-5)


def test_calibration_brings_the_loss_down(sources: Path, tmp_path: Path) -> None:
    losses = zipped(sources, tmp_path, rounds=[3], steps=40, rate=1e-2).rounds[0].losses
    assert [step for step, _ in losses] == list(range(2, 41, 2))
    assert losses[-1][1] < losses[0][1]


def test_by_the_papers_preset_tasks_take_turns_and_each_has_its_own_input(sources: Path, tmp_path: Path) -> None:
    found = zipped(sources, tmp_path, preset="paper", start=None, batch_size=None, rounds=[2], steps=1, rate=0.1)
    assert (found.share, found.merge, found.rounds[0].start) == ("pointwise+norm", "weights", "mean")
    merged = keras.models.load_model(tmp_path / "merged-02.keras")
    assert len(merged.inputs) == 2
    names = {layer.name for layer in merged.layers}
    assert {"pointwise_1", "pointwise_2", "kind_depthwise_1", "colour_depthwise_1", "kind_pointwise_3"} <= names
    moved = {}
    for task in CLASSES:
        source = keras.models.load_model(sources / f"{task}.keras")
        moved[task] = np.abs(merged.get_layer(task).get_weights()[-1] - source.layers[-1].get_weights()[-1]).max() > 0
    assert moved == {"kind": True, "colour": False}  # it was the first task's turn
    told = weld.lineage(tmp_path / "merged-02.keras")
    assert told is not None
    assert {name: told["parameters"][name] for name in ("mixing", "optimizer", "schedule", "batch_size")} == {
        "mixing": "turns",
        "optimizer": "sgd",
        "schedule": "0.94@10",
        "batch_size": 64,
    }


Refused = Callable[[Path, Path], Any]


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"data": {"kind": "kind.npz"}}, UsageError, "Every task needs data"),
        ({"rounds": [9]}, UsageError, "not so many blocks"),
        ({"rounds": "some"}, UsageError, "rounds are not told"),
        ({"share": "squeeze_excite"}, UsageError, "shares none of the layers"),
        ({"inputs": "separate"}, UsageError, "same input"),
        ({"start": "from:nobody"}, UsageError, "no such start"),
        ({"start": "lsq", "data": None}, UsageError, "need examples"),
        ({"start_examples": 0}, UsageError, "start_examples"),
        ({"steps": -1}, UsageError, "steps"),
        ({"merge": "both"}, UsageError, "no such choice of merge"),
        ({"mixing": "shaken"}, UsageError, "no such choice of mixing"),
        ({"schedule": "linear"}, UsageError, "no such schedule"),
        ({"layers_at": "squeeze"}, UsageError, "No layer is held"),
        ({"baselines": "some"}, UsageError, "no such choice of baselines"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_is_written(
    options: dict[str, Any], error: type[Exception], said: str, sources: Path, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        zipped(sources, tmp_path / "out", **options)
    assert not list((tmp_path / "out").glob("*"))


def test_labels_out_of_range_are_refused(sources: Path, tmp_path: Path) -> None:
    x = np.zeros((8, *FACES), "float32")
    data = {"kind": (x, np.arange(8) % 4), "colour": (x, np.arange(8) % 4)}
    with pytest.raises(DataError, match="not one of the model's classes") as refused:
        zipped(sources, tmp_path / "out", data=data)
    assert "0 to 2" in str(refused.value.expected)


def test_models_of_another_architecture_are_refused(sources: Path, tmp_path: Path) -> None:
    made("cnn").save(tmp_path / "cnn.keras")
    with pytest.raises(IncompatibleModelsError, match="nothing to share") as refused:
        weld.zipper([sources / "kind.keras", tmp_path / "cnn.keras"], out=tmp_path / "out")
    assert "cnn.keras" in str(refused.value.file)


def test_a_loss_that_is_no_number_stops_it_and_keeps_the_rounds_before(sources: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no number any more") as refused:
        zipped(sources, tmp_path, rounds=[0, 3], hard=3e38)
    assert "at step" in str(refused.value.found)
    assert (tmp_path / "merged-00.keras").exists()
    assert not (tmp_path / "merged-03.keras").exists()
