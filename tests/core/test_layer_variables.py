"""What variables a layer has, against what Keras really stores."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO

import h5py
import pytest

from keras_weld.core.exported_names import exported_name
from keras_weld.core.graph import ModelGraph
from keras_weld.core.layer_variables import class_of_group, sub_layers_of, variables_of
from keras_weld.core.tensor import Role

T, N = Role.TRAINABLE, Role.NON_TRAINABLE

# Said by NumPy of Keras's own saving.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")


@pytest.mark.parametrize(
    ("class_name", "config", "expected"),
    [
        ("Conv2D", {"use_bias": False}, [("kernel", T)]),
        ("Dense", {}, [("kernel", T), ("bias", T)]),
        ("Dense", {"trainable": False}, [("kernel", N), ("bias", N)]),
        ("Dense", {"bias": False}, [("kernel", T)]),  # Keras 1
        ("Dropout", {}, []),
        ("BatchNormalization", {"scale": False}, [("beta", T), ("moving_mean", N), ("moving_variance", N)]),
        ("LayerNormalization", {"rms_scaling": True, "center": True}, [("gamma", T)]),
        ("Normalization", {"mean": None}, [("mean", N), ("variance", N), ("count", N)]),
        ("Normalization", {"mean": [0.5]}, []),
        ("Dense", {"dtype": "int8_from_float32"}, [("kernel", N), ("bias", T), ("kernel_scale", N)]),
        ("TextVectorization", {"output_mode": "tf_idf"}, [("idf_weights", N)]),
        ("MyOwnLayer", {}, None),
    ],
)
def test_own_variables(class_name, config, expected):
    assert variables_of(class_name, config) == expected


def test_groups_are_told_apart():
    assert class_of_group("conv2d_transpose") == "Conv2DTranspose"
    assert class_of_group("p_re_lu") == "PReLU"
    assert class_of_group("my_own_layer") is None


def test_parts_of_a_frozen_layer_are_frozen():
    ((group, class_name, config),) = sub_layers_of("LSTM", {"units": 3, "trainable": False})
    assert (group, class_name, config["name"]) == ("cell", "LSTMCell", "lstm_cell")
    assert {role for _, role in variables_of(class_name, config)} == {N}


def test_a_layer_in_one_piece_has_no_parts():
    assert sub_layers_of("Dense", {}) is None
    assert sub_layers_of("Wrapper", {}) is None


@pytest.mark.keras
def test_every_layer_of_keras_is_known():
    import keras

    outside = {"FlaxLayer", "InputSpec", "JaxLayer", "TFSMLayer", "TorchModuleWrapper"}
    by_class = {value: name for name, value in vars(keras.layers).items() if isinstance(value, type)}
    names = {exported_name(one.__name__) for one in by_class}
    assert {name for name in names - outside if variables_of(name, {}) is None} == set()


def _stored(path):
    """The config in a file, and the shapes of its datasets."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read("config.json"))
        with h5py.File(BytesIO(archive.read("model.weights.h5"))) as file:
            file.visititems(
                lambda name, item: found.update({name: item.shape}) if isinstance(item, h5py.Dataset) else None
            )
    return config, {name: shape for name, shape in found.items() if not name.startswith("optimizer")}


def _expected(config):
    """Storage path, name and role of every variable, in order."""

    def expand(group, class_name, config):
        for number, (name, role) in enumerate(variables_of(class_name, config) or ()):
            yield f"{group}/vars/{number}", name, role
        for attribute, part, inner in sub_layers_of(class_name, config) or ():
            yield from expand(f"{group}/{attribute}", part, inner)

    for layer in ModelGraph.from_config(config).walk():
        yield from expand(layer.storage_path, layer.class_name, layer.config)


def _mlp(keras):
    layers = keras.layers
    x = inputs = keras.Input((8,))
    x = layers.BatchNormalization(center=False)(layers.Dense(5, use_bias=False)(x))
    return keras.Model(inputs, layers.Dense(3, trainable=False)(layers.Dropout(0.5)(x)))


