"""Saving: what plain Keras reads back, and what stays when it goes wrong."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest
from small_models import build, same_predictions

from keras_weld.errors import UsageError, WriteError
from keras_weld.io.read import open_model
from keras_weld.models import load, save

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


class Stubborn(keras.layers.Layer):
    """A layer that cannot say what it is."""

    def get_config(self):
        raise RuntimeError("no config today")


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_plain_keras_reads_what_was_saved(tmp_path, trained, images):
    path = save(trained, tmp_path / "m.keras")
    assert path == tmp_path / "m.keras"
    assert names_in(tmp_path) == ["m.keras"]
    model = keras.saving.load_model(path)
    same_predictions(model, trained, images)
    assert int(model.optimizer.iterations.numpy()) == int(trained.optimizer.iterations.numpy())


def test_weights_and_shards_are_read_back_by_plain_keras(tmp_path, trained, images):
    for name in ("m.weights.h5", "m.weights.json"):
        save(trained, tmp_path / name, max_shard_size=5e-6)
        other = build(seed=9)
        other.load_weights(tmp_path / name)
        same_predictions(other, trained, images)
    assert len(list(tmp_path.glob("m_*.weights.h5"))) > 2


def test_every_dtype_comes_back(tmp_path):
    for dtype in ("float64", "float16", "bfloat16"):
        if dtype == "float64" and keras.backend.backend() == "jax":
            continue  # JAX has no float64 unless it is switched on
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype=dtype)])
        save(model, tmp_path / "m.keras")
        with open_model(tmp_path / "m.keras") as state:
            assert {tensor.spec.dtype.name for tensor in state.values()} == {dtype}
        for found, want in zip(load(tmp_path / "m.keras").weights, model.weights, strict=True):
            np.testing.assert_array_equal(
                keras.ops.convert_to_numpy(found), keras.ops.convert_to_numpy(want), strict=True
            )


def test_nested_and_composite_layers_are_compared_whole(tmp_path):
    inputs = keras.Input((4, 6))
    attended = keras.layers.MultiHeadAttention(2, 3)(inputs, inputs)
    inner = keras.Sequential([keras.Input((4, 6)), keras.layers.Bidirectional(keras.layers.LSTM(3))])
    model = keras.Model(inputs, inner(attended))
    save(model, tmp_path / "m.keras")
    assert load(tmp_path / "m.keras").count_params() == model.count_params()


def test_failure_in_a_layer_leaves_the_old_file(tmp_path, trained):
    path = save(trained, tmp_path / "m.keras")
    before = path.read_bytes()
    broken = keras.Sequential([keras.Input((3,)), Stubborn()])
    with pytest.raises(WriteError, match="Keras cannot save this model") as refused:
        save(broken, path)
    assert "no config today" in refused.value.found
    assert "get_config" in refused.value.remedy
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["m.keras"]


def test_file_that_does_not_hold_the_live_values_is_not_kept(tmp_path, trained, monkeypatch):
    path = save(trained, tmp_path / "m.keras")
    before = path.read_bytes()
    other = build(seed=3)
    monkeypatch.setattr(sys.modules["keras_weld.models.save"], "write", lambda model, at: other.save(at))
    with pytest.raises(WriteError, match="does not hold what the model holds; it was not kept") as refused:
        save(trained, path)
    assert refused.value.file == str(path)
    assert refused.value.layer is not None
    assert path.read_bytes() == before
    assert names_in(tmp_path) == ["m.keras"]


def test_other_names_unbuilt_models_and_taken_names_are_refused(tmp_path, trained):
    with pytest.raises(UsageError, match="does not say which format"):
        save(trained, tmp_path / "m.pt")
    with pytest.raises(UsageError, match="has no weights yet"):
        save(keras.Sequential([keras.layers.Dense(2)]), tmp_path / "m.keras")
    with pytest.raises(UsageError, match="Only a Keras model can be saved"):
        save(keras.layers.Dense(2), tmp_path / "m.keras")
    (tmp_path / "m.keras").write_bytes(b"precious")
    with pytest.raises(WriteError, match="a file of this name already"):
        save(trained, tmp_path / "m.keras", overwrite=False)
    assert (tmp_path / "m.keras").read_bytes() == b"precious"
    with pytest.raises(WriteError, match="folder to write into is not there"):
        save(trained, tmp_path / "none" / "m.keras")


def test_a_size_of_shards_and_custom_objects_of_another_kind_are_refused(trained, tmp_path):
    with pytest.raises(UsageError, match="max_shard_size is of another kind") as refused:
        save(trained, tmp_path / "a.weights.json", max_shard_size="x")
    assert refused.value.found == "'x' (str)"
    with pytest.raises(UsageError, match="custom_objects is of another kind") as refused:
        load(tmp_path / "a.keras", custom_objects=5)
    assert refused.value.found == "5 (int)"


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("overwrite", lambda model, path: save(model, path, overwrite="no")),
        ("compile", lambda model, path: load(path, compile="no")),
        ("unsafe", lambda model, path: load(path, unsafe="no")),
    ],
)
def test_a_flag_that_is_a_text_is_refused(trained, tmp_path, name, call):
    with pytest.raises(UsageError, match=f"The argument {name} is either true or false"):
        call(trained, tmp_path / "m.keras")
    assert names_in(tmp_path) == []


@pytest.mark.skipif(keras.backend.backend() != "jax", reason="JAX alone takes memory back")
def test_moving_averages_that_jax_has_taken_are_told(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.SGD(0.1, use_ema=True), "mse")
    examples = np.ones((8, 4), "float32"), np.ones((8, 3), "float32")
    model.fit(*examples, verbose=0)
    model.evaluate(*examples, verbose=0)
    with pytest.raises(WriteError, match="has lost its values") as refused:
        save(model, tmp_path / "m.keras")
    assert "average" in refused.value.layer
    model.compile("sgd", "mse")
    save(model, tmp_path / "m.keras")
