"""Tuning files and live models: what is left alone, what is written, and what the file tells."""

from __future__ import annotations

import hashlib
import json

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
import numpy as np  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import DataError, UsageError  # noqa: E402
from keras_weld.io.read import open_model  # noqa: E402
from keras_weld.recipes.tune import tune_model  # noqa: E402
from keras_weld.recipes.tuning import Training  # noqa: E402


def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16).astype("float32"), found.target


def small(name="small", width=16, seed=0):
    keras.utils.set_random_seed(seed)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((64,), name="pixels"),
            layers.Dense(width, activation="relu", name="hidden"),
            layers.Dropout(0.1),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name=name,
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tune")
    x, y = digits()
    np.savez(folder / "digits.npz", x_train=x[:500], y_train=y[:500], x_val=x[500:700], y_val=y[500:700])
    np.savez(folder / "plain.npz", x=x[:500], y=y[:500])
    small("first").save(folder / "first.keras")
    small("second", 12, 1).save(folder / "second.keras")
    return folder


def flat(model):
    return np.concatenate([np.ravel(value) for value in model.get_weights()])


def test_training_from_new_weights_is_told(files, tmp_path):
    (tmp_path / "bare.json").write_text(small().to_json())
    with pytest.warns(UserWarning, match="holds the architecture alone"):
        model = weld.tune(tmp_path / "bare.json", files / "digits.npz", stages="all:1@1e-2")
    told = weld.lineage(model)["notes"]
    assert "The file holds the architecture alone: training began with new, random weights." in told


def test_the_file_tells_what_was_done(files, tmp_path):
    model = weld.tune(files / "first.keras", files / "digits.npz", stages="head:2@1e-2", out=tmp_path / "tuned.keras")
    with open_model(tmp_path / "tuned.keras") as state:
        told = state.metadata["lineage"]
        assert not state.compile_config
    assert told == json.loads(json.dumps(weld.lineage(model)))
    assert told["method"] == "tune"
    [source] = told["sources"]
    assert source["path"] == str(files / "first.keras")
    assert source["sha256"] == hashlib.sha256((files / "first.keras").read_bytes()).hexdigest()
    assert told["parameters"]["stages"] == "head:2@0.01"
    assert told["parameters"]["losses"] == {"digit": "sparse_categorical_crossentropy"}
    [stage] = told["stages"]
    assert (stage["part"], stage["epochs"], stage["layers"]) == ("head", 2, ["digit"])
    assert [epoch["epoch"] for epoch in stage["history"]] == [1, 2]
    assert told["metrics"]["monitor"] == "accuracy"
    assert told["metrics"]["after"]["accuracy"] > told["metrics"]["before"]["accuracy"]
    loaded = weld.load(tmp_path / "tuned.keras")
    np.testing.assert_array_equal(flat(loaded), flat(model))


def test_it_is_judged_against_the_model_that_it_was_before_it_is_written(files, tmp_path):
    x, y = digits()
    np.savez(tmp_path / "digits.npz", x_train=x[:500], y_train=y[:500], x_test=x[500:900], y_test=y[500:900])
    (tmp_path / "there").mkdir()
    out = tmp_path / "there" / "first.keras"  # called as the source is, in another folder
    model = weld.tune(files / "first.keras", tmp_path / "digits.npz", stages="all:2@1e-2", out=out)
    with open_model(out) as state:
        [told] = state.metadata["lineage"]["evaluations"]
    assert told["judged_on"] == "test"
    [split] = told["splits"]
    rows = split["rows"]
    assert [row["model"] for row in rows] == [str(out), "first.keras"]
    for row, judged in zip(rows, [model, weld.load(files / "first.keras")], strict=True):
        assert row["value"] == pytest.approx(100 * (judged.predict_on_batch(x[500:900]).argmax(1) == y[500:900]).mean())
    assert rows[0]["value"] > rows[1]["value"]


def test_a_live_model_is_judged_as_it_was(files):
    told = weld.lineage(weld.tune(small(), files / "digits.npz", stages="all:2@1e-2"))
    [split] = told["evaluations"][0]["splits"]
    assert [row["model"] for row in split["rows"]] == ["small (result)", "small"]
    assert split["rows"][0]["difference"] > 0
    assert told["notes"][-1].startswith("There are no test examples")


