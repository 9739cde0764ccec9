"""Whole-model `.h5` files: complete, harmless to the live model, and gone on from with the same bits."""

from __future__ import annotations

import h5py
import keras
import numpy as np
import pytest
from small_models import build, digits, same_predictions

from keras_weld.errors import UsageError, WriteError
from keras_weld.models import load, save
from keras_weld.models.provenance import set_lineage

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

OPTIMIZERS = {
    "sgd": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "adam": lambda: keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.01, 40), clipnorm=1.0),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.003, momentum=0.5, centered=True),
}


def plain(width=8):
    layers = keras.layers
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [
            keras.Input((64,)),
            layers.Dense(width, activation="relu"),
            layers.BatchNormalization(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def fit(model, epochs):
    x, y = digits()
    model.fit(x[:256], y[:256], epochs=epochs, batch_size=64, shuffle=False, verbose=0)


def arrays(variables):
    return [keras.ops.convert_to_numpy(one) for one in variables]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_with_the_same_bits(tmp_path, name):
    def compiled():
        model = plain()
        model.compile(OPTIMIZERS[name](), "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    whole, first = compiled(), compiled()
    fit(whole, 3)
    fit(first, 2)
    resumed = load(save(first, tmp_path / "m.h5"))
    fit(resumed, 1)
    for ours, theirs in zip(arrays(resumed.weights), arrays(whole.weights), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for ours, theirs in zip(arrays(resumed.optimizer.variables), arrays(whole.optimizer.variables), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_plain_keras_reads_it_with_a_loss_that_has_a_short_name(tmp_path, run_python):
    x, _ = digits()
    model = plain()
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(x[:64], np.ones((64, 10), "float32"), verbose=0)
    path = save(model, tmp_path / "m.h5")
    np.save(tmp_path / "x.npy", x[:8])
    code = (
        "import sys, keras, numpy as np\n"
        "model = keras.saving.load_model(sys.argv[1])\n"
        "assert model.compiled and type(model.optimizer).__name__ == 'Adam'\n"
        "np.save(sys.argv[3], model.predict_on_batch(np.load(sys.argv[2])))\n"
    )
    run_python(code, path, tmp_path / "x.npy", tmp_path / "y.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model.predict_on_batch(x[:8]))


def test_file_of_plain_keras_with_a_short_name_is_compiled(tmp_path):
    model = plain()
    model.compile("sgd", "mse", metrics=["mae"])
    model.save(tmp_path / "m.h5")
    found = load(tmp_path / "m.h5")
    found.fit(digits()[0][:32], np.ones((32, 10), "float32"), verbose=0)
    assert set(found.get_metrics_result()) == {"loss", "mae"}


def test_model_that_was_compiled_and_never_trained(tmp_path):
    model = plain()
    model.compile(keras.optimizers.Adam(0.03), "mse")
    found = load(save(model, tmp_path / "m.h5"))
    assert float(keras.ops.convert_to_numpy(found.optimizer.learning_rate)) == pytest.approx(0.03)
    found.fit(digits()[0][:32], np.ones((32, 10), "float32"), verbose=0)


def test_live_model_is_saved_afterwards_as_before(tmp_path, trained):
    save(trained, tmp_path / "m.h5")
    model = load(save(trained, tmp_path / "m.keras"))
    assert type(model.optimizer) is type(trained.optimizer)
    for ours, theirs in zip(arrays(model.optimizer.variables), arrays(trained.optimizer.variables), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_file_without_the_optimizer_state_is_told(tmp_path, trained):
    path = save(trained, tmp_path / "m.h5")
    with h5py.File(path, "a") as file:
        del file["optimizer_weights"]
    with pytest.warns(UserWarning, match=r"m\.h5 tells how the model was compiled, and holds nothing .* fresh optim"):
        model = load(path)
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 0


def test_optimizer_state_that_is_missing_is_found_out(tmp_path, monkeypatch):
    model = plain()
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model, 1)
    from keras.src.legacy.saving import legacy_h5_format

    monkeypatch.setattr(legacy_h5_format, "save_optimizer_weights_to_hdf5_group", lambda group, optimizer: None)
    with pytest.raises(WriteError, match="does not hold all of the model; it was not kept") as refused:
        save(model, tmp_path / "m.h5")
    assert refused.value.found.endswith("and 0 variables that differ")
    assert list(tmp_path.iterdir()) == []


def test_an_optimizer_that_has_no_place_is_named_with_a_format_that_keeps_it(tmp_path):
    model = plain()
    model.compile(keras.optimizers.Adafactor(0.01), "sparse_categorical_crossentropy")
    fit(model, 1)
    with pytest.raises(UsageError, match="The state of the optimizer Adafactor has no place in this format") as refused:
        save(model, tmp_path / "m.h5")
    assert ".keras" in refused.value.remedy
    assert ".weights.h5" in refused.value.remedy
    loaded = load(save(model, tmp_path / "m.keras"))
    for ours, theirs in zip(arrays(loaded.optimizer.variables), arrays(model.optimizer.variables), strict=True):
        np.testing.assert_array_equal(ours, theirs)


class Own(keras.Model):
    """A model whose layers are in its own code."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.inner = keras.layers.Dense(2)

    def call(self, inputs):
        return self.inner(inputs)


def test_a_model_whose_layers_are_in_its_code_is_refused_where_it_could_not_be_read_back(tmp_path):
    model = Own()
    model(np.ones((1, 3), "float32"))
    with pytest.raises(UsageError, match="in its own code was built for has no place in this format") as refused:
        save(model, tmp_path / "m.h5")
    assert refused.value.remedy == "Save it as m.keras."
    assert list(tmp_path.iterdir()) == []
    found = load(save(model, tmp_path / "m.keras"), custom_objects=[Own])
    np.testing.assert_array_equal(*(np.asarray(one.get_weights()[0]) for one in (found, model)))


def test_vocabulary_that_was_learnt_is_not_lost_without_a_word(tmp_path):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("texts are an input on TensorFlow alone")
    lookup = keras.layers.StringLookup(name="words")
    lookup.adapt(["a", "b"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), lookup])
    with pytest.raises(UsageError, match=r"learnt by adapt\(\) has no place in this format") as refused:
        save(model, tmp_path / "m.h5")
    assert refused.value.layer == "words"
    assert "m.keras" in refused.value.remedy
    given = keras.Sequential([keras.Input((1,), dtype="string"), keras.layers.StringLookup(vocabulary=["a", "b"])])
    assert load(save(given, tmp_path / "m.h5")).layers[0].get_vocabulary() == ["[UNK]", "a", "b"]


def test_call_of_an_operation_is_refused_since_keras_does_not_bring_it_back(tmp_path):
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, keras.ops.mean(inputs, axis=1))
    with pytest.raises(UsageError, match=r"A call of keras.ops \(Mean\) has no place in this format"):
        save(model, tmp_path / "m.h5")
    model.save(tmp_path / "m.h5")
    with pytest.raises(ValueError, match="Unknown layer: 'Mean'"):
        keras.saving.load_model(tmp_path / "m.h5")


def test_optimizer_around_an_optimizer_comes_back_whole(tmp_path):
    model = plain()
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), "sparse_categorical_crossentropy")
    fit(model, 1)
    found = load(save(model, tmp_path / "m.h5"))
    for ours, theirs in zip(arrays(found.optimizer.variables), arrays(model.optimizer.variables), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_lineage_goes_along(tmp_path):
    from keras_weld.io.read import open_model

    model = build()
    set_lineage(model, {"method": "linear"})
    with open_model(save(model, tmp_path / "m.h5")) as state:
        assert state.metadata["lineage"] == {"method": "linear"}
    same_predictions(load(tmp_path / "m.h5"), model, digits()[0][:4])
