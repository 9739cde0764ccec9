"""`weld.fit`: interrupted anywhere and started again, a run ends with the same bits."""

from __future__ import annotations

import json
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
from interrupted import Interruption, Stop, assert_same, pictures  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import DamagedFileError, TrainingError, UsageError  # noqa: E402

CLASSES = 3


def convolutional() -> list[Any]:
    return [layers.RandomFlip(), layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(), layers.Flatten()]


def recurrent() -> list[Any]:
    return [layers.Reshape((8, 8)), layers.LSTM(6, dropout=0.2, recurrent_dropout=0.1)]


def dense() -> list[Any]:
    return [layers.Flatten(), layers.GaussianNoise(0.1), layers.Dense(8, activation="relu")]


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "adam": lambda: keras.optimizers.Adam(1e-2),
    "momentum": lambda: keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True),
    "schedule": lambda: keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-2, 12), weight_decay=1e-2),
    "accumulation": lambda: keras.optimizers.Adam(1e-2, gradient_accumulation_steps=3),
    "ema": lambda: keras.optimizers.Adam(1e-2, use_ema=True, ema_overwrite_frequency=4),
    "clipnorm": lambda: keras.optimizers.RMSprop(1e-2, clipnorm=0.1),
    "scaled": lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(1e-2), dynamic_growth_steps=3),
}
BODIES = {"convolutional": convolutional, "recurrent": recurrent, "dense": dense}
CALLBACKS: dict[str, Callable[[Path], list[Any]]] = {
    "plateau": lambda _: [keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=1, min_delta=0.5, factor=0.5)],
    "early": lambda _: [keras.callbacks.EarlyStopping(monitor="val_loss", patience=1, restore_best_weights=True)],
    "log": lambda folder: [keras.callbacks.CSVLogger(folder / "log.csv")],
    "best": lambda folder: [
        keras.callbacks.ModelCheckpoint(folder / "best.keras", monitor="val_loss", save_best_only=True)
    ],
}


