"""`weld zip` interrupted anywhere and started again: it ends with the same bits, and makes nothing twice."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

sys.path.insert(0, str(Path(__file__).parents[1] / "zipping"))

import keras  # noqa: E402
from zip_models import made  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import TrainingError  # noqa: E402
from keras_weld.recipes import zip_rounds  # noqa: E402
from keras_weld.recipes.zip_calibrating import Calibrating  # noqa: E402
from keras_weld.recipes.zip_measuring import Meter  # noqa: E402
from keras_weld.zipping import fitting  # noqa: E402

CLASSES = {"kind": 3, "colour": 4}
COSTS = {"compression": 1.0, "memory": 1.0, "activations": 1.0, "speedup": ()}
STEPS = 41  # in parts of three steps, the last of two


class Interruption(KeyboardInterrupt):
    """What stands for a kill inside one process."""


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks with dropout, whose seeds are variables, so that a step that is drawn anew shows."""
    folder = tmp_path_factory.mktemp("sources")
    for number, (task, classes) in enumerate(CLASSES.items()):
        made("mlp", classes, number).save(folder / f"{task}.keras")
        random = np.random.default_rng(number)
        x = {f"x_{part}": random.normal(size=(30, 5)).astype("float32") for part in ("train", "val", "test")}
        y = {f"y_{part}": random.integers(0, classes, 30) for part in ("train", "val", "test")}
        np.savez(folder / f"{task}.npz", **x, **y)
    return folder