def _sequential(keras):
    layers = keras.layers
    return keras.Sequential([keras.Input((8,)), layers.Dense(3), layers.PReLU(), layers.Dense(2)])


def _recurrent(keras):
    layers = keras.layers
    inputs = keras.Input((7,))
    x = layers.Embedding(11, 4)(inputs)
    x = layers.Bidirectional(layers.LSTM(3, return_sequences=True))(x)
    x = layers.GRU(4, return_sequences=True, reset_after=False)(x)
    cells = [layers.LSTMCell(3), layers.SimpleRNNCell(4), layers.LSTMCell(2)]
    x = layers.RNN(cells, return_sequences=True)(x)
    x = layers.TimeDistributed(layers.Dense(3))(x)
    back = layers.SimpleRNN(3, go_backwards=True, name="back")
    return keras.Model(inputs, layers.Bidirectional(layers.SimpleRNN(3), backward_layer=back)(x))


def _attention(keras):
    layers = keras.layers
    inputs = keras.Input((6, 4))
    x = layers.MultiHeadAttention(2, 3)(inputs, inputs)
    x = layers.LayerNormalization()(x)
    x = layers.GroupQueryAttention(4, 2, 2, use_bias=False)(x, x)
    x = layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")(x)
    x = layers.Attention(use_scale=True, score_mode="concat")([x, x])
    x = layers.AdditiveAttention()([x, x])
    return keras.Model(inputs, layers.GroupNormalization(2, scale=False)(x))


def _images(keras):
    layers = keras.layers
    normalization = layers.Normalization()
    normalization.build((None, 10, 10, 3))
    inputs = keras.Input((10, 10, 3))
    x = normalization(layers.Rescaling(1 / 255.0)(inputs))
    x = layers.Conv2D(4, 3)(layers.RandomFlip()(x))
    x = layers.SeparableConv2D(4, 3)(layers.DepthwiseConv2D(3)(x))
    x = layers.Reshape((4, 2, 4, 2))(layers.Conv2DTranspose(4, 3)(layers.MaxPooling2D(2)(x)))
    return keras.Model(inputs, layers.ConvLSTM2D(3, 2)(x))


def _nested(keras):
    layers, ops = keras.layers, keras.ops
    inner_in = keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(4)(layers.Dense(4)(inner_in)), name="inner")
    deep = keras.Sequential([keras.Input((4,)), layers.Dense(4)], name="deep")
    outer = keras.Sequential([keras.Input((4,)), layers.BatchNormalization(), deep, layers.Dense(4)])
    twice = layers.Dense(4, name="twice")
    inputs = keras.Input((4,))
    x = twice(twice(ops.add(inner(inner(outer(inputs))), 1.0)))
    inner.trainable = False
    return keras.Model(inputs, layers.Add()([x * 2.0, inner(inputs)]))


def _shared(keras):
    layers = keras.layers
    shared = layers.Dense(4, name="shared")
    inner_in, inputs = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(4)(shared(inner_in)))
    return keras.Model(inputs, inner(shared(inputs)))


def _shared_inside_first(keras):
    layers = keras.layers
    shared = layers.Dense(4, name="shared")
    inner_in, inputs = keras.Input((4,)), keras.Input((4,))
    inner = keras.Model(inner_in, layers.Dense(4)(shared(inner_in)))
    return keras.Model(inputs, shared(inner(inputs)))


def _wrapped_model(keras):
    layers = keras.layers
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)], name="inner")
    inputs = keras.Input((5, 4))
    return keras.Model(inputs, layers.TimeDistributed(inner)(inputs))


def _mobile_net(keras):
    return keras.applications.MobileNet(input_shape=(32, 32, 3), alpha=0.25, weights=None, classes=3)


def _mobile_net_v3(keras):
    return keras.applications.MobileNetV3Small((32, 32, 3), minimalistic=True, weights=None, classes=3)


