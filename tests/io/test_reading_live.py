"""What a file says of a model is what the live model says of itself."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.keras,
    # What Keras warns of in itself.
    pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize`"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
]

import keras  # noqa: E402 - not for a run without a backend
import live_models as live  # noqa: E402
from keras import layers  # noqa: E402

from keras_weld.core.state import ModelState  # noqa: E402
from keras_weld.core.tensor import Role  # noqa: E402
from keras_weld.io.kinds import Kind  # noqa: E402
from keras_weld.io.read import open_model  # noqa: E402

ON_JAX = keras.backend.backend() == "jax"
BY_NAME = ("int8", "int4")  # Keras stores a quantised kernel before the bias, and lists it after
NAMELESS = ("own_layers",)  # files tell of a class of one's own how many variables it has, not what they are called
GRAPHS = [
    pytest.param(name, marks=pytest.mark.skipif(ON_JAX and name == "float64", reason="JAX has none by default"))
    for name in live.GRAPHS
]


@pytest.fixture(scope="module", autouse=True)
def quick_initial_values() -> Iterator[None]:
    with live.numpy_initializers():
        yield


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`saved(name)` gives the live model and the folder that holds it as NAME.keras."""
    folder = tmp_path_factory.mktemp("live")
    built: dict[str, keras.Model] = {}

    def get(name: str) -> tuple[keras.Model, Path]:
        if name not in built:
            built[name] = live.GRAPHS[name]()
            built[name].save(folder / f"{name}.keras")
        return built[name], folder

    return get


def assert_holds(state: ModelState, model: keras.Model, *, nameless: bool = False) -> None:
    """The state's weights are the model's: in order, with name, shape, dtype, role, and every byte."""
    assert len(state.weights) == len(model.weights)
    for tensor, variable in zip(state.weights, model.weights, strict=True):
        spec, values, wanted = tensor.spec, tensor.read(), live.values_of(variable)
        named = nameless and spec.name.rpartition("/")[2].isdigit()
        assert named or spec.name.rpartition("/")[2] == variable.path.rpartition("/")[2], spec.name
        assert spec.shape == values.shape == variable.shape, spec.name
        assert spec.dtype == values.dtype == wanted.dtype, spec.name
        assert values.tobytes() == wanted.tobytes(), spec.name
        assert (spec.role is Role.TRAINABLE) == variable.trainable, spec.name


@pytest.mark.parametrize("name", GRAPHS)
def test_a_keras_file_says_what_the_model_says(saved: Any, name: str) -> None:
    model, folder = saved(name)
    with open_model(folder / f"{name}.keras") as state:
        assert state.kind is Kind.KERAS
        assert state.metadata["keras_version"] == keras.__version__
        assert state.config is not None
        assert state.config["config"]["name"] == model.name
        assert not state.optimizer
        if name in BY_NAME:
            found = {spec.name: tensor.read() for spec, tensor in zip(state.specs, state.values(), strict=True)}
            wanted = {variable.path: live.values_of(variable) for variable in model.weights}
            assert {key: (v.dtype, v.tobytes()) for key, v in found.items()} == {
                key: (v.dtype, v.tobytes()) for key, v in wanted.items()
            }
        else:
            assert_holds(state, model, nameless=name in NAMELESS)


@pytest.mark.parametrize("name", ["recurrent", "attention", "nested", "shared", "own_layers", "bfloat16", "int8"])
def test_weights_alone_hold_the_same_tensors_at_the_same_paths(saved: Any, name: str) -> None:
    model, folder = saved(name)
    model.save_weights(folder / f"{name}.weights.h5")
    largest = max(live.values_of(variable).nbytes for variable in model.weights)
    model.save_weights(folder / f"{name}.weights.json", max_shard_size=largest * 1.01 / 2**30)
    with open_model(folder / f"{name}.keras") as state:
        wanted = {tensor.spec.path: tensor.read().tobytes() for tensor in state.weights}
        names = {tensor.spec.path: tensor.spec.name for tensor in state.weights}
    for kind in (Kind.WEIGHTS, Kind.SHARDED):
        with open_model(folder / f"{name}.{kind}") as state:
            assert state.kind is kind
            assert {tensor.spec.path: tensor.read().tobytes() for tensor in state.weights} == wanted
            if name == "shared":
                assert {tensor.spec.path: tensor.spec.name for tensor in state.weights} == names
    with open_model(folder / f"{name}.weights.json") as state:
        assert len(state.metadata["shards"]) > 1


