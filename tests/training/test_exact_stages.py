"""Training in stages, interrupted anywhere and started again: it ends with the same bits."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tuned_models import side_by_side, splits

from keras_weld.errors import TrainingError

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

STAGES = "head:3@1e-2,last-2:2@1e-3,all:2@1e-3"
STEPS = 10  # of an epoch: 320 examples


class Interruption(KeyboardInterrupt):
    """What stands for a kill inside one process."""


def fused():
    """With dropout, whose seed is a variable, so that a step that is drawn anew shows."""
    import keras

    model = side_by_side()
    features = model.get_layer("features").output
    dropped = keras.layers.Dropout(0.3, name="drop")(features)
    output = keras.layers.Dense(10, activation="softmax", name="fused_again")(dropped)
    return keras.Model(model.inputs, output, name="dropping")


def run(model, folder=None, at=None, every="3 steps", **settings):
    """Train, and break off when so many steps were seen in this start."""
    import keras

    from keras_weld.training.course import Settings
    from keras_weld.training.every import parse_every
    from keras_weld.training.stages import run_stages

    seen = 0

    def progress(done, total, words):
        nonlocal seen
        seen += 1
        if seen == at:
            raise Interruption

    train, held = splits()
    told = []
    keras.utils.set_random_seed(99)  # what was drawn before must not matter
    found = run_stages(
        model,
        train,
        held,
        STAGES,
        Settings(seed=5, **settings),
        progress=progress,
        run=folder,
        every=parse_every(every),
        tell=told.append,
    )
    return found, told


def plain(found):
    """All of a run but the time it took."""
    stages = [
        replace(one, seconds=0, history=tuple(replace(epoch, seconds=0) for epoch in one.history))
        for one in found.stages
    ]
    return replace(found, seconds=0, stages=tuple(stages))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A training that nothing has interrupted: the model, what was found, and its folder.

    It has a folder, because with one operations are chosen that give the same bits.
    """
    model, folder = fused(), tmp_path_factory.mktemp("whole")
    found, _ = run(model, folder)
    return model, found, folder


def same_bits(one, other):
    import keras

    for first, second in zip(one.variables, other.variables, strict=True):
        values = (keras.ops.convert_to_numpy(value) for value in (first, second))
        np.testing.assert_array_equal(*values, err_msg=first.path)


@pytest.mark.parametrize("breaks", [(4, 19, 28), (30, 21, 1), (50, 11)], ids=["inside", "at the ends", "late"])
def test_interrupted_inside_and_between_stages_it_ends_with_the_same_bits(breaks, whole, tmp_path):
    expected, found, _ = whole
    for at in breaks:
        with pytest.raises(Interruption):
            run(fused(), tmp_path, at)
    model = fused()
    resumed, told = run(model, tmp_path)
    assert told == []
    assert plain(resumed) == plain(found)
    same_bits(expected, model)


def test_a_finished_training_takes_no_further_step(whole, tmp_path):
    expected, found, folder = whole
    again = fused()
    assert plain(run(again, shutil.copytree(folder, tmp_path / "run"), at=1)[0]) == plain(found)
    same_bits(expected, again)


def test_the_folder_of_another_training_is_refused(tmp_path):
    with pytest.raises(Interruption):
        run(fused(), tmp_path, 4)
    before = (tmp_path / "run.json").read_text()
    with pytest.raises(TrainingError, match="with other batch size") as refused:
        run(fused(), tmp_path, batch_size=16)
    assert (refused.value.expected, refused.value.found) == ("32", "16")
    other = fused()
    other.set_weights([value + 1 for value in other.get_weights()])
    with pytest.raises(TrainingError, match="with other weights"):
        run(other, tmp_path)
    with pytest.raises(TrainingError, match="with other model") as refused:
        run(side_by_side(), tmp_path)
    assert "(Dropout)" in refused.value.expected
    assert (tmp_path / "run.json").read_text() == before


def test_the_history_has_all_stages(whole):
    _, found, folder = whole
    entries = json.loads((folder / "history.json").read_text())
    told = [number for number, stage in enumerate(found.stages, 1) for _ in stage.history]
    assert [one["stage"] for one in entries] == told
    assert [(one["epoch"], one["step"]) for one in entries] == [(n, (n + 1) * STEPS) for n in range(len(told))]
    assert entries[-1]["val_loss"] == found.stages[-1].history[-1].validation["loss"]


def test_what_is_kept_can_be_listed(tmp_path):
    from keras_weld.recipes.run_record import run_record
    from keras_weld.recipes.runs import State

    with pytest.raises(Interruption):
        run(fused(), tmp_path, 14)
    found = run_record(tmp_path)
    assert (found.run.state, found.run.epochs_done, found.run.epochs) == (State.INTERRUPTED, 1, 7)
    run(fused(), tmp_path)
    found = run_record(tmp_path)
    assert (found.run.state, found.run.starts) == (State.FINISHED, 2)
    assert found.resumed == [(pytest.approx(1.2), "interrupted")]
