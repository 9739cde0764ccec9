"""Loading: what is in the file is what is in the model, and what cannot be loaded is refused in words."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import keras
import numpy as np
import pytest
from small_models import GOLDEN, build, same_predictions, train

from keras_weld.errors import (
    DamagedFileError,
    MissingFileError,
    OptimizerStateError,
    ShapeMismatchError,
    UnsafeFileError,
    UsageError,
    WeldError,
    WrongKindError,
)
from keras_weld.models import load

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def golden(folder, endings):
    return sorted(
        path
        for path in (GOLDEN / folder).glob("*")
        if path.name.endswith(endings) and not path.name.startswith("subclassed")
    )


def expected_of(path):
    name = path.name.split(".")[0].removesuffix("_w")
    with np.load(path.with_name(f"{name}.expected.npz")) as found:
        inputs = [found[key] for key in sorted(found) if key.startswith("x")]
        outputs = [found[key] for key in sorted(found) if key.startswith("y")]
    return name, inputs, outputs


def predictions(model, inputs):
    found = model.predict_on_batch(inputs if len(inputs) > 1 else inputs[0])
    return found if isinstance(found, list) else [found]


def assert_predicts(model, inputs, outputs):
    for found, want in zip(predictions(model, inputs), outputs, strict=True):
        np.testing.assert_allclose(found, want, atol=1e-6)


def test_flipped_bit_in_a_tensor_names_the_part_and_says_to_copy_it_again(tmp_path, trained):
    trained.save(tmp_path / "m.keras")
    data = bytearray((tmp_path / "m.keras").read_bytes())
    kernel = keras.ops.convert_to_numpy(trained.layers[0].kernel).tobytes()
    data[data.index(kernel[:64]) + 8] ^= 1
    (tmp_path / "m.keras").write_bytes(data)
    with pytest.raises(DamagedFileError, match="is damaged: its checksum does not match") as refused:
        load(tmp_path / "m.keras")
    assert refused.value.problem.startswith("model.weights.h5 ")
    assert refused.value.file == str(tmp_path / "m.keras")
    assert refused.value.remedy == "Copy the file again from where it came from."


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
def test_a_model_that_was_compiled_and_never_trained_comes_back_compiled(tmp_path, optimizer):
    from keras_weld import save

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile(optimizer, "mse")
    save(model, tmp_path / "m.keras")
    again = load(tmp_path / "m.keras")
    assert type(again.optimizer) is type(model.optimizer)
    again.fit(np.zeros((4, 4)), np.zeros((4, 3)), verbose=0)


def test_float64_that_the_backend_narrows_is_told(tmp_path):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX's own words
        model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, dtype="float64", name="wide")])
        model.save(tmp_path / "m.keras")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        load(tmp_path / "m.keras")
    ours = [str(one.message) for one in told if "holds float64" in str(one.message)]
    assert len(ours) == (keras.backend.backend() == "jax")
    assert all("in 2 variables, such as wide/kernel" in text for text in ours)


@pytest.mark.parametrize("path", [None, 3])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(UsageError, match="This is not the path of a model"):
        load(path)


def test_keras_file_comes_back_whole(tmp_path, trained, images):
    trained.save(tmp_path / "m.keras")
    model = load(tmp_path / "m.keras")
    same_predictions(model, trained, images)
    for found, want in zip(model.optimizer.variables, trained.optimizer.variables, strict=True):
        np.testing.assert_array_equal(found.numpy(), want.numpy())
    assert not load(tmp_path / "m.keras", compile=False).compiled


@pytest.mark.parametrize("path", golden("keras3_0", (".keras", ".h5")), ids=lambda path: path.name)
def test_files_of_an_early_keras_3(path):
    name, inputs, outputs = expected_of(path)
    beside = path.with_name(f"{name}.json") if path.name.endswith(".weights.h5") else None
    assert_predicts(load(path, compile=False, architecture=beside), inputs, outputs)


@pytest.mark.parametrize("path", golden("keras2_15", (".keras", ".h5")), ids=lambda path: path.name)
def test_files_of_keras_2_most_of_which_keras_3_itself_refuses(path):
    name, inputs, outputs = expected_of(path)
    alone = path.name.endswith((".weights.h5", "_w.h5"))
    beside = path.with_name(f"{name}.json") if alone else None
    assert_predicts(load(path, compile=False, architecture=beside), inputs, outputs)


@pytest.mark.parametrize("name", ["mlp", "lstm"])
def test_saved_model_of_keras_2_becomes_layers_again(name):
    pytest.importorskip("tensorflow")
    path = GOLDEN / "keras2_15" / f"{name}.savedmodel"
    _, inputs, outputs = expected_of(path)
    assert_predicts(load(path), inputs, outputs)


def test_exported_model_needs_its_architecture():
    pytest.importorskip("tensorflow")
    path = GOLDEN / "keras3_0" / "mlp.export"
    with pytest.raises(WrongKindError, match="keeps the model as a graph, not as layers") as refused:
        load(path)
    assert f"weld.load('{path}', architecture='model.json')" in refused.value.remedy
    _, inputs, outputs = expected_of(path)
    assert_predicts(load(path, architecture=path.with_name("mlp.json")), inputs, outputs)


def test_whole_h5_goes_on_training_with_its_moments():
    path = GOLDEN / "keras3_0" / "mlp.h5"
    model = load(path)
    with np.load(path.with_name("mlp.expected.npz")) as found:
        wanted = [found[key] for key in sorted(found) if key.startswith("opt0")]
    assert max(float(np.abs(value).max()) for value in wanted[2:]) > 0
    for variable, want in zip(model.optimizer.variables, wanted, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), want)
    _, inputs, outputs = expected_of(path)
    before = int(model.optimizer.iterations.numpy())
    model.train_on_batch(inputs[0], outputs[0])
    assert int(model.optimizer.iterations.numpy()) == before + 1


def test_keras_2_model_that_keras_3_cannot_read_is_compiled_too_if_it_was():
    assert not load(GOLDEN / "keras2_15" / "lstm.h5").compiled
    model = load(GOLDEN / "keras2_15" / "cnn.h5")
    assert type(model.optimizer).__name__ == "SGD"
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == 4


def test_keras_1_is_refused_with_its_version_and_the_way_out():
    with pytest.raises(WrongKindError) as refused:
        load(GOLDEN / "keras1_2" / "two_io.h5")
    assert "This model was written by Keras 1.2.2, in a form that Keras 3 cannot build" in str(refused.value)
    assert refused.value.layer == "left_code (Dense)"
    assert "architecture='arch.json'" in refused.value.remedy
    assert refused.value.__cause__ is not None


@pytest.mark.parametrize("file", ["lstm.h5", "lstm_w.h5"])
def test_gates_of_keras_1_are_refused_with_what_joins_them(file, tmp_path):
    layers = keras.layers
    inner = [layers.Embedding(11, 4), layers.Bidirectional(layers.LSTM(3, return_sequences=True)), layers.GRU(4)]
    model = keras.Sequential([keras.Input((5,)), *inner, layers.Dense(3)])
    (tmp_path / "m.json").write_text(model.to_json())
    with pytest.raises(WrongKindError, match="Keras 1 kept each gate of a recurrent layer by itself") as refused:
        load(GOLDEN / "keras1_2" / file, architecture=tmp_path / "m.json")
    assert (refused.value.expected, refused.value.found) == ("6 arrays in this layer", "24, as Keras 1 wrote them")
    assert "tf_keras joins them" in refused.value.remedy


@pytest.mark.filterwarnings("ignore:.*holds the architecture alone")
def test_an_activation_that_was_another_one_in_keras_2_is_told(tmp_path):
    config = json.loads(keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)]).to_json())["config"]
    for layer in config["layers"]:
        layer.pop("module"), layer.pop("registered_name")
    dense = config["layers"][1]["config"]
    dense["activation"] = "hard_sigmoid"
    whole = {"class_name": "Sequential", "config": {"name": "old", "layers": config["layers"]}}
    (tmp_path / "old.json").write_text(json.dumps({**whole, "keras_version": "2.3.1", "backend": "tensorflow"}))
    with pytest.warns(UserWarning, match=r"hard_sigmoid\(x\) was 0.2 x \+ 0.5; .* Layers with it: dense"):
        load(tmp_path / "old.json")


def test_architecture_alone_is_random_and_says_so(tmp_path, trained):
    (tmp_path / "m.json").write_text(trained.to_json())
    with pytest.warns(UserWarning, match="holds the architecture alone: the model's weights are random"):
        model = load(tmp_path / "m.json")
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in trained.weights]


def test_where_warnings_are_errors_they_are_raised_as_they_are(tmp_path, trained):
    (tmp_path / "m.json").write_text(trained.to_json())
    with pytest.raises(UserWarning, match="holds the architecture alone"):
        load(tmp_path / "m.json")


@pytest.mark.filterwarnings("ignore:.*holds the architecture alone")
def test_an_architecture_tells_how_its_model_was_compiled(tmp_path, trained):
    (tmp_path / "m.json").write_text(trained.to_json())
    model = load(tmp_path / "m.json")
    assert (type(model.optimizer), model.loss) == (type(trained.optimizer), trained.loss)
    assert not load(tmp_path / "m.json", compile=False).compiled


def test_weights_alone_ask_for_the_architecture_and_take_it(tmp_path, trained, images):
    trained.save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(WrongKindError) as refused:
        load(tmp_path / "m.weights.h5")
    assert "This file holds weights alone; a model needs its architecture too" in str(refused.value)
    assert "architecture='model.json'" in refused.value.remedy
    (tmp_path / "m.json").write_text(trained.to_json())
    build(seed=5).save(tmp_path / "other.keras")
    for beside in ("m.json", "other.keras"):
        model = load(tmp_path / "m.weights.h5", architecture=tmp_path / beside)
        same_predictions(model, trained, images)


def test_sharded_weights_take_an_architecture(tmp_path, trained, images):
    trained.save_weights(tmp_path / "m.weights.json", max_shard_size=0.00001)
    assert len(list(tmp_path.glob("*.weights.h5"))) > 1
    (tmp_path / "m.json").write_text(trained.to_json())
    same_predictions(load(tmp_path / "m.weights.json", architecture=tmp_path / "m.json"), trained, images)


def test_weights_of_another_width_name_layer_and_both_shapes(tmp_path, trained):
    trained.save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "wide.json").write_text(build(width=30).to_json())
    with pytest.raises(ShapeMismatchError) as refused:
        load(tmp_path / "m.weights.h5", architecture=tmp_path / "wide.json")
    assert refused.value.layer == "hidden"
    assert refused.value.expected == "shape (64, 30)"
    assert refused.value.found == "shape (64, 24)"
    assert refused.value.file == str(tmp_path / "m.weights.h5")


def test_weights_that_lack_a_layer_are_refused(tmp_path, trained):
    short = keras.Sequential([keras.Input((64,)), *trained.layers[:-1]])
    short.save_weights(tmp_path / "m.weights.h5")
    (tmp_path / "m.json").write_text(trained.to_json())
    with pytest.raises(ShapeMismatchError, match="another number of tensors") as refused:
        load(tmp_path / "m.weights.h5", architecture=tmp_path / "m.json")
    assert refused.value.layer == "digit"
    assert (refused.value.expected, refused.value.found) == ("2 variables in this layer", "0")


def test_an_optimizer_that_scales_the_loss_comes_back_with_its_state(tmp_path):
    """Plain Keras leaves the state out, but where the policy is mixed_float16."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = train(build(), epochs=1, examples=64)
    finally:
        keras.config.set_dtype_policy("float32")
    model.save(tmp_path / "m.keras")
    found = load(tmp_path / "m.keras")
    assert isinstance(found.optimizer, keras.optimizers.LossScaleOptimizer)
    for one, other in zip(found.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(one), keras.ops.convert_to_numpy(other))
    assert keras.config.dtype_policy().name == "float32"
    assert [layer.dtype_policy.name for layer in found.layers] == [layer.dtype_policy.name for layer in model.layers]