@pytest.mark.parametrize("name", ["mobilenet", "resnet50", "densenet"])
def test_weights_alone_are_in_the_order_in_which_they_were_written(saved: Any, name: str) -> None:
    model, folder = saved(name)
    model.save_weights(folder / f"{name}.weights.h5")
    model.save_weights(folder / f"{name}.weights.json", max_shard_size=0.01)
    with open_model(folder / f"{name}.keras") as state:
        wanted = [spec.name for spec in state.specs]
    with open_model(folder / f"{name}.weights.json") as state:
        assert [spec.name for spec in state.specs] == wanted
    with open_model(folder / f"{name}.weights.h5") as state:
        found = [spec.name for spec in state.specs]
    assert sorted(found) == sorted(wanted)
    assert sum(a != b for a, b in zip(found, wanted, strict=True)) < 0.05 * len(wanted)


@pytest.mark.parametrize("name", ["recurrent", "attention", "nested", "two_io", "shared", "convolutions"])
def test_a_whole_model_in_h5_says_what_the_model_says(saved: Any, name: str) -> None:
    model, folder = saved(name)
    model.save(folder / f"{name}.h5")
    with open_model(folder / f"{name}.h5") as state:
        assert state.kind is Kind.LEGACY_MODEL
        assert state.metadata["keras_version"] == keras.__version__
        in_file = {tensor.spec.path: tensor.read().tobytes() for tensor in state.weights}
        assert_holds(state, model)
    with open_model(folder / f"{name}.keras") as state:
        assert {tensor.spec.path: tensor.read().tobytes() for tensor in state.weights} == in_file


def test_layers_are_named_from_the_outside_in(saved: Any) -> None:
    _, folder = saved("nested")
    with open_model(folder / "nested.keras") as state:
        assert list(state) == [
            "before/kernel",
            "before/bias",
            "backbone/inner/deep/kernel",
            "backbone/inner/deep/bias",
            "backbone/inner/deep_norm/gamma",
            "backbone/inner/deep_norm/beta",
            "backbone/inner/deep_norm/moving_mean",
            "backbone/inner/deep_norm/moving_variance",
            "backbone/frozen/kernel",
            "backbone/frozen/bias",
            "after/kernel",
            "after/bias",
        ]
        spec = state["backbone/inner/deep/kernel"].spec
        assert spec.layer == "backbone/inner/deep"
        assert spec.path == "layers/functional/layers/sequential/layers/dense/vars/0"


def test_parts_of_a_class_of_ones_own_stand_beside_it(saved: Any) -> None:
    _, folder = saved("own_layers")
    with open_model(folder / "own_layers.keras") as state:
        layers_in_order = list(dict.fromkeys(spec.layer for spec in state.specs))
        assert layers_in_order == ["first_scaled", "second_scaled", "result"]
        assert state["first_scaled/stack/dense_1/kernel"].spec.shape == (3, 3)
        assert state["first_scaled/1"].spec.role is Role.NON_TRAINABLE


def test_a_frozen_layer_of_ones_own_is_not_trained(tmp_path: Path) -> None:
    model = live.own_layers()
    model.get_layer("first_scaled").trainable = False
    model.save(tmp_path / "frozen.keras")
    with open_model(tmp_path / "frozen.keras") as state:
        for spec in state.specs:
            if spec.layer == "first_scaled":
                assert spec.role is Role.NON_TRAINABLE, spec.name
        assert state["result/kernel"].spec.role is Role.TRAINABLE
        assert state["second_scaled/stack/dense/kernel"].spec.role is Role.TRAINABLE


def test_a_subclassed_model_goes_by_the_names_in_the_file(tmp_path: Path) -> None:
    model = live.subclassed()
    model.save(tmp_path / "subclassed.keras")
    model.save_weights(tmp_path / "subclassed.weights.h5")
    wanted = {variable.path.removeprefix("subclassed/"): live.values_of(variable) for variable in model.weights}
    for file in ("subclassed.keras", "subclassed.weights.h5"):
        with open_model(tmp_path / file) as state:
            found = {name.removeprefix("blocks/"): state[name].read() for name in state}
            assert sorted(found) == sorted(wanted)
            for name, values in wanted.items():
                np.testing.assert_array_equal(found[name], values)
            assert state["blocks/block_11/kernel"].spec.path == "blocks/dense_11/vars/0"
            assert state["the_norm/moving_mean"].spec.role is Role.NON_TRAINABLE