def test_the_source_is_not_written_over(files):
    with pytest.raises(UsageError, match="written over one of its sources"):
        weld.tune(files / "first.keras", files / "digits.npz", out=files / "first.keras")


def test_outputs_are_judged_by_name(tmp_path):
    layers = keras.layers
    inputs = keras.Input((64,))
    hidden = layers.Dense(8, activation="relu")(inputs)
    ends = [layers.Dense(10, activation="softmax", name="digit")(hidden), layers.Dense(1, name="half")(hidden)]
    x, y = digits()
    np.savez(tmp_path / "two.npz", x=x[:200], half=y[:200] / 2, digit=y[:200])
    data = f"{tmp_path / 'two.npz'}:x,half+digit"
    told = weld.lineage(weld.tune(keras.Model(inputs, ends), data, stages="head:1@1e-2", out=tmp_path / "out.keras"))
    found = {one["model"]: one["metric"] for one in told["evaluations"]}
    assert list(found) == ["out.keras:digit", "out.keras:half"]
    assert found["out.keras:digit"] == "accuracy"
    assert found["out.keras:half"] != "accuracy"


def test_validation_targets_go_by_name_too(tmp_path):
    layers = keras.layers
    inputs = keras.Input((64,))
    ends = [layers.Dense(10, activation="softmax", name="digit")(inputs), layers.Dense(1, name="half")(inputs)]
    x, y = digits()
    np.savez(tmp_path / "train.npz", x=x[:200], half=y[:200] / 2, digit=y[:200])
    np.savez(tmp_path / "val.npz", x=x[200:300], half=y[200:300] / 2, digit=y[200:300])
    data, held = f"{tmp_path / 'train.npz'}:x,half+digit", f"{tmp_path / 'val.npz'}:x,digit+half"
    known = weld.lineage(weld.tune(keras.Model(inputs, ends), data, held, stages="all:1@1e-2"))
    assert known["stages"][0]["kept"]


def test_targets_for_one_output_train_what_is_its_own(tmp_path):
    layers = keras.layers
    inputs = keras.Input((64,))
    hidden = layers.Dense(8, activation="relu", name="hidden")(inputs)
    own = layers.Dense(6, activation="relu", name="own")(hidden)
    ends = [layers.Dense(10, activation="softmax", name="digit")(own), layers.Dense(1, name="half")(hidden)]
    x, y = digits()
    np.savez(tmp_path / "one.npz", x=x[:200], digit=y[:200])
    model = keras.Model(inputs, ends)
    tuned = weld.tune(model, f"{tmp_path / 'one.npz'}:x,digit", stages="all:2@1e-2")
    known = weld.lineage(tuned)
    assert sorted(known["stages"][0]["layers"]) == ["digit", "own"]
    assert [one["model"] for one in known["evaluations"]] == [f"{model.name} (result):digit"]
    np.testing.assert_allclose(tuned.predict_on_batch(x)[1], model.predict_on_batch(x)[1], atol=1e-6)


def test_a_live_model_is_copied_and_not_changed(files):
    model = small()
    before = flat(model)
    tuned = weld.tune(model, files / "digits.npz", stages="all:1@1e-2")
    np.testing.assert_array_equal(flat(model), before)
    assert np.abs(flat(tuned) - before).max() > 0


def test_a_run_can_be_repeated_bit_for_bit(files):
    first, second = (
        weld.tune(files / "first.keras", files / "digits.npz", stages="head:1@1e-2,all:1@1e-3", seed=5)
        for _ in range(2)
    )
    assert flat(first).tobytes() == flat(second).tobytes()


def test_a_tenth_is_set_aside_where_there_are_no_validation_examples(files):
    tuned = tune_model(files / "first.keras", Training(files / "plain.npz", stages="head:1@1e-2"))
    assert (tuned.examples.train.count, tuned.examples.validation.count) == (450, 50)
    counts = np.bincount(tuned.examples.validation.targets[0], minlength=10)
    assert counts.min() >= 4
    assert any("50 of the training examples were set aside" in note for note in weld.lineage(tuned.model)["notes"])


def test_validation_examples_can_be_given_by_themselves(files):
    x, y = digits()
    tuned = tune_model(
        files / "first.keras", Training((x[:400], y[:400]), (x[400:500], y[400:500]), stages="head:1@1e-2")
    )
    assert tuned.examples.train.count == 400
    assert tuned.examples.validation.count == 100
    assert list(tuned.examples.judged.splits) == ["validation"]