def test_layers_unfrozen_after_training_are_the_reason_that_is_told(tmp_path):
    model = build()
    model.layers[0].trainable = False
    train(model, epochs=1, examples=64)
    model.layers[0].trainable = True
    model.save(tmp_path / "m.keras")
    with pytest.raises(OptimizerStateError, match="layers were frozen or unfrozen after it was compiled") as refused:
        load(tmp_path / "m.keras")
    expected, found = (int(text.split()[0].rstrip(",")) for text in (refused.value.expected, refused.value.found))
    assert expected - found == 4  # two slots of Adam for the kernel and the bias
    assert "weld convert FILE NEW.keras" in refused.value.remedy
    assert "mixed" not in refused.value.remedy
    model.save(tmp_path / "m.h5")
    with pytest.warns(UserWarning, match="layers were frozen or unfrozen after it was compiled"):
        load(tmp_path / "m.h5")


def test_name_without_the_usual_ending_is_read_by_content(tmp_path, trained, images):
    trained.save(tmp_path / "m.keras")
    (tmp_path / "m.keras").rename(tmp_path / "model.zip")
    same_predictions(load(tmp_path / "model.zip"), trained, images)


def test_missing_empty_cut_and_remote_files(tmp_path, trained):
    with pytest.raises(MissingFileError):
        load(tmp_path / "none.keras")
    (tmp_path / "empty.keras").write_bytes(b"")
    with pytest.raises(DamagedFileError, match="empty"):
        load(tmp_path / "empty.keras")
    trained.save(tmp_path / "m.keras")
    whole = (tmp_path / "m.keras").read_bytes()
    (tmp_path / "cut.keras").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(WeldError) as refused:
        load(tmp_path / "cut.keras")
    assert refused.value.file == str(tmp_path / "cut.keras")
    with pytest.raises(UnsafeFileError, match="Only files on this machine"):
        load("https://example.org/m.keras")


