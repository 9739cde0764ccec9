"""A model out of a run: the last, the best, that of an epoch; of a run at its end, and of one that was interrupted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest

import keras_weld as weld
from keras_weld.errors import TrainingError, UsageError

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


class Watch(keras.callbacks.Callback):
    """Notes the weights at each epoch's end; ends the training by an error before an epoch, if told to."""

    def __init__(self, ends_before: int | None = None) -> None:
        super().__init__()
        self.weights, self.ends_before = [], ends_before

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.ends_before:
            raise RuntimeError("interrupted")

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())


def build():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    model.compile(keras.optimizers.SGD(50.0, momentum=0.9), "sparse_categorical_crossentropy")  # it gets worse, too
    return model


def train(run, made=build, *, ends_before=None, **options):
    found = np.random.default_rng(0)
    data = found.normal(size=(24, 4)).astype("float32"), found.integers(0, 3, 24)
    watch = Watch(ends_before)
    asked = {"epochs": 4, "batch_size": 8, "verbose": 0, "deterministic": False, "tell": lambda text: None}
    try:
        weld.fit(made, data, run=run, callbacks=[watch], **{**asked, **options})
    except RuntimeError:
        assert ends_before is not None
    return watch.weights


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    run = tmp_path_factory.mktemp("runs") / "run"
    return run, train(run)


def assert_same(file, weights):
    for one, other in zip(weld.load(file).get_weights(), weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_last_and_the_best_and_an_epoch(finished, tmp_path):
    run, weights = finished
    history = [entry["loss"] for entry in json.loads((run / "history.json").read_text())]
    best = int(np.argmin(history))
    assert best < 2, "the best must be older than those that are kept as the newest"
    weld.convert(run, tmp_path / "last.keras")
    assert_same(tmp_path / "last.keras", weights[-1])
    done = weld.convert(run, tmp_path / "best.keras", which="best")
    assert_same(tmp_path / "best.keras", weights[best])
    assert (done.source_kind, done.reloaded) == ("run", 0.0)
    assert done.notes == (
        f"The model is that at the end of epoch {best + 1} (step {3 * best + 3}): loss {history[best]:.4g}.",
    )
    assert int(weld.load(tmp_path / "best.keras").optimizer.iterations) == 3 * best + 3
    weld.convert(run, tmp_path / "lowest.h5", which="lowest loss")
    assert_same(tmp_path / "lowest.h5", weights[best])
    weld.convert(run, tmp_path / "third.keras", which="epoch 3")
    assert_same(tmp_path / "third.keras", weights[2])


def test_what_is_not_there_is_refused_with_what_is(finished, tmp_path):
    run, _ = finished
    out = tmp_path / "m.keras"
    with pytest.raises(UsageError, match="has no such epoch") as refused:
        weld.convert(run, out, which="epoch 9")
    assert refused.value.expected == "one of 1 to 4"
    missing = 2 if (run / "checkpoints" / "step-0000000003").exists() else 1
    with pytest.raises(UsageError, match="is not kept") as refused:
        weld.convert(run, out, which=f"epoch {missing}")
    assert refused.value.expected.endswith(", 3, 4")
    with pytest.raises(UsageError, match="cannot be read"):
        weld.convert(run, out, which="the nicest")
    with pytest.raises(UsageError, match="of a run alone"):
        weld.convert(run / "model.keras", out, which="best")
    with pytest.raises(UsageError, match="over one of its sources"):
        weld.convert(run, run / "model.keras", which="best")
    assert not out.exists()


def test_a_script_that_was_interrupted_tells_its_model(tmp_path, weld_here):
    run = tmp_path / "run"
    weights = train(run, ends_before=2)
    weld_here("save", run, "-o", tmp_path / "m.keras", check=True)
    assert_same(tmp_path / "m.keras", weights[-1])
    optimizer = weld.load(tmp_path / "m.keras").optimizer
    assert (int(optimizer.iterations), optimizer.momentum) == (6, 0.9)
    assert "SGD" in weld_here("load", run, check=True).stdout
    assert (run / "architecture.json").stat().st_size < 4096


class Untold(keras.layers.Layer):
    """A layer that keeps its settings to itself: what it is made of is a function."""

    def __init__(self, make):
        super().__init__()
        self.inner = make()

    def call(self, inputs):
        return self.inner(inputs)


def build_untold():
    model = keras.Sequential([keras.Input((4,)), Untold(lambda: keras.layers.Dense(3, activation="softmax"))])
    model.compile(keras.optimizers.SGD(1.0, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def test_a_script_whose_model_cannot_tell_needs_it_beside(tmp_path):
    run = tmp_path / "run"
    weights = train(run, build_untold, ends_before=2)
    assert not (run / "architecture.json").exists()
    with pytest.raises(TrainingError, match="does not tell how the model is built") as refused:
        weld.convert(run, tmp_path / "m.weights.h5")
    assert "--architecture start.keras" in refused.value.remedy
    weld.save(build(), tmp_path / "start.keras")  # the same variables, from classes that can tell
    weld.convert(run, tmp_path / "m.keras", architecture=tmp_path / "start.keras")
    assert_same(tmp_path / "m.keras", weights[-1])


def test_a_model_that_is_changed_is_told_anew(finished, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished[0], run)

    def rebuilt():
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Activation("softmax")])
        model.compile(keras.optimizers.SGD(50.0, momentum=0.9), "sparse_categorical_crossentropy")
        return model

    weights = train(run, rebuilt, ends_before=5, epochs=6, changes=["model"])
    weld.convert(run, tmp_path / "m.keras")
    assert [type(one).__name__ for one in weld.load(tmp_path / "m.keras").layers] == ["Dense", "Activation"]
    assert_same(tmp_path / "m.keras", weights[-1])


def test_the_best_is_what_the_run_meant(tmp_path):
    run = tmp_path / "run"
    weights = train(run, ends_before=3, best="highest loss")
    history = [entry["loss"] for entry in json.loads((run / "history.json").read_text())]
    worst = int(np.argmax(history))
    assert worst != int(np.argmin(history))
    weld.convert(run, tmp_path / "m.keras", which="best")
    assert_same(tmp_path / "m.keras", weights[worst])


def test_a_recipe_that_was_interrupted_builds_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    weld.save(build(), "start.keras")
    np.savez("d.npz", x=np.ones((24, 4), "float32"), y=np.zeros(24, int))
    Path("ending.py").write_text(
        "import keras\nclass End(keras.callbacks.Callback):\n    def on_epoch_begin(self, epoch, logs=None):\n"
        "        if epoch == 1:\n            raise RuntimeError('interrupted')\n"
    )
    recipe = {"model": "start.keras", "data": "d.npz", "epochs": 3, "batch_size": 8, "callbacks": ["ending:End"]}
    with pytest.raises(RuntimeError, match="interrupted"):
        weld.train({**recipe, "deterministic": False}, run="run", verbose=0)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    done = weld.convert("../run", "m.keras")
    assert done.notes[0].startswith("The model is that at the end of epoch 1 (step 3)")
    assert int(weld.load("m.keras").optimizer.iterations) == 3