def builder(optimizer: str, body: str) -> Callable[[], keras.Model]:
    def build() -> keras.Model:
        end = [layers.Dropout(0.3), layers.Dense(CLASSES, activation="softmax", dtype="float32")]
        model = keras.Sequential([keras.Input((8, 8, 1)), *BODIES[body](), *end])
        model.compile(OPTIMIZERS[optimizer](), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    return build


def train(
    build: Callable[[], keras.Model], run: Path, callbacks: str, at: int | None = None, **options: Any
) -> tuple[keras.Model, Stop]:
    run.mkdir(parents=True, exist_ok=True)
    stop = Stop(at)
    settings = {"epochs": 3, "batch_size": 16, "every": "2 steps", "verbose": 0, "deterministic": True, **options}
    given = [*CALLBACKS[callbacks](run), stop]
    data = {"train": pictures(), "validation": pictures(20, 1)}
    try:
        return weld.fit(build, data, run=run, callbacks=given, **settings), stop
    finally:
        for one in given:  # Keras leaves it open where training breaks off
            if getattr(one, "csv_file", None) is not None:
                one.csv_file.close()


CASES = [
    ("adam", "convolutional", "plateau"),
    ("momentum", "recurrent", "early"),
    ("schedule", "dense", "log"),
    ("accumulation", "convolutional", "best"),
    ("ema", "dense", "plateau"),
    ("clipnorm", "recurrent", "log"),
    ("scaled", "dense", "early"),
]


@pytest.mark.parametrize(("optimizer", "body", "callbacks"), CASES)
def test_interrupted_inside_and_between_epochs_it_ends_with_the_same_bits(
    optimizer: str, body: str, callbacks: str, tmp_path: Path
) -> None:
    build = builder(optimizer, body)
    whole, told = train(build, tmp_path / "whole", callbacks)
    restarts = 0
    for at in (3, 6, 11, None):  # six batches an epoch; checkpoints after 2, 4, 6, …
        try:
            resumed, stop = train(build, tmp_path / "resumed", callbacks, at)
        except Interruption:
            restarts += 1
    assert restarts == min(3, sum(number <= told.seen for number in (3, 6, 11)))
    assert_same(whole, resumed)
    assert (stop.seen, stop.batches) == (told.seen, told.batches)
    for name in ("history.json", "history.csv", *(("log.csv",) if callbacks == "log" else ())):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "resumed" / name).read_text()
    again, _ = train(build, tmp_path / "resumed", callbacks)
    assert_same(whole, again)
    saved = weld.load(tmp_path / "whole" / "model.keras")
    for first, second in zip(whole.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(first, second)


SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import test_exact_resume as t
from pathlib import Path
model, _ = t.train(t.builder("adam", "convolutional"), Path(sys.argv[2]), "plateau", epochs=40, every="1 steps")
"""


def test_killed_again_and_again_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    """SIGKILL at random moments, also while a checkpoint is written: one is after every batch."""
    command = [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(tmp_path / "killed")]
    whole, _ = train(builder("adam", "convolutional"), tmp_path / "whole", "plateau", epochs=40, every="1 steps")
    chance = random.Random(0)
    kills = 0
    while True:
        with (tmp_path / "said").open("w") as said:
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=said)
        before = newest(tmp_path / "killed")
        patience = time.monotonic() + 120
        while process.poll() is None and newest(tmp_path / "killed") == before and time.monotonic() < patience:
            time.sleep(0.005)
        try:
            process.wait(chance.uniform(0, 0.6) if kills < 5 else 300)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL, (tmp_path / "said").read_text()[-2000:]
        kills += 1
    assert kills >= 3
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
        train(builder("adam", "dense"), run, "plateau", 9)
    return run


@pytest.fixture
def run(begun: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(begun, tmp_path / "run"))


def go_on(run: Path, build: Callable[[], keras.Model] | None = None, **options: Any) -> tuple[keras.Model, list[str]]:
    told: list[str] = []
    model, _ = train(build or builder("adam", "dense"), run, "plateau", tell=told.append, **options)
    return model, told


def test_a_damaged_checkpoint_is_passed_over_and_told(run: Path, begun: Path, tmp_path: Path) -> None:
    steps = sorted((run / "checkpoints").iterdir())
    assert [step.name for step in steps] == ["step-0000000006", "step-0000000008"]
    state = steps[-1] / "state.weights.h5"
    content = bytearray(state.read_bytes())
    content[len(content) // 2] ^= 1
    state.write_bytes(content)
    model, told = go_on(run)
    assert told[0].startswith("The checkpoint of step 8 is damaged and was passed over")
    whole, _ = go_on(Path(shutil.copytree(begun, tmp_path / "other")))
    assert_same(whole, model)
    for step in (run / "checkpoints").iterdir():
        (step / "manifest.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="None of the run's checkpoints is whole"):
        go_on(run)


@pytest.mark.parametrize(
    ("options", "build", "words", "old", "new"),
    [
        ({"batch_size": 8}, None, "another batch size", "16", "8"),
        ({"seed": 3}, None, "another seed", "0", "3"),
        ({}, ("adam", "recurrent"), "another model", None, None),
        ({}, ("momentum", "dense"), "another optimizer", "class Adam", "class SGD"),
    ],
)
def test_what_has_changed_is_refused_with_old_and_new(
    run: Path, options: dict[str, Any], build: tuple[str, str] | None, words: str, old: str | None, new: str | None
) -> None:
    with pytest.raises(TrainingError, match=words) as refused:
        go_on(run, None if build is None else builder(*build), **options)
    if old is not None and new is not None:
        assert old in str(refused.value.expected)
        assert new in str(refused.value.found)
    assert "changes=[" in str(refused.value.remedy)


def test_a_change_that_is_meant_is_told_and_noted(run: Path) -> None:
    def build() -> keras.Model:
        model = builder("adam", "dense")()
        model.optimizer.learning_rate = 1e-3
        return model

    with pytest.raises(TrainingError, match="another learning rate"):
        go_on(run, build)
    model, told = go_on(run, build, changes=["learning_rate", "batch_size"], batch_size=8)
    assert any(text.startswith("The learning rate has changed, as was asked for: 0.01") for text in told)
    assert any(text.startswith("The learning rate jumps from") for text in told)
    (noted,) = json.loads((run / "run.json").read_text())["changes"]
    assert noted["changed"] == ["learning_rate", "batch_size"]
    assert model.history.epoch == [0, 1, 2]


def test_more_epochs_go_on_from_the_last(tmp_path: Path) -> None:
    build = builder("ema", "dense")
    train(build, tmp_path / "more", "plateau", epochs=1)
    more, _ = train(build, tmp_path / "more", "plateau", epochs=3)
    whole, _ = train(build, tmp_path / "whole", "plateau", epochs=3)
    assert_same(whole, more)


def test_options_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    build = builder("adam", "dense")
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
    weld.fit(
        builder("adam", "dense"), pictures(), run=tmp_path, epochs=1, callbacks=[Counter()], verbose=0, tell=told.append
    )
    assert told == [
        "What Counter knows is not kept over an interruption: give the class get_state() and set_state(state), which "
        "return and take numbers, texts and arrays."
    ]
