"""Every honest model passes: what Keras really makes is what the configuration was read to ask for."""

from __future__ import annotations

import json

import numpy as np
import pytest

from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.io.check_sizes import check_sizes
from keras_weld.io.config_scan import require_safe, scan_config
from keras_weld.io.expected_shapes import expected_shapes

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.keras
# Configurations and shapes are the same on every backend; JAX compiles an initialiser for each shape.
on_one_backend = pytest.mark.skipif(keras.backend.backend() == "jax", reason="takes minutes on JAX")


def specs_of(model):
    return [
        TensorSpec(
            variable.path,
            tuple(variable.shape),
            np.dtype("float32"),
            Role.TRAINABLE,
            variable.path,
            variable.path.rpartition("/")[0],
        )
        for variable in model.variables
    ]


def pass_both(model):
    config = json.loads(model.to_json())
    require_safe(scan_config(config))
    check_sizes(config, specs_of(model))


@on_one_backend
@pytest.mark.parametrize("name", ["MobileNet", "MobileNetV3Small", "ResNet50", "EfficientNetB0", "DenseNet121"])
def test_applications(name):
    pass_both(getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=3))


def layer_zoo():
    layers = keras.layers
    image, sequence = (8, 8, 4), (6, 4)
    volume = (6, 6, 6, 4)
    return {
        "dense": (layers.Dense(5), (4,)),
        "dense without bias": (layers.Dense(5, use_bias=False), (4,)),
        "dense, not trainable": (layers.Dense(5, trainable=False), (4,)),
        "einsum": (layers.EinsumDense("abc,cd->abd", output_shape=(None, 7), bias_axes="d"), sequence),
        "einsum with dots": (layers.EinsumDense("...x,xy->...y", output_shape=7, bias_axes="y"), sequence),
        "einsum heads": (
            layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de"),
            sequence,
        ),
        "embedding": (layers.Embedding(11, 3), (5,)),
        "conv1d": (layers.Conv1D(6, 3), sequence),
        "conv2d groups": (layers.Conv2D(6, 3, groups=2), image),
        "conv3d": (layers.Conv3D(6, 3, use_bias=False), volume),
        "conv1d transposed": (layers.Conv1DTranspose(6, 3), sequence),
        "conv2d transposed": (layers.Conv2DTranspose(6, 3), image),
        "conv3d transposed": (layers.Conv3DTranspose(6, 3), volume),
        "depthwise1d": (layers.DepthwiseConv1D(3, depth_multiplier=2), sequence),
        "depthwise2d": (layers.DepthwiseConv2D(3), image),
        "separable1d": (layers.SeparableConv1D(6, 3), sequence),
        "separable2d": (layers.SeparableConv2D(6, 3, depth_multiplier=2), image),
        "lstm": (layers.LSTM(5), sequence),
        "gru": (layers.GRU(5), sequence),
        "gru, one bias": (layers.GRU(5, reset_after=False), sequence),
        "simple rnn": (layers.SimpleRNN(5, use_bias=False), sequence),
        "bidirectional": (layers.Bidirectional(layers.LSTM(5)), sequence),
        "stacked cells": (layers.RNN([layers.LSTMCell(5), layers.GRUCell(3)]), sequence),
        "conv lstm 1d": (layers.ConvLSTM1D(3, 3), (4, *sequence)),
        "conv lstm 2d": (layers.ConvLSTM2D(3, 3), (4, *image)),
        "time distributed": (layers.TimeDistributed(layers.Dense(5)), sequence),
        "batch normalization": (layers.BatchNormalization(), image),
        "batch normalization, bare": (layers.BatchNormalization(axis=2, scale=False, center=False), image),
        "layer normalization": (layers.LayerNormalization(axis=(1, 2)), image),
        "group normalization": (layers.GroupNormalization(2, scale=False), image),
        "rms normalization": (layers.RMSNormalization(), sequence),
        "spectral normalization": (layers.SpectralNormalization(layers.Dense(5)), (4,)),
        "normalization": (layers.Normalization(), (4,)),
        "normalization, told": (layers.Normalization(mean=0.0, variance=1.0), (4,)),
        "prelu": (layers.PReLU(shared_axes=[1, 2]), image),
        "grouped attention": (None, sequence),
        "attention": (None, sequence),
        "spectrogram": (layers.STFTSpectrogram(frame_length=8, frame_step=4, fft_length=8), (64, 1)),
    }


