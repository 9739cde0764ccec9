"""The figures of a model file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from handmade_models import dense, layer, mlp, state

from keras_weld.checks.summary import summarize
from keras_weld.io.read import open_model

GOLDEN = Path(__file__).parent.parent / "golden"


def test_a_model_in_figures():
    layers = [dense("first", 4), layer("BatchNormalization", "norm"), dense("head", 3, "softmax")]
    found = summarize(state(layers, loss="mse", metadata={"keras_version": "3.9.0"}), ["mine.Own"])
    (goes_in,), (comes_out,) = found.inputs, found.outputs
    assert (goes_in.name, goes_in.shape, goes_in.dtype) == ("data", (None, 8), "float32")
    assert (comes_out.name, comes_out.shape, comes_out.meaning.classes) == ("head", (None, 3), 3)
    counts = found.parameters
    assert (counts.total, counts.trainable, counts.non_trainable) == (67, 59, 8)
    assert (counts.bytes, counts.dtypes) == (268, {"float32": 67})
    assert [(row.name, row.class_name, row.parameters, row.trainable) for row in found.layers] == [
        ("first", "Dense", 36, True),
        ("norm", "BatchNormalization", 16, True),
        ("head", "Dense", 15, True),
    ]
    assert (found.losses, found.custom, found.keras_version) == (
        ("mean_squared_error",),
        ("mine.Own",),
        "3.9.0",
    )
    assert found.notes == ()


def test_a_loss_that_contradicts_the_output_is_noted():
    loss = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}
    found = summarize(state(mlp(), loss=loss))
    assert found.outputs[0].meaning.text == "probabilities of 10 classes"
    assert found.notes == (
        "What comes out as head and its loss contradict each other: the loss sparse_categorical_crossentropy takes "
        "logits (from_logits=True), and the output has an activation already.",
    )
    assert summarize(state(mlp(activation="linear"), loss=loss)).notes == ()


def test_weights_alone():
    found = summarize(state(mlp(), config=False, precision=np.float16))
    assert (found.name, found.inputs, found.outputs) == (None, (), ())
    assert [row.name for row in found.layers] == ["first", "second", "head"]
    assert found.parameters.dtypes == {"float16": found.parameters.total}
    assert found.notes == ("The file holds weights alone: what goes in and comes out is not told.",)


@pytest.mark.parametrize("version", ["keras2_15", "keras3_0"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_the_optimizer_of_a_real_file(version, suffix):
    with open_model(GOLDEN / version / f"mlp{suffix}") as opened:
        found = summarize(opened)
    assert found.optimizer.name == "Adam"
    assert found.optimizer.learning_rate == pytest.approx(0.002)
    assert found.optimizer.step == 4
    assert found.optimizer.variables > 8
    assert (found.losses, found.metrics) == (("categorical_crossentropy",), ("accuracy",))


def test_a_subclassed_model_is_told_as_such():
    opened = state(mlp())
    opened.config.update(class_name="Mine", config={"name": "mine", "width": 3})
    found = summarize(opened)
    assert found.notes == ("Mine is a class of your own: its layers are in its code, not in the file.",)
    assert found.parameters.total > 0


@pytest.mark.parametrize(
    ("word", "text"),
    [
        ("class probabilities", "probabilities of 4 classes"),
        ("independent probabilities", "4 independent probabilities"),
        ("class logits", "logits of 4 classes"),
        ("independent logits", "4 independent logits"),
        ("real values", "4 real values"),
    ],
)
def test_the_lineage_tells_what_the_layers_do_not(word, text):
    told = {"lineage": {"gives": {"head": word}}}
    (port,) = summarize(state([dense("head", 4, "linear")], metadata=told)).outputs
    assert (port.meaning.kind, port.meaning.text) == (word, text)
    assert port.meaning.why == "the lineage in the file says so"
    (port,) = summarize(state([dense("head", 4, "softmax")], metadata=told)).outputs
    assert port.meaning.text == "probabilities of 4 classes"


@pytest.mark.parametrize("lineage", [{"gives": {"head": "wishes"}}, {"gives": ["head"]}, {"gives": None}, "made", None])
def test_a_lineage_that_makes_no_sense_tells_nothing(lineage):
    (port,) = summarize(state([dense("head", 4, "linear")], metadata={"lineage": lineage})).outputs
    assert port.meaning.text == "logits or real values (4)"