def test_a_kernel_that_is_stored_twice_is_found_twice(tmp_path: Path) -> None:
    given = layers.Input((4, 4, 2))
    conv = layers.Conv2D(3, 1, name="inner")
    model = keras.Model(given, layers.SpectralNormalization(conv, name="spectral")(given))
    model.save(tmp_path / "m.keras")
    with open_model(tmp_path / "m.keras") as state:
        np.testing.assert_array_equal(state["spectral/kernel"].read(), live.values_of(conv.kernel))
        np.testing.assert_array_equal(state["spectral/layer/kernel"].read(), live.values_of(conv.kernel))
        assert state["spectral/vector_u"].spec.role is Role.NON_TRAINABLE


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_the_optimizer_is_apart_from_the_weights(tmp_path: Path, suffix: str) -> None:
    model = live.nested()
    model.compile(keras.optimizers.Adam(0.003), "mse")
    model.optimizer.build(model.trainable_variables)
    rng = np.random.default_rng(1)
    for variable in model.optimizer.variables[2:]:
        variable.assign(rng.uniform(size=variable.shape))
    model.optimizer.iterations.assign(17)
    file = tmp_path / f"trained{suffix}"
    model.save_weights(file) if "weights" in suffix else model.save(file)
    with open_model(file) as state:
        assert len(state.weights) == len(model.weights)
        assert [tensor.spec.role for tensor in state.optimizer] == [Role.OPTIMIZER] * len(state.optimizer)
        assert list(state)[-len(state.optimizer) :] == [tensor.spec.name for tensor in state.optimizer]
        wanted = [live.values_of(variable) for variable in model.optimizer.variables]
        if suffix == ".h5":  # without the learning rate, as the whole-model format has it
            found = sorted(tensor.read().tobytes() for tensor in state.optimizer)
            assert set(found) <= {value.tobytes() for value in wanted}
            assert len(found) >= len(wanted) - 1
        else:
            for tensor, value in zip(state.optimizer, wanted, strict=True):
                np.testing.assert_array_equal(tensor.read(), value)
            assert state["optimizer/learning_rate"].read() == np.float32(0.003)
        assert state["optimizer/iteration"].read() == 17
        if suffix != ".weights.h5":
            assert state.compile_config is not None


def test_metrics_are_no_weights(tmp_path: Path) -> None:
    model = live.two_io()
    model.compile("sgd", "mse", metrics=[["mae"], ["mae", keras.metrics.MeanSquaredError()]])
    inputs = [np.ones((2, 4), "float32"), np.ones((2, 6), "float32")]
    model.train_on_batch(inputs, [np.ones((2, 2), "float32"), np.ones((2, 3), "float32")])
    model.save(tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    for file in ("m.keras", "m.weights.h5"):
        with open_model(tmp_path / file) as state:
            assert {tensor.spec.path.split("/")[0] for tensor in state.weights} == {"layers"}
            assert len(state.weights) == len(model.weights)


@pytest.mark.skipif(ON_JAX, reason="texts need TensorFlow")
def test_vocabularies_are_assets(tmp_path: Path) -> None:
    text = layers.TextVectorization(output_mode="tf_idf", name="text")
    text.adapt(["a b c", "b c d", "äpfel"])
    lookup = layers.StringLookup(vocabulary=["x", "y"], name="lookup", output_mode="one_hot")
    lines, kind = keras.Input((), dtype="string", name="lines"), keras.Input((1,), dtype="string", name="kind")
    joined = layers.Concatenate()([text(lines), lookup(kind)])
    model = keras.Model([lines, kind], layers.Dense(2, name="result")(joined))
    model.save(tmp_path / "m.keras")
    with open_model(tmp_path / "m.keras") as state, zipfile.ZipFile(tmp_path / "m.keras") as archive:
        stored = [name for name in archive.namelist() if name.startswith("assets/") and not name.endswith("/")]
        assert sorted(state.assets) == sorted(name.removeprefix("assets/") for name in stored)
        assert any("äpfel" in state.assets[name]().decode() for name in state.assets)
        for name in stored:
            assert state.assets[name.removeprefix("assets/")]() == archive.read(name)
        assert [tensor.spec.name for tensor in state.weights if "idf" not in tensor.spec.name] == [
            "result/kernel",
            "result/bias",
        ]


@pytest.mark.skipif(ON_JAX, reason="TensorFlow's own format")
@pytest.mark.parametrize("name", ["recurrent", "nested", "two_io", "shared", "convolutions", "normalization"])
def test_an_exported_model_has_its_weights_in_order(saved: Any, name: str, tmp_path: Path) -> None:
    model, _ = saved(name)
    model.export(tmp_path / "exported", verbose=False)
    with open_model(tmp_path / "exported") as state:
        assert state.kind is Kind.SAVED_MODEL
        found = [tensor for tensor in state.weights if tensor.spec.role is not Role.SEED_STATE]
        assert len(found) == len(model.weights)
        for tensor, variable in zip(found, model.weights, strict=True):
            np.testing.assert_array_equal(tensor.read(), live.values_of(variable))
            assert tensor.spec.name.rpartition("/")[2] == variable.path.rpartition("/")[2]
            assert (tensor.spec.role is Role.TRAINABLE) == variable.trainable, tensor.spec.name


def test_an_architecture_has_no_tensors(tmp_path: Path) -> None:
    model = live.nested()
    (tmp_path / "model.json").write_text(model.to_json())
    with open_model(tmp_path / "model.json") as state:
        assert state.kind is Kind.ARCHITECTURE
        assert not state
        assert state.config == json.loads(model.to_json())
