"""`weld.fit`: interrupted anywhere and started again, a run ends with the same bits."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
import matrix  # noqa: E402
from interrupted import Interruption, Outcome, Stop, interrupted, outcome, pictures  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import DamagedFileError, TrainingError, UsageError, WriteError  # noqa: E402

CALLBACKS: dict[str, Callable[[], list[Any]]] = {
    "plateau": lambda: [keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=0.5, factor=0.5)],
    "swapped": lambda: [keras.callbacks.SwapEMAWeights(swap_on_epoch=True)],
    # It is never better by so much: the training ends with its second epoch.
    "early": lambda: [keras.callbacks.EarlyStopping("val_loss", 9.0, patience=1, restore_best_weights=True)],
}


def builder(optimizer: str, body: str = "Dropout") -> Callable[[], keras.Model]:
    return lambda: matrix.build(optimizer, matrix.LAYERS[body])


def train(
    build: Callable[[], keras.Model], run: Path, callbacks: str, at: int | None = None, **options: Any
) -> tuple[keras.Model, list[Any]]:
    settings = {"epochs": 3, "batch_size": 16, "every": "2 steps", "verbose": 0, **options}
    given = [*CALLBACKS[callbacks](), Stop(at)]
    data = {"train": pictures(), "validation": pictures(20, 1)}
    return weld.fit(build, data, run=run, callbacks=given, **settings), given


def left(*given: Any, **options: Any) -> Outcome:
    return outcome(*train(*given, **options))


def of_the_model(outcome: Outcome) -> Outcome:
    """Without metrics, which Keras leaves behind where something was trained or validated in this process."""
    return Outcome(outcome.facts, {key: one for key, one in outcome.arrays.items() if not key.startswith("metrics/")})


def test_a_training_that_a_callback_has_ended_stays_ended(tmp_path: Path) -> None:
    build = builder("use_ema")
    whole = left(build, tmp_path / "whole", "early")
    assert whole.facts["history"]["epoch"] == [0, 1]
    resumed = interrupted(lambda at: left(build, tmp_path / "resumed", "early", at), (3, 9))
    assert whole.differences(resumed) == []
    again, callbacks = train(build, tmp_path / "resumed", "early")
    assert of_the_model(whole).differences(of_the_model(outcome(again, callbacks))) == []
    saved = weld.load(tmp_path / "resumed" / "model.keras")
    for first, second in zip(again.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import test_exact_resume as t
from pathlib import Path
t.train(t.builder("Adam"), Path(sys.argv[2]), "plateau", epochs=20, every="1 steps")
"""


def test_killed_again_and_again_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL at random moments, also while a checkpoint is written: one is after every batch."""
    command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(tmp_path / "killed")]
    # What is compiled is not shared: one killed as it writes that would leave others half a file.
    environment = {name: value for name, value in os.environ.items() if name != "JAX_COMPILATION_CACHE_DIR"}
    whole, _ = train(builder("Adam"), tmp_path / "whole", "plateau", epochs=20, every="1 steps")
    chance = random.Random(0)
    kills = 0
    while True:
        with (tmp_path / "said").open("w") as said:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said, env=environment)
        before = newest(tmp_path / "killed")
        patience = time.monotonic() + 120
        while process.poll() is None and newest(tmp_path / "killed") == before and time.monotonic() < patience:
            time.sleep(0.005)
        try:
            process.wait(chance.uniform(0, 0.6) if kills < 2 else 300)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, (tmp_path / "said").read_text()[-2000:]
        kills += 1
    assert kills == 2
    assert (tmp_path / "killed" / "history.json").read_text() == (tmp_path / "whole" / "history.json").read_text()
    saved = weld.load(tmp_path / "killed" / "model.keras")
    for first, second in zip(whole.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


def newest(run: Path) -> str:
    folder = run / "checkpoints"
    return (
        max((one.name for one in folder.iterdir() if one.name.startswith("step-")), default="")
        if folder.is_dir()
        else ""
    )


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was interrupted in its second epoch."""
    run = tmp_path_factory.mktemp("begun") / "run"
    with pytest.raises(Interruption):
        train(builder("Adam"), run, "plateau", 9)
    return run


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def go_on(run: Path, build: Callable[[], keras.Model] | None = None, **options: Any) -> tuple[Outcome, list[str]]:
    told: list[str] = []
    return left(build or builder("Adam"), run, "plateau", tell=told.append, **options), told