def test_what_is_none_has_its_default():
    assert Training("x.npz", batch_size=None, optimizer=None, patience=None) == Training("x.npz")


def test_data_without_training_examples_is_refused(files, tmp_path):
    x, y = digits()
    np.savez(tmp_path / "test.npz", x_test=x[:50], y_test=y[:50])
    with pytest.raises(DataError, match="There are no training examples in the data") as refused:
        weld.tune(files / "first.keras", tmp_path / "test.npz")
    assert refused.value.found == "the splits test"


def test_a_name_for_weights_alone_is_refused_before_any_work(files, tmp_path):
    with pytest.raises(UsageError, match="written whole"):
        weld.tune(files / "first.keras", "none.npz", out=tmp_path / "tuned.weights.h5")


def test_fuse_with_data_trains_the_new_head_and_then_the_last_layers(files):
    sources = [files / "first.keras", files / "second.keras"]
    model = weld.fuse(
        sources,
        head=8,
        data=files / "digits.npz",
        stages="head:2@1e-2,last-3:1@1e-3",
    )
    told = weld.lineage(model)
    assert told["method"] == "fuse"
    assert len(told["sources"]) == 2
    assert told["stages"][0]["layers"] == ["head", "fused"]
    assert len(told["stages"][1]["layers"]) == 3
    assert told["metrics"]["after"]["accuracy"] > told["metrics"]["before"]["accuracy"]
    assert told["parameters"]["training"]["stages"] == "head:2@0.01,last-3:1@0.001"
    assert not any("untrained" in note for note in told["notes"])


def test_fuse_with_data_can_be_repeated_bit_for_bit(files):
    sources = [files / "first.keras", files / "second.keras"]
    first, second = (weld.fuse(sources, data=files / "digits.npz", stages="head:1@1e-2", seed=2) for _ in range(2))
    assert flat(first).tobytes() == flat(second).tobytes()


def test_the_head_of_a_fused_model_is_its_new_layers_and_its_lineage_is_kept(files, tmp_path):
    weld.save(weld.fuse([files / "first.keras", files / "second.keras"], head=8), tmp_path / "fused.keras")
    model = weld.tune(tmp_path / "fused.keras", files / "digits.npz", stages="head:1@1e-2")
    weld.save(model, tmp_path / "tuned.keras")
    told = weld.lineage(model)
    assert told["stages"][0]["layers"] == ["head", "fused"]
    assert told["earlier"]["method"] == "fuse"
    assert any("(fuse of 2 models), and no optimizer's state belongs to it" in note for note in told["notes"])
    again = weld.tune(tmp_path / "tuned.keras", files / "digits.npz", stages="head:1@1e-2")
    assert weld.lineage(again)["stages"][0]["layers"] == ["head", "fused"]
    assert weld.lineage(again)["earlier"]["earlier"]["method"] == "fuse"


def test_wrong_stages_are_refused_before_a_model_is_read(files, tmp_path):
    cut = tmp_path / "cut.keras"
    cut.write_bytes(b"PK\x03\x04")
    with pytest.raises(UsageError, match="This is not a stage"):
        weld.fuse([cut], data=files / "digits.npz", stages="head")
    with pytest.raises(UsageError, match="This is not a stage"):
        weld.tune(cut, files / "digits.npz", stages="head")


def test_a_stream_is_read_as_it_comes(files):
    x, y = digits()

    def batches():
        for start in range(0, 400, 50):
            yield x[start : start + 50], y[start : start + 50]

    tuned = tune_model(
        files / "first.keras", Training(batches, (x[400:500], y[400:500]), stages="all:2@1e-2", batch_size=40)
    )
    assert not tuned.examples.train.positioned
    assert tuned.run.after["accuracy"] > tuned.run.before["accuracy"]


def test_a_label_in_the_midst_of_a_stream_that_is_none_is_named(files):
    x, y = digits()

    def batches():
        yield x[:50], y[:50]
        yield x[50:100], y[50:100] + 90

    with pytest.raises(DataError, match="A label is not one of the model's classes"):
        weld.tune(files / "first.keras", batches, (x[400:500], y[400:500]), stages="all:1@1e-2")
