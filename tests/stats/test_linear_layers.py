"""Layers as rows times matrices, against the layers themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from keras import layers  # noqa: E402

from keras_weld.stats.linear_layers import linear_parts  # noqa: E402
from keras_weld.stats.linear_part import product  # noqa: E402

PICTURE = (9, 8, 6)
LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    "dense": (lambda: layers.Dense(4), (5,)),
    "dense on a sequence": (lambda: layers.Dense(4, use_bias=False), (3, 5)),
    "same, stride 1": (lambda: layers.Conv2D(4, 3, padding="same"), PICTURE),
    "same, stride 2": (lambda: layers.Conv2D(4, 3, strides=2, padding="same"), PICTURE),
    "same, stride 3, even": (lambda: layers.Conv2D(4, 2, strides=3, padding="same"), PICTURE),
    "valid, stride 2": (lambda: layers.Conv2D(4, (3, 2), strides=2), PICTURE),
    "dilated": (lambda: layers.Conv2D(4, (3, 2), dilation_rate=2, padding="same"), PICTURE),
    "groups": (lambda: layers.Conv2D(4, 3, groups=2), PICTURE),
    "pointwise": (lambda: layers.Conv2D(4, 1, use_bias=False), PICTURE),
    "causal": (lambda: layers.Conv1D(4, 3, padding="causal", dilation_rate=2), (9, 3)),
    "1 dimension": (lambda: layers.Conv1D(4, 4, padding="same", strides=2), (9, 3)),
    "3 dimensions": (lambda: layers.Conv3D(4, 3, padding="same", strides=2), (4, 5, 6, 2)),
    "depthwise": (lambda: layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2), PICTURE),
    "depthwise, stride 2": (lambda: layers.DepthwiseConv2D(3, strides=2, use_bias=False), PICTURE),
    "depthwise, 1 dimension": (lambda: layers.DepthwiseConv1D(3), (9, 3)),
    "separable": (lambda: layers.SeparableConv2D(5, 3, padding="same", depth_multiplier=2), PICTURE),
    "separable, 1 dimension": (lambda: layers.SeparableConv1D(5, 3, use_bias=False), (9, 3)),
    "einsum": (lambda: layers.EinsumDense("abc,cd->abd", (None, 4), bias_axes="d"), (3, 5)),
    "einsum, any axes": (lambda: layers.EinsumDense("...c,dc->...d", 4, bias_axes="d"), (3, 5)),
    "einsum, heads": (lambda: layers.EinsumDense("abc,cde->abde", (None, 4, 2), bias_axes="de"), (3, 5)),
    "einsum, heads joined": (lambda: layers.EinsumDense("abde,dec->abc", (None, 7), bias_axes="c"), (3, 4, 5)),
    "einsum, groups": (lambda: layers.EinsumDense("abd,bde->aeb", (7, 3), bias_axes="eb"), (3, 4)),
    "batch normalization": (lambda: layers.BatchNormalization(), PICTURE),
}


def built(layer: keras.Layer, shape: tuple[int, ...]) -> keras.Layer:
    random = np.random.default_rng(0)
    layer.build((None, *shape))
    for variable in layer.weights:
        variable.assign(random.uniform(0.5, 1, variable.shape))
    return layer


@pytest.mark.parametrize("kind", LAYERS)
def test_rows_times_matrices_are_what_the_layer_gives(kind: str) -> None:
    make, shape = LAYERS[kind]
    layer, x = built(make(), shape), np.random.default_rng(1).normal(size=(2, *shape)).astype("float32")
    found = x
    for part in linear_parts(layer):
        found = product(part.rows(found), part.matrices)
    wanted = keras.ops.convert_to_numpy(layer(x))
    if kind == "einsum, groups":
        wanted = wanted.transpose(0, 2, 1)
    np.testing.assert_allclose(found.reshape(-1), wanted.reshape(-1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_matrices_are_put_back_where_they_come_from(kind: str) -> None:
    make, shape = LAYERS[kind]
    layer = built(make(), shape)
    values = [keras.ops.convert_to_numpy(one).copy() for one in layer.weights]
    for part in linear_parts(layer):
        kept = part.matrices
        part.give(kept * 0)
        assert not part.matrices.any()
        part.give(kept)
    for variable, value in zip(layer.weights, values, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)


class Own(layers.Dense):
    """A dense layer of the user's own: nobody knows what it calculates."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.LSTM(3),
        lambda: layers.Conv2DTranspose(3, 2),
        lambda: layers.EinsumDense("abc,cd->abd", (3, 4), bias_axes="bd"),
        lambda: layers.Dense(4, lora_rank=2),
        lambda: Own(3),
    ],
)
def test_what_is_no_such_matrix_is_none(make: Any) -> None:
    layer = make()
    layer.build(
        {"LSTM": (None, 3, 5), "Conv2DTranspose": (None, 4, 4, 5), "EinsumDense": (None, 3, 5)}.get(
            type(layer).__name__, (None, 5)
        )
    )
    assert linear_parts(layer) == ()