PARTLY_TOLD = {
    "attention", "bidirectional", "grouped attention", "spectral normalization", "stacked cells",
    "time distributed",
}  # fmt: skip


@on_one_backend
@pytest.mark.parametrize("case", list(layer_zoo()))
def test_each_layer(case):
    layer, shape = layer_zoo()[case]
    given = keras.Input(shape)
    if case == "attention":
        made = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=5)(given, given)
    elif case == "grouped attention":
        made = keras.layers.GroupQueryAttention(head_dim=3, num_query_heads=4, num_key_value_heads=2)(given, given)
    else:
        made = layer(given)
    model = keras.Model(given, made)
    pass_both(model)
    entry = json.loads(model.to_json())["config"]["layers"][1]
    found = expected_shapes(entry["class_name"], entry["config"], entry["build_config"])
    if case != "normalization, told":
        real = sorted(tuple(variable.shape) for variable in model.layers[1].variables)
        real_sizes = sum(int(np.prod(shape)) for shape in real)
        assert found
        for wanted in found.values():
            fits = [shape for shape in real if len(shape) == len(wanted)]
            assert any(all(size in (None, other) for size, other in zip(wanted, shape, strict=True)) for shape in fits)
        told = sum(int(np.prod(shape)) for shape in found.values() if None not in shape)
        assert told <= real_sizes
        if case not in PARTLY_TOLD:
            assert all(None not in shape for shape in found.values())


@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept:DeprecationWarning")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantised(mode):
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8), keras.layers.Dense(4)])
    for layer in model.layers:
        layer.quantize(mode)
    pass_both(model)


def test_lora():
    model = keras.Sequential([keras.Input((16,)), keras.layers.Dense(8), keras.layers.Dense(1)])
    for layer in model.layers:
        layer.enable_lora(4)
    pass_both(model)


def test_a_layer_shared_by_two_models_is_stored_once_and_named_twice():
    shared = keras.layers.Dense(64, name="shared")
    models = []
    for name in ("left", "right"):
        given = keras.Input((64,))
        models.append(keras.Model(given, shared(given), name=name))
    given = keras.Input((64,))
    pass_both(keras.Model(given, keras.layers.Add()([models[0](given), models[1](given)])))


def test_nested_and_unbuilt():
    inner = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6), keras.layers.BatchNormalization()])
    pass_both(keras.Sequential([keras.Input((4,)), inner, keras.layers.Dense(2)]))
    pass_both(keras.Sequential([keras.layers.Dense(6), keras.layers.Dense(2)]))


def test_compiled_with_schedule_losses_and_metrics():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, activation="gelu", kernel_regularizer="l2")])
    model.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(0.1, 10_000_000_000)),
        loss=keras.losses.mean_squared_error,
        metrics=["accuracy", "mae", keras.metrics.AUC(), keras.metrics.MeanMetricWrapper(keras.losses.huber)],
    )
    config = {**keras.saving.serialize_keras_object(model), "compile_config": model.get_compile_config()}
    require_safe(scan_config(json.loads(json.dumps(config))))


def test_operations_in_a_graph():
    given = keras.Input((8, 3))
    made = keras.ops.relu(given)[:, 1:] * 2_000_000_000 + 1
    made = keras.ops.concatenate([made, keras.ops.mean(made, axis=1, keepdims=True)], axis=1)
    pass_both(keras.Model(given, keras.layers.Dense(2)(made)))
