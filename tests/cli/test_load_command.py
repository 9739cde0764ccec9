"""`weld load` and `weld save`: what they tell, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

GOLDEN = Path(__file__).parents[1] / "golden"


def test_what_came_back_is_told(weld_here):
    done = weld_here("load", GOLDEN / "keras2_15" / "mlp.keras")
    assert done.returncode == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert lines[0].endswith("mlp.keras (keras, written by Keras 2.15.0) loads.")
    assert "model Sequential, 4 layers, 115 parameters" in lines
    assert "comes out (batch, 3) (made-up inputs are answered)" in lines
    assert "compiled loss categorical_crossentropy; metrics accuracy" in lines
    assert "optimizer Adam, step 4, learning rate 0.002, 14 variables" in lines


def test_one_that_does_not_load_is_told_and_ends_with_1(weld_here, tmp_path):
    weights = tmp_path / "m.weights.h5"
    weld_here("save", GOLDEN / "keras3_0" / "mlp.keras", "-o", weights, check=True)
    done = weld_here("load", weights, GOLDEN / "keras3_0" / "mlp.json", "--json")
    assert done.returncode == 1
    failed, loaded = json.loads(done.stdout)
    assert (failed["loads"], failed["error"]["error"]) == (False, "WrongKindError")
    assert (loaded["loads"], loaded["optimizer"]["name"], loaded["optimizer"]["step"]) == (True, "RMSprop", 0)
    assert loaded["notes"][0].endswith("the model's weights are random.")
    done = weld_here("load", weights)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == f"{weights} (weights.h5) does not load."
    assert "This file holds weights alone" in done.stdout
    assert weld_here("load", weights, "--architecture", GOLDEN / "keras3_0" / "mlp.json").returncode == 0


def test_a_whole_model_is_loaded_again_before_it_gets_its_name(weld_here, tmp_path, monkeypatch):
    from keras_weld.recipes import written

    file = GOLDEN / "keras3_0" / "mlp.keras"
    done = weld_here("save", file, "-o", tmp_path / "m.h5", check=True)
    assert "Loaded again, it answers the same: outputs differ by 0 at most." in done.stdout
    done = weld_here("save", file, "-o", tmp_path / "m.h5", "--no-overwrite")
    assert done.returncode == 2
    assert "There is a file of this name already." in done.stderr
    before = written.answers
    shift = iter((0.0, 1.0))
    monkeypatch.setattr(written, "answers", lambda *given: [one + next(shift) for one in before(*given)])
    done = weld_here("save", file, "-o", tmp_path / "n.keras")
    assert done.returncode == 2
    assert "does not answer as the model does; it was not kept" in done.stderr
    assert not (tmp_path / "n.keras").exists()


def test_size_of_shards(weld_here, tmp_path):
    out = tmp_path / "m.weights.json"
    weld_here("save", GOLDEN / "keras3_0" / "mlp.keras", "-o", out, "--shard-size", 1e-6, check=True)
    assert len(list(tmp_path.glob("*.h5"))) > 2


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_scaled_loss_hides_neither_rate_nor_step(weld_here, tmp_path, suffix):
    import keras
    import numpy as np

    file = tmp_path / f"m{suffix}"
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype="mixed_float16")])
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.003)), "mse")
    model.train_on_batch(np.ones((2, 3), "float32"), np.ones((2, 2), "float32"))
    model.optimizer.iterations.assign(4)
    model.save(file)
    inspected = weld_here("inspect", file, check=True).stdout
    assert "Adam, learning rate 0.003, step 4, the loss scaled for float16 (" in " ".join(inspected.split())
    loaded = weld_here("load", file, check=True).stdout
    assert "Adam, step 4, learning rate 0.003, the loss scaled for float16, " in " ".join(loaded.split())