@pytest.fixture(autouse=True, scope="module")
def untimed() -> Iterator[None]:
    """Speed is no part of this, and differs from time to time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Meter, "costs", lambda meter, network, trunk: COSTS)
        yield


def zipped(
    sources: Path, out: Path, *, at: int | None = None, told: list[str] | None = None, **options: Any
) -> tuple[Any, list[str], list[int]]:
    """Zip, and break off when so many steps were seen in this start; gives what was told, and steps done."""
    told = [] if told is None else told
    done: list[int] = []

    def progress(step: int, total: int | None, words: str) -> None:
        if ", loss " not in words:
            return
        done.append(step)
        if len(done) == at:
            raise Interruption

    keras.utils.set_random_seed(99 + len(list(out.glob("*"))))  # what was drawn before must not matter
    settings = {"rounds": [1, 2], "steps": STEPS, "batch_size": 4, "start": "mean", "max_drop": None}
    settings |= {"baselines": "none", **options}
    found = weld.zipper(
        [sources / f"{task}.keras" for task in CLASSES],
        data={task: sources / f"{task}.npz" for task in CLASSES},
        out=out,
        progress=progress,
        tell=told.append,
        **settings,
    )
    return found, told, done


def same_networks(one: Path, other: Path) -> None:
    names = sorted(path.name for path in one.glob("*.keras"))
    assert names == sorted(path.name for path in other.glob("*.keras"))
    for name in names:
        models = [keras.models.load_model(folder / name, compile=False) for folder in (one, other)]
        for first, second in zip(*(model.weights for model in models), strict=True):
            np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(value) for value in (first, second)))


@pytest.fixture(scope="module")
def whole(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A zip that nothing has interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    found, told, done = zipped(sources, folder)
    assert told == []
    assert done == list(range(1, 2 * STEPS + 1))
    return folder, found


def test_interrupted_in_rounds_and_between_them_it_ends_with_the_same_bits(
    sources: Path, whole: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, found = whole
    with pytest.raises(Interruption):
        zipped(sources, tmp_path, at=8, every="1 steps")  # in the third part, after a checkpoint inside it
    told: list[str] = []
    with pytest.raises(Interruption):
        zipped(sources, tmp_path, at=STEPS - 7 + 1, told=told)  # before the first step of the second round was kept
    assert told == [f"Goes on at step 7 of {STEPS} (1 of 2 blocks)."]
    assert [one.name for one in tmp_path.glob("merged-*")] == ["merged-01.keras"]
    with monkeypatch.context() as patch:
        patch.setattr(zip_rounds, "judged", _interrupted)  # the second round is trained, and not written
        with pytest.raises(Interruption):
            zipped(sources, tmp_path)
    resumed, told, done = zipped(sources, tmp_path)
    assert told == []
    assert done == []
    assert resumed == found
    same_networks(expected, tmp_path)


def _interrupted(*given: Any) -> Any:
    raise Interruption


def test_interrupted_in_the_trial_of_starts_it_ends_with_the_same_bits_and_tells_the_same(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Calibrating, "trials", lambda calibrating, depth: ["from:kind", "lsq"])
    monkeypatch.setattr(fitting, "MOST_WIDTH", 8)  # the second layer is not fitted, which is told
    options = {"rounds": [2], "start": "auto", "steps": 40}
    found, _, done = zipped(sources, tmp_path / "whole", **options)
    assert "no closed form" in found.notes[0]
    assert done == list(range(1, 45))
    with pytest.raises(Interruption):
        zipped(sources, tmp_path / "out", at=4, every="1 steps", **options)
    resumed, told, done = zipped(sources, tmp_path / "out", **options)
    assert told == ["Goes on at step 1 of 2 (start lsq)."]
    assert done == list(range(4, 45))
    assert resumed == found
    same_networks(tmp_path / "whole", tmp_path / "out")


def test_a_branch_that_is_interrupted_in_its_training_goes_on_and_is_then_kept(sources: Path, tmp_path: Path) -> None:
    options = {"rounds": [1], "baselines": "trained"}
    with pytest.raises(Interruption):
        zipped(sources, tmp_path, at=STEPS + 8, **options)
    found, told, done = zipped(sources, tmp_path, **options)
    assert told == [f"Goes on at step 6 of {STEPS} (branch on kind)."]
    assert done == list(range(STEPS + 7, 2 * STEPS + 1))
    assert found.baselines[-2].steps == STEPS
    assert not (tmp_path / "rounds" / "branch-kind" / "checkpoints").exists()
    again, told, done = zipped(sources, tmp_path, **options)
    assert (again, told, done) == (found, [], [])


def test_a_finished_zip_gives_its_frontier_and_does_nothing(
    sources: Path, whole: tuple[Path, Any], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(whole[0], tmp_path / "out"))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != "lock"}
    found, told, done = zipped(sources, folder)
    assert (found, told, done) == (whole[1], [], [])
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.name != "lock"} == before


def test_other_limits_choose_again_and_train_nothing(sources: Path, whole: tuple[Path, Any], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole[0], tmp_path / "out"))
    found, _, done = zipped(sources, folder, max_drop=-1e9)
    assert found.chosen is None
    assert done == []
    assert not (folder / "chosen.keras").exists()
    assert json.loads((folder / "frontier.json").read_text())["chosen"] is None


@pytest.mark.parametrize(
    ("options", "said", "old", "new"),
    [
        ({"rate": 1e-2}, "another zip, with other rate", "0.001", "0.01"),
        ({"steps": 42}, "other steps", "41", "42"),
        ({"share": "kernels"}, "other share", "all", "kernels"),
        ({"rounds": [2]}, "other rounds", "1, 2", "2"),
        ({"hard": 0.5}, "other hard", "0.3", "0.5"),
        ({"seed": 1}, "other seed", "0", "1"),
        ({"start_examples": 9}, "other start examples", "512", "9"),
    ],
)
def test_another_command_in_its_folder_is_refused(
    options: dict[str, Any], said: str, old: str, new: str, sources: Path, whole: tuple[Path, Any]
) -> None:
    with pytest.raises(TrainingError, match=said) as refused:
        zipped(sources, whole[0], **options)
    assert (refused.value.expected, refused.value.found) == (old, new)
    assert "--fresh" in str(refused.value.remedy)


def test_other_sources_and_other_data_are_refused(sources: Path, whole: tuple[Path, Any], tmp_path: Path) -> None:
    other = Path(shutil.copytree(sources, tmp_path / "sources"))
    with np.load(sources / "colour.npz") as arrays:
        np.savez(other / "colour.npz", **{**arrays, "x_train": arrays["x_train"] + 1})
        changed = {**arrays, "y_test": 3 - arrays["y_test"]}
    with pytest.raises(TrainingError, match="other data") as refused:
        zipped(other, whole[0])
    assert str(refused.value.expected).startswith("colour: train: input: 5 of float32, mean ")
    np.savez(other / "colour.npz", **changed)
    with pytest.raises(TrainingError, match="other data") as refused:
        zipped(other, whole[0])
    assert str(refused.value.found).startswith("colour: test: target: ")
    made("mlp", 3, 7).save(other / "kind.keras")
    with pytest.raises(TrainingError, match="other sources") as refused:
        zipped(other, whole[0])
    assert str(refused.value.found).startswith("kind ")


def test_a_network_that_is_not_what_was_written_is_made_again(
    sources: Path, whole: tuple[Path, Any], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(whole[0], tmp_path / "out"))
    shutil.copy(folder / "merged-01.keras", folder / "merged-02.keras")
    found, told, done = zipped(sources, folder)
    assert "merged-02.keras is not what was written: its round is made again." in told[0]
    assert done == list(range(STEPS + 1, 2 * STEPS + 1))
    assert found == whole[1]
    same_networks(whole[0], folder)


def test_what_is_begun_anew_forgets_what_was_there(sources: Path, whole: tuple[Path, Any], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole[0], tmp_path / "out"))
    found, _, done = zipped(sources, folder, rounds=[2], steps=4, fresh=True)
    assert done == [1, 2, 3, 4]
    assert [one["merged_blocks"] for one in json.loads((folder / "frontier.json").read_text())["rounds"]] == [2]
    again, _, done = zipped(sources, folder, rounds=[2], steps=4)
    assert (again, done) == (found, [])


def test_ctrl_c_is_answered_with_how_it_goes_on(
    sources: Path, tmp_path: Path, weld_here: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["zip", *(sources / f"{task}.keras" for task in CLASSES), "-o", tmp_path / "out"]
    words += [word for task in CLASSES for word in ("--data", f"{task}:{sources / task}.npz")]
    monkeypatch.setattr(Calibrating, "trained", _interrupted)
    done = weld_here(*words, "--init", "mean")
    assert done.returncode == 130
    assert "The zip goes on where it was with the same command." in done.stderr
    assert not (tmp_path / "out").exists()  # it had not begun
