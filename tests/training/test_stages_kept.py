"""A model out of the folder of a training in stages: the best so far, the last, and what was not trained."""

from __future__ import annotations

import numpy as np
import pytest
from tuned_models import digits, side_by_side

import keras_weld as weld
from keras_weld.data.arrays import array_split
from keras_weld.errors import UsageError

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

STAGES = "head:2@1e-2,all:2@1e-2"
STEPS = 4  # of an epoch


class Interruption(KeyboardInterrupt):
    """What stands for a kill inside one process."""


def two_heads():
    """Of which one is trained; the other has a layer of its own."""
    import keras

    model = side_by_side()
    beside = keras.layers.Dense(3, name="aside")(keras.layers.Dense(5, name="towards")(model.inputs[0]))
    return keras.Model(model.inputs, [model.outputs[0], beside], name="two_heads")


def train(model, folder, ends_after=None, targets="fused"):
    """Train, and break off after so many steps, at the end of which a checkpoint is written."""
    from keras_weld.training.course import Settings
    from keras_weld.training.every import Every
    from keras_weld.training.stages import run_stages

    x, y = digits()
    examples = [
        array_split(name, "digits", {"x": x[some]}, {targets: y[some]})
        for name, some in (("train", slice(0, 128)), ("validation", slice(128, 192)))
    ]
    seen = 0

    def progress(done, total, words):
        nonlocal seen
        seen += 1
        if seen == ends_after:
            raise Interruption

    try:
        found = run_stages(model, *examples, STAGES, Settings(), progress=progress, run=folder, every=Every())
    except Interruption:
        return None
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    model, folder = two_heads(), tmp_path_factory.mktemp("stages") / "run"
    return model, train(model, folder), folder


def assert_same(file, model):
    for one, other in zip(weld.load(file).get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_last_of_a_finished_one_is_the_best_and_has_what_was_not_trained(finished, tmp_path, weld_here):
    model, found, folder = finished
    told = weld_here("save", folder, "-o", tmp_path / "last.keras", check=True)
    assert_same(tmp_path / "last.keras", model)
    assert f"stage {found.best[0]}, epoch {found.best[1]}" in " ".join(told.stdout.split())
    assert not weld.load(tmp_path / "last.keras").compiled
    weld.convert(folder, tmp_path / "best.h5", which="best")
    assert_same(tmp_path / "best.h5", model)
    assert "loads" in weld_here("load", folder, check=True).stdout
    assert all(layer.trainable for layer in weld.load(tmp_path / "last.keras").layers)


def test_an_epoch_of_one_that_was_interrupted(tmp_path):
    model, run = side_by_side(), tmp_path / "run"
    assert train(model, run, ends_after=3 * STEPS + 2 + 3) is None  # two steps into the fourth epoch; 3 ends are told
    with pytest.raises(UsageError, match="is not kept"):
        weld.convert(run, tmp_path / "first.keras", which="epoch 1")
    third = weld.convert(run, tmp_path / "third.keras", which="epoch 3")
    last = weld.convert(run, tmp_path / "last.keras")
    assert third.notes == last.notes
    assert last.notes == (
        f"The model is that of step {3 * STEPS}, at the end of epoch 1 of stage 2.",
        "It is not compiled: each stage has a fresh optimizer.",
    )
    resumed = side_by_side()
    train(resumed, run)
    weld.convert(run, tmp_path / "end.keras")
    assert_same(tmp_path / "end.keras", resumed)
