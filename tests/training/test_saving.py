"""`weld.Checkpoint`: by epoch, best and step, in Keras's own fit and in `weld.fit`, interrupted or not."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import keras_weld as weld
from keras_weld.errors import TrainingError, UsageError

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def build():
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.Dense(2)])
    model.compile(keras.optimizers.Adam(0.01), "mse")
    return model


def data():
    x = np.random.default_rng(0).normal(size=(24, 4)).astype("float32")
    return x, x[:, :2]


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


class Told(keras.callbacks.Callback):
    """Tells other figures than those that were reached, which makes the best epoch known."""

    def __init__(self, figures):
        super().__init__()
        self.figures = figures

    def on_epoch_end(self, epoch, logs=None):
        logs["score"] = self.figures[epoch]


def arrays(model):
    return [keras.ops.convert_to_numpy(one) for one in (*model.weights, *model.optimizer.variables)]


def test_each_epoch_under_its_own_name(tmp_path):
    model = build()
    checkpoint = weld.Checkpoint(tmp_path / "run" / "{epoch:02d}-{loss:.3f}.h5")
    history = model.fit(*data(), epochs=2, batch_size=8, verbose=0, callbacks=[checkpoint]).history["loss"]
    assert names_in(tmp_path / "run") == [f"{number:02d}-{loss:.3f}.h5" for number, loss in enumerate(history, 1)]
    for ours, theirs in zip(arrays(weld.load(checkpoint.saved)), arrays(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(("mode", "best"), [("max", 2), ("min", 3)])
def test_best_alone(tmp_path, mode, best):
    checkpoint = weld.Checkpoint(tmp_path / "{epoch}.weights.h5", save="best", monitor="score", mode=mode)
    told = Told([2.0, 4.0, 1.0, 3.0])
    build().fit(*data(), epochs=4, batch_size=8, verbose=0, callbacks=[told, checkpoint])
    assert checkpoint.best == told.figures[best - 1]
    assert checkpoint.saved == str(tmp_path / f"{best}.weights.h5")


def test_steps_are_counted_over_epochs_and_hold_the_weights_of_their_moment(tmp_path):
    checkpoint = weld.Checkpoint(tmp_path / "{step}-{epoch}.keras", save="2 steps")
    build().fit(*data(), epochs=2, batch_size=8, verbose=0, shuffle=False, callbacks=[checkpoint])
    assert names_in(tmp_path) == ["2-1.keras", "4-2.keras", "6-2.keras"]
    counts = [int(weld.load(tmp_path / name).optimizer.iterations.numpy()) for name in names_in(tmp_path)]
    assert counts == [2, 4, 6]


class Stop(keras.callbacks.Callback):
    """Interrupts after an epoch."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def get_state(self):
        return {}

    def set_state(self, state):
        pass

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.after:
            raise KeyboardInterrupt


def test_best_is_still_known_after_an_interruption_of_weld_fit(tmp_path):
    def run(after):
        told = Told([1.0, 3.0, 2.0])
        told.get_state, told.set_state = dict, lambda state: None
        checkpoint = weld.Checkpoint(tmp_path / "{epoch}.weights.h5", save="best", monitor="score", mode="max")
        given = [told, checkpoint, Stop(after)]
        weld.fit(build, data(), run=tmp_path / "run", epochs=3, batch_size=8, verbose=0, callbacks=given)
        return checkpoint

    with pytest.raises(KeyboardInterrupt):
        run(2)
    checkpoint = run(None)
    assert (checkpoint.best, checkpoint.saved) == (3.0, str(tmp_path / "2.weights.h5"))
    assert not (tmp_path / "3.weights.h5").exists()


def test_what_cannot_be_read_is_refused_at_once(tmp_path):
    with pytest.raises(UsageError, match="does not say which format"):
        weld.Checkpoint("model-{epoch}")
    with pytest.raises(UsageError, match="How often a checkpoint is taken cannot be read"):
        weld.Checkpoint("m.keras", save="sometimes")
    with pytest.raises(UsageError, match="When to save the model cannot be read"):
        weld.Checkpoint("m.keras", save="2 minutes")
    with pytest.raises(UsageError, match="more or less of 'val_wonder' is better") as refused:
        weld.Checkpoint("m.keras", save="best", monitor="val_wonder")
    assert 'mode="max"' in refused.value.remedy
    with pytest.raises(UsageError, match="has no option save_best_only") as refused:
        weld.Checkpoint("m.keras", save_best_only=True)
    assert refused.value.remedy == "save='best'"


def test_names_that_are_not_in_the_logs_are_refused_with_those_that_are(tmp_path):
    for checkpoint, problem in (
        (weld.Checkpoint(tmp_path / "{val_acc:.2f}.keras"), "name of the file cannot be filled in"),
        (weld.Checkpoint(tmp_path / "m.keras", save="best"), "There is no 'val_loss' to tell the best model by"),
    ):
        with pytest.raises(TrainingError, match=problem) as refused:
            build().fit(*data(), verbose=0, callbacks=[checkpoint])
        assert "loss" in refused.value.expected
    assert list(tmp_path.iterdir()) == []
