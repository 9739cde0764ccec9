"""Which checkpoints of a run stay, and what is done while the training goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from keras_weld.errors import DamagedFileError, UsageError, WriteError
from keras_weld.training.background import Background
from keras_weld.training.best import Criterion, parse_best
from keras_weld.training.checkpoints import Checkpoints, Snapshot


def checkpoint(step: int) -> Snapshot:
    return Snapshot(step, {"epoch": step}, {"a": np.full(3, step, "float32")})


def test_the_newest_and_the_best_stay(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)
    for step in range(1, 7):
        kept.write(checkpoint(step), spare=2)
    assert kept.steps() == [6, 5, 2]
    found = kept.read(2)
    assert (found.step, found.facts, found.arrays["a"].tolist()) == (2, {"epoch": 2}, [2.0, 2.0, 2.0])
    kept.write(checkpoint(7), spare=6)
    assert kept.steps() == [7, 6]


def test_damaged_checkpoints_that_were_passed_over_take_no_place_of_whole_ones(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=1)
    kept.write(checkpoint(8))
    (tmp_path / "step-0000000008" / "manifest.json").write_text("{}")
    kept.write(checkpoint(7))
    assert kept.steps() == [7]
    assert kept.newest()[0].step == 7


def test_the_best_is_fallen_back_to_when_all_others_are_damaged(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, keep=2)
    for step in (1, 2, 3):
        kept.write(checkpoint(step), spare=1)
    for step in (2, 3):
        (tmp_path / f"step-{step:010}" / "state.weights.h5").unlink()
    newest, told = kept.newest()
    assert newest.step == 1
    assert [text.partition(" is damaged")[0] for text in told] == [
        "The checkpoint of step 3",
        "The checkpoint of step 2",
    ]
    assert str(tmp_path / "step-0000000003" / "state.weights.h5") in told[0]
    (tmp_path / "step-0000000001" / "manifest.json").unlink()
    with pytest.raises(DamagedFileError, match="None of the run's checkpoints is whole"):
        kept.newest()


def test_what_the_system_refuses_is_told_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file")
    with pytest.raises(WriteError, match="could not be written; older ones are untouched") as refused:
        Checkpoints(tmp_path / "checkpoints").write(checkpoint(1))
    assert "free space" in str(refused.value.remedy)


HISTORY = [
    {"epoch": 0, "step": 10, "rate": 0.1, "loss": 3.0, "val_loss": 2.0, "accuracy": 0.5},
    {"epoch": 1, "step": 20, "rate": 0.1, "loss": 2.0, "val_loss": 2.5, "accuracy": 0.9},
    {"epoch": 2, "step": 30, "rate": 0.1, "loss": 1.0, "val_loss": 2.0, "accuracy": float("nan")},
]


@pytest.mark.parametrize(
    ("text", "step"), [("loss", 10), ("lowest loss", 30), ("highest accuracy", 20), ("lowest accuracy", 10)]
)
def test_the_best_epoch_is_told_by_a_metric(text: str, step: int) -> None:
    assert parse_best(text).step(HISTORY) == step


def test_without_validation_the_loss_tells() -> None:
    history = [{key: value for key, value in entry.items() if key != "val_loss"} for entry in HISTORY]
    assert Criterion().step(history) == 30
    assert Criterion().step([]) is None


def test_a_metric_that_is_not_there_and_a_text_that_is_none_are_refused() -> None:
    with pytest.raises(UsageError, match="not measured") as refused:
        Criterion("val_f1", True).check(HISTORY[0])
    assert refused.value.expected == "loss, val_loss, accuracy"
    with pytest.raises(UsageError, match="What makes a checkpoint the best"):
        parse_best("val_accuracy")


def test_work_is_done_in_another_thread_and_one_thing_at_a_time() -> None:
    go, done = threading.Event(), []

    def slow() -> None:
        go.wait(10)
        done.append(threading.current_thread().name)

    with Background() as background:
        background.do(slow)
        assert done == []
        threading.Timer(0.05, go.set).start()
        background.do(lambda: done.append("second"))  # waits for the first
        assert len(done) >= 1
        assert done[0].startswith("weld-checkpoints")
    assert done[1:] == ["second"]


def fail() -> None:
    raise WriteError("The disk is full.")


def test_an_error_of_the_work_is_raised_when_more_is_handed_over_and_at_the_end() -> None:
    background, done = Background(), []
    background.do(fail)
    with pytest.raises(WriteError, match="The disk is full"):
        background.do(lambda: done.append(1))
    background.do(fail)
    with pytest.raises(WriteError, match="The disk is full"):
        background.wait()
    background.wait()
    assert done == []


def broken_off(work: Callable[[], None], error: BaseException) -> None:
    with Background() as background:
        background.do(work)
        raise error


def test_an_error_of_the_training_comes_first() -> None:
    done: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        broken_off(lambda: done.append(1), KeyboardInterrupt())
    assert done == [1]
    with pytest.raises(ValueError, match="training") as broken:
        broken_off(fail, ValueError("training"))
    assert "The disk is full" in broken.value.__notes__[0]