def test_lambda_is_built_only_when_told_to(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: 2 * x)])
    model.save(tmp_path / "m.keras")
    with pytest.raises(UnsafeFileError, match="Lambda"):
        load(tmp_path / "m.keras")
    found = load(tmp_path / "m.keras", unsafe=True).predict_on_batch(np.ones((1, 2)))
    np.testing.assert_array_equal(found, [[2, 2]])


def test_no_warning_on_a_plain_load(tmp_path, trained):
    trained.save(tmp_path / "m.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(tmp_path / "m.keras")


def test_config_that_keras_cannot_build_names_the_layer(tmp_path, trained):
    config = json.loads(trained.to_json())
    config["config"]["layers"][1]["config"]["units"] = "many"
    (tmp_path / "m.json").write_text(json.dumps(config))
    with pytest.raises(WeldError) as refused:
        load(tmp_path / "m.json")
    assert refused.value.file == str(tmp_path / "m.json")
    assert "hidden" in str(refused.value)


def test_a_size_that_only_the_graph_tells_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    import h5py

    wide = 9_000_000
    layers = [
        {"class_name": "InputLayer", "config": {"name": "in", "batch_input_shape": [None, wide]}},
        {"class_name": "Dense", "config": {"name": "dense", "units": 8}},
    ]
    path = tmp_path / "wide.h5"
    with h5py.File(path, "w") as file:
        config = {"class_name": "Sequential", "config": {"name": "m", "layers": layers}}
        file.attrs["model_config"] = json.dumps(config)
        file.attrs["keras_version"] = "2.15.0"
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = np.array([b"dense"])
        group = weights.create_group("dense")
        group.attrs["weight_names"] = np.array([b"dense/kernel:0", b"dense/bias:0"])
        group["dense/kernel:0"] = np.zeros((4, 8), np.float32)
        group["dense/bias:0"] = np.zeros(8, np.float32)
    with pytest.raises(WeldError, match="more weights than the file has stored"):
        load(path)