def test_a_damaged_checkpoint_is_passed_over_and_told(run: Path, begun: Path, tmp_path: Path) -> None:
    steps = sorted((run / "checkpoints").glob("step-*"))
    assert [step.name for step in steps] == ["step-0000000006", "step-0000000008"]
    state = steps[-1] / "state.weights.h5"
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    resumed, told = go_on(run)
    assert told[0].startswith("The checkpoint of step 8 is damaged and was passed over")
    whole, _ = go_on(Path(shutil.copytree(begun, tmp_path / "other")))
    assert whole.differences(resumed) == []
    for step in (run / "checkpoints").glob("step-*"):
        (step / "manifest.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="None of the run's checkpoints is whole"):
        go_on(run)


@pytest.mark.parametrize(
    ("options", "words", "old", "new"),
    [
        ({"batch_size": 8}, "another batch size", "16", "8"),
        ({"seed": 3}, "another seed", "0", "3"),
    ],
)
def test_what_has_changed_is_refused_with_old_and_new(
    run: Path, options: dict[str, Any], words: str, old: str, new: str
) -> None:
    with pytest.raises(TrainingError, match=words) as refused:
        go_on(run, **options)
    assert (refused.value.expected, refused.value.found) == (old, new)
    assert "changes=[" in str(refused.value.remedy)


def test_a_change_that_is_meant_is_told_and_noted(run: Path) -> None:
    def build() -> keras.Model:
        model = builder("Adam")()
        model.optimizer.learning_rate = 1e-3
        return model

    with pytest.raises(TrainingError, match="another learning rate"):
        go_on(run, build)
    resumed, told = go_on(run, build, changes=["learning_rate", "batch_size"], batch_size=8)
    assert any(text.startswith("The learning rate has changed, as was asked for: 0.01") for text in told)
    assert any(text.startswith("The learning rate jumps from") for text in told)
    (noted,) = json.loads((run / "run.json").read_text())["changes"]
    assert noted["changed"] == ["learning_rate", "batch_size"]
    assert resumed.facts["history"]["epoch"] == [0, 1, 2]


@pytest.mark.parametrize("callbacks", ["plateau", "swapped"])
def test_more_epochs_go_on_from_the_last(callbacks: str, tmp_path: Path) -> None:
    build = builder("use_ema")
    whole = left(build, tmp_path / "whole", callbacks)
    left(build, tmp_path / "more", callbacks, epochs=1)
    again = left(build, tmp_path / "more", callbacks, epochs=1)
    more = interrupted(lambda at: left(build, tmp_path / "more", callbacks, at), (15,))
    assert whole.differences(more) == []
    assert of_the_model(whole).differences(of_the_model(left(build, tmp_path / "more", callbacks))) == []
    one = left(build, tmp_path / "one", callbacks, epochs=1)
    assert of_the_model(one).differences(of_the_model(again)) == []


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    build = builder("Adam")
    with pytest.raises(UsageError, match="How often a checkpoint is taken"):
        train(build, tmp_path / "a", "plateau", every="often")
    with pytest.raises(UsageError, match="There is no such change"):
        train(build, tmp_path / "b", "plateau", changes=["weather"])
    with pytest.raises(UsageError, match="is not compiled"):
        train(lambda: keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten()]), tmp_path / "c", "plateau")


def test_a_callback_that_cannot_be_kept_is_named(tmp_path: Path) -> None:
    class Counter(keras.callbacks.Callback):
        count = 0

    told: list[str] = []
    weld.fit(builder("Adam"), pictures(), run=tmp_path, epochs=1, callbacks=[Counter()], verbose=0, tell=told.append)
    assert told == [
        "What Counter knows is not kept over an interruption: give the class get_state() and set_state(state), which "
        "return and take numbers, texts and arrays."
    ]


def test_a_checkpoint_that_cannot_be_written_ends_the_training_with_what_the_system_said(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(WriteError, match="A checkpoint could not be written"):
        train(builder("Adam"), tmp_path, "plateau")
