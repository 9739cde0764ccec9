"""`weld verify-resume`: what is exact passes, and a leak is found by the name of what leaks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.keras

SCRIPT = """
import keras, numpy as np
import keras_weld as weld

def build():
    layers = [keras.layers.Dense(8, activation="relu"), keras.layers.Dropout(0.2), keras.layers.Dense(3)]
    model = keras.Sequential([keras.Input((4,)), *layers])
    model.compile(keras.optimizers.Adam(1e-2), "mse")
    return model

class Hidden(keras.callbacks.Callback):
    seen = 0
    def on_epoch_end(self, epoch, logs=None):
        self.seen = self.seen + 1
        if self.seen == 5:
            self.model.optimizer.learning_rate = 1e-3

found = np.random.default_rng(0)
data = found.normal(size=(60, 4)).astype("float32"), found.normal(size=(60, 3)).astype("float32")
weld.fit(build, data, run="never", epochs=5, batch_size=6, callbacks=CALLBACKS, every="4 steps", verbose=0)
"""


# A leak is found in what the runs leave in their folders, whatever the backend: one is enough for it.
ON_ONE = pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "tensorflow", reason="a leak is looked for on TensorFlow")


@pytest.mark.parametrize("callbacks", ["[]", pytest.param("[Hidden()]", marks=ON_ONE)])
def test_what_is_exact_passes_and_a_leak_is_named(
    callbacks: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras_weld.recipes.verify_resume import verify_resume

    monkeypatch.chdir(tmp_path)
    Path("script.py").write_text(SCRIPT.replace("CALLBACKS", callbacks))
    found = verify_resume("script.py", kills=1, seed=0)
    (run,) = found.runs
    assert (run.steps, found.kills) == (50, 1)
    assert not Path("never").exists()
    if callbacks == "[]":
        assert found.exact
        assert run.checkpoints > 10
        return
    difference = run.difference
    assert difference is not None
    assert (difference.step, difference.piece, difference.before_kills) == (50, "learning rate", False)
    assert difference.unkept == ("Hidden.seen",)
