"""Architectures and SavedModel folders, written and read back; names and options of older versions."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from small_models import build, same_predictions, train

from keras_weld.errors import UsageError, WeldError, WriteError, WrongKindError
from keras_weld.io.read import open_model
from keras_weld.models import load, save

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]
UNTRAINED = pytest.mark.filterwarnings("ignore:.*holds the architecture alone")


@UNTRAINED
def test_architecture_is_what_plain_keras_reads(tmp_path, trained):
    text = save(trained, tmp_path / "m.json").read_text()
    assert [one.shape for one in keras.models.model_from_json(text).weights] == [one.shape for one in trained.weights]
    configs = [json.loads(model.to_json())["config"] for model in (load(tmp_path / "m.json"), trained)]
    assert configs[0] == configs[1]


@UNTRAINED
def test_architecture_in_yaml_and_weights_beside_it(tmp_path, trained, images):
    save(trained, tmp_path / "m.yaml")
    save(trained, tmp_path / "m.weights.h5")
    same_predictions(load(tmp_path / "m.weights.h5", architecture=tmp_path / "m.yaml"), trained, images)


def test_saved_model_is_served_by_tensorflow_and_becomes_layers_again(tmp_path, trained, images, run_python):
    pytest.importorskip("tensorflow")
    folder = save(trained, tmp_path / "m.savedmodel")
    assert [path.name for path in tmp_path.iterdir()] == ["m.savedmodel"]
    model = load(folder)
    same_predictions(model, trained, images)
    assert not model.compiled
    np.save(tmp_path / "x.npy", images)
    code = (
        "import sys, numpy as np, tensorflow as tf\n"
        "loaded = tf.saved_model.load(sys.argv[1])\n"
        "np.save(sys.argv[3], loaded.serve(np.load(sys.argv[2])))\n"
    )
    run_python(code, folder, tmp_path / "x.npy", tmp_path / "y.npy", backend="tensorflow")
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), trained.predict_on_batch(images), atol=1e-5)
    other = train(build(seed=4), epochs=1)
    save(other, f"{folder}/")  # replaced as one
    same_predictions(load(folder), other, images)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.savedmodel", "x.npy", "y.npy"]


def test_several_inputs_and_outputs_are_served(tmp_path):
    pytest.importorskip("tensorflow")
    left, right = keras.Input((3,), name="left"), keras.Input((2,), name="right")
    both = keras.layers.Concatenate()([left, right])
    model = keras.Model(
        {"left": left, "right": right}, [keras.layers.Dense(2)(both), keras.layers.BatchNormalization()(both)]
    )
    given = {"left": np.ones((2, 3), "float32"), "right": np.ones((2, 2), "float32")}
    found = load(save(model, tmp_path / "m.savedmodel"))(given)
    for ours, theirs in zip(found, model(given), strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs))


def test_folder_that_answers_otherwise_is_not_kept(tmp_path, trained, monkeypatch):
    pytest.importorskip("tensorflow")
    import sys

    module = sys.modules["keras_weld.models.saved_model"]
    answers = module.answers
    monkeypatch.setattr(module, "answers", lambda *given: [one + 1 for one in answers(*given)])
    (tmp_path / "m.savedmodel").mkdir()
    with pytest.raises(WriteError, match="does not answer as the model does; it was not kept"):
        save(trained, tmp_path / "m.savedmodel")
    assert list((tmp_path / "m.savedmodel").iterdir()) == []


def test_folder_of_other_things_is_not_replaced(tmp_path, trained):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.png").write_bytes(b"precious")
    with pytest.raises(WriteError, match="holds other things than a SavedModel") as refused:
        save(trained, f"{tmp_path}/photos/")
    assert refused.value.found == "a.png"
    assert (tmp_path / "photos" / "a.png").exists()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("model", "For the whole model: model.keras; for weights alone: model.weights.h5; for a SavedModel folder"),
        ("model.tf", "For the whole model: model.keras"),
        ("w.ckpt", "for weights alone: w.weights.h5"),
    ],
)
def test_names_of_older_versions(tmp_path, trained, name, remedy):
    with pytest.raises(UsageError, match="does not say which format to write") as refused:
        save(trained, tmp_path / name)
    assert remedy in refused.value.remedy


def test_options_of_older_versions_end_in_the_new_way(tmp_path, trained):
    with pytest.raises(UsageError, match=r"weld.save has no option save_format") as refused:
        save(trained, tmp_path / "m.keras", save_format="tf")
    assert "The name tells the format" in refused.value.remedy
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match=r"weld.load has no option by_name") as refused:
        load(tmp_path / "m.h5", by_name=True)
    assert "new.get_layer(name).set_weights(" in refused.value.remedy
    with pytest.raises(UsageError, match=r"weld.load has no option colour") as refused:
        load(tmp_path / "m.h5", colour="red")
    assert refused.value.remedy == "help(weld.load) shows the options."


def test_prefix_of_a_tensorflow_checkpoint_is_told_apart_from_a_missing_file(tmp_path):
    (tmp_path / "w.ckpt.index").write_bytes(b"x")
    with pytest.raises(WrongKindError, match="prefix of a TensorFlow checkpoint") as refused:
        load(tmp_path / "w.ckpt")
    assert "save_weights('w.weights.h5')" in refused.value.remedy


def test_folder_that_does_not_tell_its_architecture_is_damaged(tmp_path, trained):
    pytest.importorskip("tensorflow")
    folder = save(trained, tmp_path / "m.savedmodel")
    (folder / "assets.extra" / "keras_weld.json").write_text(json.dumps({"architecture": 3}))
    with pytest.raises(WeldError, match="does not tell the architecture"):
        open_model(folder)


def test_layer_that_works_values_out_of_its_variables_comes_back_from_a_folder(tmp_path):
    pytest.importorskip("tensorflow")
    normal = keras.layers.Normalization()
    normal.adapt(np.arange(12, dtype="float32").reshape(4, 3))
    model = keras.Sequential([keras.Input((3,)), normal, keras.layers.Dense(2)])
    same_predictions(load(save(model, tmp_path / "m.savedmodel")), model, np.ones((2, 3), "float32"))


def test_tensors_of_a_folder_have_the_names_of_the_whole_file(tmp_path, trained):
    pytest.importorskip("tensorflow")
    save(trained, tmp_path / "m.savedmodel")
    save(trained, tmp_path / "m.keras")
    with open_model(tmp_path / "m.savedmodel") as folder, open_model(tmp_path / "m.keras") as whole:
        ours = {tensor.spec.name: tensor for tensor in folder.weights}
        theirs = {one.spec.name: one for one in whole.weights if "seed" not in one.spec.name}
        assert list(ours) == list(theirs)
        for name, tensor in ours.items():
            assert (tensor.spec.path, tensor.spec.layer) == (theirs[name].spec.path, theirs[name].spec.layer)
            np.testing.assert_array_equal(tensor.read(), theirs[name].read())


def test_vocabulary_that_is_not_in_the_folder_is_told(tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("texts are an input on TensorFlow alone")
    lookup = keras.layers.StringLookup(name="words")
    lookup.adapt(["a", "b"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), lookup, keras.layers.Embedding(3, 2)])
    save(model, tmp_path / "m.savedmodel")
    with pytest.warns(UserWarning, match="does not hold the vocabulary of the layer 'words'"):
        load(tmp_path / "m.savedmodel")
    save(model, tmp_path / "m.keras")
    assert load(tmp_path / "m.keras").layers[0].get_vocabulary() == lookup.get_vocabulary()
