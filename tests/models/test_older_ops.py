"""Calls of TensorFlow's functions in models of Keras 2: what comes of them answers as tf_keras did."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_weld.errors import UnknownClassError, UnsafeFileError
from keras_weld.models import load
from keras_weld.recipes import original
from keras_weld.recipes.convert import convert

pytestmark = [
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.filterwarnings("ignore:.*holds the architecture alone"),
]

GOLDEN = Path(__file__).parents[1] / "golden" / "tensorflow_calls"


def expected(name):
    with np.load(GOLDEN / f"{name}.expected.npz") as stored:
        arrays = {key: stored[key] for key in stored.files}
    return [[arrays[f"{letter}{i}"] for i in range(len(arrays)) if f"{letter}{i}" in arrays] for letter in "xy"]


def answers(model, inputs):
    found = model.predict_on_batch(inputs)
    return found if isinstance(found, list) else [found]


def different(model, inputs, outputs):
    """The outputs that are not as they were, by the names of the layers that they come from."""
    found = zip(model.outputs, answers(model, inputs), outputs, strict=True)
    return {
        one._keras_history.operation.name: (ours, theirs)
        for one, ours, theirs in found
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    }


@pytest.mark.parametrize("name", ["arithmetic", "comparing", "functions", "over_axes", "shapes"])
def test_calls_answer_as_they_did(name):
    assert different(load(GOLDEN / f"{name}.json"), *expected(name)) == {}


@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_a_network_with_calls_is_converted_for_plain_keras(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(original, "find_spec", lambda name: None)
    convert(GOLDEN / f"network.{ending}", tmp_path / "new.keras")
    model = keras.saving.load_model(tmp_path / "new.keras")
    inputs, outputs = expected("network")
    np.testing.assert_allclose(answers(model, inputs)[0], outputs[0], rtol=1e-5, atol=1e-5)


def test_a_call_that_cannot_be_said_is_refused_by_name_and_place():
    with pytest.raises(UnknownClassError, match=r"The model calls tf\.compat\.v1\.shape") as refused:
        load(GOLDEN / "refused.json")
    assert refused.value.layer == "tf.compat.v1.shape"
    assert refused.value.found == "tf.compat.v1.shape: no operation of Keras that means the same is known"
    assert refused.value.file == str(GOLDEN / "refused.json")


def of_one_call(tmp_path, function, dtype="float32", **arguments):
    """A model with one call on its input, as Keras 2 wrote it."""
    given = {"batch_input_shape": [None, 4], "dtype": dtype, "name": "x"}
    start = {"class_name": "InputLayer", "config": given, "name": "x"}
    called = {"name": "called", "function": function}
    layers = [
        {**start, "inbound_nodes": []},
        {"class_name": "TFOpLambda", "config": called, "name": "called", "inbound_nodes": [["x", 0, 0, arguments]]},
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["called", 0, 0]]}
    model = {"class_name": "Functional", "config": {"name": "m", "layers": layers, **ends}, "keras_version": "2.15.0"}
    path = tmp_path / "m.json"
    path.write_text(json.dumps(model))
    return path


@pytest.mark.parametrize(
    ("function", "arguments", "found"),
    [
        ("math.cumsum", {"axis": 1, "reverse": True}, "tf.math.cumsum: its argument reverse=True"),
        ("reshape", {"shape": [["x", 0, 0], 4]}, "tf.reshape: a size or an axis that is computed"),
        ("clip_by_value", {"clip_value_min": ["x", 0, 0], "clip_value_max": 1.0}, "tf.clip_by_value: a size or an "),
        ("math.l2_normalize", {}, "tf.math.l2_normalize: no axis"),
        ("where", {"x": 1.0, "y": None}, "tf.where: an argument that is left out"),
        ("math.add", {"y": {"class_name": "Dense", "config": {"units": 2}}}, "tf.math.add: an argument that is no ten"),
        ("math.reduce_mean", {"axis": 1, "dtype": "int32"}, "tf.math.reduce_mean: a mean of whole numbers"),
        ("math.bessel_i0", {}, "tf.math.bessel_i0: no operation of Keras"),
    ],
)
def test_arguments_that_have_no_equal_are_refused(tmp_path, function, arguments, found):
    with pytest.raises(UnknownClassError) as refused:
        load(of_one_call(tmp_path, function, **arguments))
    assert refused.value.layer == "called"
    assert refused.value.found.startswith(found)


@pytest.mark.parametrize(
    ("function", "arguments", "made"),
    [
        ("nn.sigmoid", {}, lambda x: 1 / (1 + np.exp(-x))),
        ("nn.tanh", {"name": "any"}, np.tanh),
        ("math.divide", {"y": 4.0}, lambda x: x / 4),
        ("math.floordiv", {"y": 0.3}, lambda x: x // 0.3),
        ("norm", {"axis": 1, "keepdims": True}, lambda x: np.linalg.norm(x, axis=1, keepdims=True)),
        ("pad", {"paddings": [[0, 0], [1, 0]], "mode": "CONSTANT"}, lambda x: np.pad(x, [[0, 0], [1, 0]])),
        ("squeeze", {"axis": None}, lambda x: x),
        ("transpose", {"perm": [1, 0]}, np.transpose),
    ],
)
def test_other_names_of_the_same_functions(tmp_path, function, arguments, made):
    x = np.linspace(-1, 1, 8, dtype="float32").reshape(2, 4)
    found = load(of_one_call(tmp_path, function, **arguments))([x])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(found), made(x), rtol=1e-6)


def test_code_in_the_arguments_of_a_call_is_refused_before_anything_is_built(tmp_path):
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    with pytest.raises(UnsafeFileError, match="contains code"):
        load(of_one_call(tmp_path, "math.add", y=code))