BUILDERS = [
    _mlp,
    _sequential,
    _recurrent,
    _attention,
    _images,
    _nested,
    _shared,
    _shared_inside_first,
    _wrapped_model,
    _mobile_net,
    _mobile_net_v3,
]
SLOW_TO_BUILD = (_images, _mobile_net, _mobile_net_v3, _recurrent)


@pytest.mark.keras
@pytest.mark.parametrize("build", BUILDERS, ids=lambda build: build.__name__.strip("_"))
def test_a_saved_model_holds_what_is_expected_in_the_order_of_its_weights(build, tmp_path):
    import keras

    if build in SLOW_TO_BUILD and keras.backend.backend() == "jax":
        pytest.skip("JAX compiles every initializer by itself; the file is the same on every backend")
    model = build(keras)
    model.save(tmp_path / "model.keras")
    config, stored = _stored(tmp_path / "model.keras")
    expected = list(_expected(config))

    assert {path for path, _, _ in expected} == set(stored)
    trained = {id(variable) for variable in model.trainable_weights}
    assert [(stored[path], name, role) for path, name, role in expected] == [
        (tuple(one.shape), one.path.rpartition("/")[2], T if id(one) in trained else N) for one in model.weights
    ]


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize` method:UserWarning")
@pytest.mark.filterwarnings("ignore:Layer Reshape does not have a `quantize` method:UserWarning")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantized_models_hold_what_is_expected(mode, tmp_path):
    import keras

    layers = keras.layers
    inputs = keras.Input((32,))
    x = layers.Reshape((8, 32))(layers.Dense(256)(inputs))
    model = keras.Model(inputs, layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d")(x))
    model.quantize(mode)
    model.save(tmp_path / "model.keras")
    config, stored = _stored(tmp_path / "model.keras")

    expected = list(_expected(config))
    assert {path for path, _, _ in expected} == set(stored)
    by_name = {f"{path.split('/')[1]} {name}": stored[path] for path, name, _ in expected}
    for layer in (model.layers[1], model.layers[3]):
        for variable in layer.weights:
            assert by_name[f"{layer.name.rstrip('_0123456789')} {variable.name}"] == tuple(variable.shape)


@pytest.mark.keras
@pytest.mark.filterwarnings("ignore:Layer InputLayer does not have a `quantize` method:UserWarning")
@pytest.mark.parametrize("mode", [None, "int8", "int4"])
def test_embeddings_hold_what_is_expected(mode, tmp_path):
    import keras

    both = keras.layers.ReversibleEmbedding(100, 16, tie_weights=False)
    inputs = keras.Input((5,), dtype="int32")
    model = keras.Model(inputs, both(both(inputs), reverse=True))
    if mode:
        model.quantize(mode)
    model.save(tmp_path / "model.keras")
    config, stored = _stored(tmp_path / "model.keras")

    expected = {path: name for path, name, _ in _expected(config)}
    assert set(expected) == set(stored)
    assert {name: stored[path] for path, name in expected.items()} == {
        one.name: tuple(one.shape) for one in both.weights
    }


@pytest.mark.keras
def test_a_spectrally_normalized_kernel_is_stored_with_both_layers(tmp_path):
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.SpectralNormalization(layers.Embedding(4, 3)),
            layers.SpectralNormalization(layers.Dense(3)),
        ]
    )
    model.save(tmp_path / "model.keras")
    config, stored = _stored(tmp_path / "model.keras")
    assert {path: name for path, name, _ in _expected(config)} == {
        "layers/spectral_normalization/vars/0": "embeddings",
        "layers/spectral_normalization/vars/1": "vector_u",
        "layers/spectral_normalization/layer/vars/0": "embeddings",
        "layers/spectral_normalization_1/vars/0": "kernel",
        "layers/spectral_normalization_1/vars/1": "vector_u",
        "layers/spectral_normalization_1/layer/vars/0": "kernel",
        "layers/spectral_normalization_1/layer/vars/1": "bias",
    }
    assert set(stored) == {path for path, _, _ in _expected(config)}
