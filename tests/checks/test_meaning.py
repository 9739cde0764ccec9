"""What comes out of a model, told from its last layers and its loss."""

from __future__ import annotations

import pytest
from handmade_models import dense, layer, sequential

from keras_weld.checks.meaning import Kind, meaning_by_loss, meaning_of
from keras_weld.checks.shapes import Shapes
from keras_weld.checks.training import Loss, loss_of
from keras_weld.core.graph import ModelGraph


def meaning(*layers, loss=None, shape=(8,)):
    graph = ModelGraph.from_config(sequential(list(layers), shape))
    (edge,) = graph.outputs
    found = Shapes(graph).of(edge)
    return meaning_of(graph, edge, loss, found[-1] if found else None)


@pytest.mark.parametrize(
    ("layers", "loss", "kind", "text"),
    [
        ([dense("d", 3, "softmax")], None, Kind.CLASSES, "probabilities of 3 classes"),
        ([dense("d", 3, "linear"), layer("Softmax", "s")], None, Kind.CLASSES, "probabilities of 3 classes"),
        (
            [dense("d", 3, "linear"), layer("Activation", "s", activation="softmax"), layer("Dropout", "x")],
            None,
            Kind.CLASSES,
            "probabilities of 3 classes",
        ),
        ([dense("d", 1, "sigmoid")], None, Kind.INDEPENDENT, "the probability of yes"),
        ([dense("d", 5, "sigmoid")], None, Kind.INDEPENDENT, "5 independent probabilities"),
        (
            [dense("d", 3, "linear")],
            Loss("sparse_categorical_crossentropy", True),
            Kind.CLASS_LOGITS,
            "logits of 3 classes",
        ),
        (
            [dense("d", 4, "linear")],
            Loss("binary_crossentropy", True),
            Kind.INDEPENDENT_LOGITS,
            "4 independent logits",
        ),
        ([dense("d", 1, "linear")], Loss("mean_squared_error"), Kind.VALUES, "1 real value"),
        ([dense("d", 3, "linear")], None, Kind.OPEN, "logits or real values (3)"),
        (
            [dense("d", 3, "linear")],
            Loss("categorical_crossentropy"),
            Kind.OPEN,
            "logits or real values (3)",
        ),
        ([dense("d", 3, "tanh")], None, Kind.VALUES, "values from -1 to 1"),
        ([layer("MyOwn", "own")], None, Kind.UNKNOWN, "unknown"),
        ([dense("d", 3, "linear"), layer("Softmax", "s", axis=0)], None, Kind.UNKNOWN, "unknown"),
        ([dense("d", 3, "linear"), layer("Softmax", "s", axis=[1])], None, Kind.CLASSES, "probabilities of 3 classes"),
        (
            [layer("Activation", "s", activation={"class_name": "Softmax", "config": {"axis": 0}})],
            None,
            Kind.UNKNOWN,
            "unknown",
        ),
    ],
)
def test_meanings(layers, loss, kind, text):
    found = meaning(*layers, loss=loss)
    assert (found.kind, found.text) == (kind, text)


def test_a_softmax_along_another_axis_is_told():
    assert meaning(dense("d", 3, "linear"), layer("Softmax", "s", axis=0)).why == 'softmax along axis 0 in layer "s"'


@pytest.mark.parametrize(
    ("loss", "kind", "text"),
    [
        (Loss("sparse_categorical_crossentropy", True), Kind.CLASS_LOGITS, "logits of 3 classes"),
        (Loss("sparse_categorical_crossentropy", False), Kind.CLASSES, "probabilities of 3 classes"),
        (Loss("binary_crossentropy", False), Kind.INDEPENDENT, "3 independent probabilities"),
        (Loss("sparse_categorical_crossentropy"), Kind.UNKNOWN, "unknown"),
        (Loss("mean_squared_error"), Kind.VALUES, "3 real values"),
        (Loss("contrastive"), Kind.UNKNOWN, "unknown"),
    ],
)
def test_a_loss_alone_tells_what_it_says(loss, kind, text):
    found = meaning_by_loss(loss, 3)
    assert (found.kind, found.text) == (kind, text)


def test_why_names_the_layer_and_the_loss():
    assert meaning(dense("head", 3, "softmax")).why == 'softmax in layer "head"'
    found = meaning(dense("head", 1, "linear"), loss=Loss("mean_squared_error"))
    assert found.why == 'no activation in layer "head", loss mean_squared_error'


@pytest.mark.parametrize(
    ("activation", "loss", "doubt"),
    [
        (
            "softmax",
            Loss("sparse_categorical_crossentropy", True),
            "the loss sparse_categorical_crossentropy takes logits (from_logits=True), and the output has an "
            "activation already",
        ),
        (
            "sigmoid",
            Loss("binary_crossentropy", True),
            "the loss binary_crossentropy takes logits (from_logits=True), and the output has an activation already",
        ),
        (
            "linear",
            Loss("categorical_crossentropy"),
            "the loss categorical_crossentropy takes probabilities (from_logits=False), and nothing makes them of the "
            "output",
        ),
        ("linear", Loss("my_crossentropy"), None),
        ("linear", Loss("categorical_crossentropy", True), None),
        ("softmax", Loss("categorical_crossentropy"), None),
        ("softmax", Loss("mean_squared_error"), None),
        ("softmax", None, None),
    ],
)
def test_a_loss_that_contradicts_the_output_is_doubted(activation, loss, doubt):
    assert meaning(dense("head", 3, activation), loss=loss).doubt == doubt


def test_pooled_features():
    found = meaning(layer("GlobalAveragePooling2D", "pool"), shape=(4, 4, 32))
    assert (found.kind, found.text) == (Kind.FEATURES, "32 features")


def test_the_last_layer_may_be_inside_a_model_or_a_wrapper():
    inner = sequential([dense("deep", 3, "softmax")], name="inner")
    inner["config"]["build_input_shape"] = [None, 8]
    assert meaning(inner).text == "probabilities of 3 classes"
    wrapped = layer("TimeDistributed", "each", layer=dense("deep", 3, "softmax"))
    assert meaning(wrapped, shape=(5, 8)).text == "probabilities of 3 classes"


@pytest.mark.parametrize(
    ("compiled", "expected"),
    [
        ({"loss": "mse"}, Loss("mean_squared_error")),
        ({"loss": ["mse", "mae"]}, Loss("mean_absolute_error")),
        ({"loss": {"left": "mse", "right": "bce"}}, Loss("binary_crossentropy")),
        (
            {"loss": {"class_name": "CategoricalCrossentropy", "config": {"from_logits": True}}},
            Loss("categorical_crossentropy", True),
        ),
        ({"loss": {"class_name": "function", "config": "mse"}}, Loss("mean_squared_error")),
        ({"loss": {"class_name": "mine>Own", "config": {}}}, Loss("own")),
        ({"loss": None}, None),
        (None, None),
    ],
)
def test_the_loss_on_an_output(compiled, expected):
    assert loss_of(compiled, "right", 1, 2) == expected
