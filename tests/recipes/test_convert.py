"""Converting: what goes along, what is compared with the original, what is told, and what is refused."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_weld.core.sandbox import Sandboxed
from keras_weld.errors import UnsafeFileError, UsageError, WeldError
from keras_weld.io.read import open_model
from keras_weld.models import load, save
from keras_weld.recipes import original
from keras_weld.recipes.convert import convert

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

GOLDEN = Path(__file__).parents[1] / "golden" / "keras2_15"
with_tf_keras = pytest.mark.skipif(find_spec("tf_keras") is None, reason="tf_keras is not installed")


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(2)
    built = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(4), keras.layers.BatchNormalization(), keras.layers.Dense(2)]
    )
    built.compile(keras.optimizers.SGD(0.1, momentum=0.9), "mse")
    built.fit(np.ones((8, 3)), np.ones((8, 2)), epochs=2, verbose=0)
    return built


@pytest.fixture
def without_tf_keras(monkeypatch):
    monkeypatch.setattr(original, "find_spec", lambda name: None)


def arrays(variables):
    return [keras.ops.convert_to_numpy(one) for one in variables]


def assert_same(ours, theirs):
    for one, other in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_whole_formats_keep_weights_and_optimizer(tmp_path, model):
    save(model, tmp_path / "a.keras")
    assert convert(tmp_path / "a.keras", tmp_path / "b.h5").notes == ()
    done = convert(tmp_path / "b.h5", tmp_path / "c.keras")
    assert (done.source_kind, done.kind, done.difference, done.notes) == ("h5 model", "keras", None, ())
    found = load(tmp_path / "c.keras")
    assert_same(found.weights, model.weights)
    assert_same(found.optimizer.variables, model.optimizer.variables)


def test_what_a_format_has_no_place_for_is_told(tmp_path, model):
    save(model, tmp_path / "a.keras")
    told = {
        name: convert(tmp_path / "a.keras", tmp_path / name).notes
        for name in ("m.json", "m.weights.h5", "m.weights.json")
    }
    assert told["m.json"] == ("The weights were left out: an architecture has none.",)
    compiled = "How the model was compiled was left out: this format has no place for it."
    architecture = "The architecture was left out: this format has no place for it."
    assert told["m.weights.h5"] == told["m.weights.json"] == (compiled, architecture)
    back = convert(tmp_path / "m.weights.h5", tmp_path / "b.keras", architecture=tmp_path / "m.json")
    assert back.kind == "keras"
    assert_same(load(tmp_path / "b.keras").weights, model.weights)


def test_weights_alone_go_between_their_two_formats_without_building(tmp_path, model, monkeypatch):
    save(model, tmp_path / "m.weights.h5")
    module = sys.modules["keras_weld.models.load"]
    monkeypatch.setattr(module, "load", lambda *_, **__: pytest.fail("nothing is to be built"))
    convert(tmp_path / "m.weights.h5", tmp_path / "n.weights.json")
    convert(tmp_path / "n.weights.json", tmp_path / "o.weights.h5")
    with open_model(tmp_path / "m.weights.h5") as ours, open_model(tmp_path / "o.weights.h5") as theirs:
        assert list(ours) == list(theirs)
        for name in ours:
            np.testing.assert_array_equal(ours[name].read(), theirs[name].read())


def test_saved_model_there_and_back(tmp_path, model):
    pytest.importorskip("tensorflow")
    save(model, tmp_path / "a.keras")
    convert(tmp_path / "a.keras", tmp_path / "m.savedmodel")
    convert(tmp_path / "m.savedmodel", tmp_path / "b.keras")
    assert_same(load(tmp_path / "b.keras").weights, model.weights)


def test_what_cannot_be_converted_says_what_is_missing(tmp_path, model):
    save(model, tmp_path / "m.json")
    save(model, tmp_path / "m.weights.h5")
    with pytest.raises(UsageError, match="An architecture has no weights") as refused:
        convert(tmp_path / "m.json", tmp_path / "b.keras")
    assert "--architecture m.json" in refused.value.remedy
    with pytest.raises(UsageError, match="holds no architecture, and the output needs one"):
        convert(tmp_path / "m.weights.h5", tmp_path / "b.keras")
    with pytest.raises(UsageError, match="written over one of its sources"):
        convert(tmp_path / "m.json", tmp_path / "m.json")
    with pytest.raises(UsageError, match="not the path of a model"):
        convert(model, tmp_path / "b.keras")
    assert not (tmp_path / "b.keras").exists()


def test_lineage_goes_along(tmp_path, model):
    from keras_weld.models.provenance import set_lineage

    copied = keras.models.clone_model(model)
    set_lineage(copied, {"method": "linear", "sources": []})
    save(copied, tmp_path / "a.keras")
    convert(tmp_path / "a.keras", tmp_path / "b.h5")
    with open_model(tmp_path / "b.h5") as state:
        assert state.metadata["lineage"] == {"method": "linear", "sources": []}


@pytest.mark.usefixtures("without_tf_keras")
def test_without_tf_keras_it_says_that_nothing_was_compared_and_how_to(tmp_path):
    done = convert(GOLDEN / "lstm.h5", tmp_path / "m.keras")
    assert done.difference is None
    assert done.notes == (
        "Outputs were not compared with the original's: tf_keras, which runs models of Keras 2, is not installed: "
        "pip install 'keras-weld[keras2]' (beside tensorflow-cpu: pip install --no-deps tf_keras).",
    )


def answer(values):
    """A sandbox in which the original answers with these values."""

    def run(script, folder):
        assert json.loads((folder / "told.json").read_text())["file"] == "original.h5"
        np.savez(folder / "outputs.npz", y0=values)
        return Sandboxed(True, "", ("a process of its own",))

    return run


def test_nothing_is_written_if_the_original_answers_otherwise(tmp_path, monkeypatch):
    monkeypatch.setattr(original, "find_spec", lambda name: object())
    monkeypatch.setattr(original, "run_sandboxed", answer(np.full((4, 3), 0.5, "float32")))
    with pytest.raises(WeldError, match="does not answer as the original does; it was not written") as refused:
        convert(GOLDEN / "mlp.h5", tmp_path / "m.keras")
    assert refused.value.file == str(GOLDEN / "mlp.h5")
    assert "apart" in refused.value.found
    monkeypatch.setattr(original, "run_sandboxed", answer(np.full((4, 2), 0.5, "float32")))
    with pytest.raises(WeldError, match="does not answer as the original does") as refused:
        convert(GOLDEN / "mlp.h5", tmp_path / "m.keras")
    assert refused.value.expected == "outputs of shape (4, 2)"
    assert list(tmp_path.iterdir()) == []


def test_original_that_does_not_run_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(original, "find_spec", lambda name: object())
    failed = Sandboxed(False, "Traceback\nValueError: no such layer\n", ("a process of its own",))
    monkeypatch.setattr(original, "run_sandboxed", lambda script, folder: failed)
    done = convert(GOLDEN / "mlp.h5", tmp_path / "m.keras")
    assert done.notes[-1].endswith("tf_keras could not run the original: ValueError: no such layer")
    assert done.guards == ("a process of its own",)


@with_tf_keras
@pytest.mark.parametrize("name", ["mlp.h5", "nested.keras", "lstm.savedmodel"])
def test_old_model_and_new_one_answer_the_same(tmp_path, name):
    done = convert(GOLDEN / name, tmp_path / "m.keras")
    assert done.difference is not None, done.notes
    assert done.difference < 1e-6
    assert done.keras_version == "2.15.0"


@with_tf_keras
def test_weights_of_keras_2_with_their_architecture(tmp_path):
    done = convert(GOLDEN / "cnn_w.h5", tmp_path / "m.keras", architecture=GOLDEN / "cnn.json")
    assert done.difference is not None, done.notes
    assert done.difference < 1e-6


def test_graph_that_reaches_for_files_is_not_run(tmp_path):
    tf = pytest.importorskip("tensorflow")
    root = tf.Module()

    @tf.function(input_signature=[])
    def write():
        tf.io.write_file(str(tmp_path / "written"), "the graph was run")
        return tf.constant(1)

    root.write = write
    tf.saved_model.save(root, str(tmp_path / "m"))
    from keras_weld.io.saved_model import refuse_file_access

    with pytest.raises(UnsafeFileError, match="reaches for files or for Python") as refused:
        refuse_file_access(tmp_path / "m")
    assert refused.value.found == "WriteFile"
    refuse_file_access(GOLDEN / "mlp.savedmodel")


@with_tf_keras
@pytest.mark.filterwarnings("ignore")  # tf_keras has warnings of its own
def test_code_in_an_old_file_runs_only_when_told_to(tmp_path):
    import tf_keras

    old = tf_keras.Sequential([tf_keras.Input((3,)), tf_keras.layers.Dense(2), tf_keras.layers.Lambda(lambda x: 2 * x)])
    old.save(tmp_path / "old.h5")
    with pytest.raises(UnsafeFileError, match="Lambda"):
        convert(tmp_path / "old.h5", tmp_path / "new.keras")
    assert not (tmp_path / "new.keras").exists()
    done = convert(tmp_path / "old.h5", tmp_path / "new.keras", unsafe=True)
    assert done.difference is not None, done.notes
    assert done.difference < 1e-6


def test_layers_unfrozen_after_training_are_converted_without_the_optimizer_and_told(tmp_path):
    built = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, trainable=False), keras.layers.Dense(2)])
    built.compile("adam", "mse")
    built.fit(np.ones((8, 3)), np.ones((8, 2)), verbose=0)
    built.layers[0].trainable = True
    built.save(tmp_path / "a.keras")
    (note,) = convert(tmp_path / "a.keras", tmp_path / "b.keras").notes
    assert note == (
        "The optimizer's state in the file does not fit the model: layers were frozen or unfrozen after it was "
        "compiled, as far as the file tells. The model has 10 variables, for what is trained now; the file has 6, of "
        "what was trained before. The state was left out, and the result is not compiled: call model.compile(...) "
        "before you train or evaluate it."
    )
    found = load(tmp_path / "b.keras")
    assert not found.compiled
    assert_same(found.weights, built.weights)
