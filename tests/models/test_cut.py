"""Models whole under another name, and cut in two: nothing of what they predict changes."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = pytest.mark.keras

import keras  # noqa: E402
from keras import layers  # noqa: E402
from zoo import KINDS, ZOO, batch_for, outputs_of  # noqa: E402

from keras_weld.core.features import features_of  # noqa: E402
from keras_weld.errors import IncompatibleModelsError, UsageError  # noqa: E402
from keras_weld.models.cut import after, alone, before, place_of, whole  # noqa: E402
from keras_weld.models.replay import graph_of  # noqa: E402

FEATURES = {
    "mlp": "last_hidden",
    "cnn": "flatten",
    "mobilenet": "global_average_pooling2d",
    "resnet": "avg_pool",
    "efficientnet": "avg_pool",
    "lstm": "lstm",
    "transformer": "mean",
    "two_inputs": "dense_1",
    "nested": "backbone",
}


@pytest.fixture(autouse=True)
def fresh_names() -> None:
    keras.utils.clear_session()


def same(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_model_under_another_name_predicts_the_same(kind: str) -> None:
    model = ZOO[kind]()
    part = whole(model, "renamed")
    batch = batch_for(part)
    # The inputs of a dict are taken in the order of its keys.
    given = dict(zip(("age", "image"), batch, strict=True)) if kind == "two_inputs" else batch
    assert part.name == "renamed"
    same(outputs_of(model, given), outputs_of(part, batch))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in FEATURES])
def test_features_are_found_without_names_and_the_two_halves_are_the_model(kind: str) -> None:
    model = ZOO[kind]()
    found = features_of(graph_of(model))
    assert str(found.place) == FEATURES[kind]
    assert found.classifier is not None
    front, back = before(model, [found.place], "front"), after(model, found.place, "back")
    batch = batch_for(front)
    same(outputs_of(whole(model, "all"), batch), outputs_of(back, front(batch)))


def test_a_model_that_ends_in_features_is_taken_whole() -> None:
    for last in (layers.GlobalAveragePooling2D(), layers.BatchNormalization()):
        model = keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(4, 3, activation="relu"), last])
        found = features_of(graph_of(model))
        assert (str(found.place), found.classifier) == (last.name, None)
    linear = keras.Sequential([keras.Input((5,)), layers.Dropout(0.1), layers.Dense(3)])
    assert features_of(graph_of(linear)).classifier is None


def test_scores_of_a_convolution_that_are_pooled_are_a_classifier() -> None:
    squeeze = [layers.Conv2D(8, 3, name="deep"), layers.Conv2D(5, 1), layers.GlobalAveragePooling2D(), layers.Softmax()]
    model = keras.Sequential([keras.Input((9, 9, 3)), *squeeze])
    assert str(features_of(graph_of(model)).place) == "deep"


def test_a_cut_inside_a_model_in_the_model() -> None:
    inner = ZOO["mobilenet"]()
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, layers.Rescaling(0.5)(inner(layers.Rescaling(1 / 255)(image))))
    place = place_of(model, f"{inner.name}/conv_pw_5_relu")
    front, back = before(model, [place], "front"), after(model, place, "back")
    batch = batch_for(model)
    same(outputs_of(model, batch), outputs_of(back, front(batch)))


def test_a_cut_beside_which_something_passes_is_refused() -> None:
    image = keras.Input((8,))
    x = layers.Dense(8, name="branch")(image)
    model = keras.Model(image, layers.Dense(2)(layers.Add()([x, image])))
    with pytest.raises(IncompatibleModelsError, match="also depends on the input by another way") as caught:
        after(model, place_of(model, "branch"), "back")
    assert caught.value.found == "branch"


def test_a_layer_that_is_not_there_is_named_with_those_that_are() -> None:
    model = ZOO["nested"]()
    for path in ("nowhere", "backbone/nowhere", "dense/inner"):
        with pytest.raises(UsageError, match="has no layer") as caught:
            place_of(model, path)
        assert caught.value.layer == path
    assert place_of(model, "backbone/deep").within == ("backbone",)


def test_a_model_in_the_model_that_is_called_twice_has_no_one_place_inside() -> None:
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(4, name="deep")], name="inner")
    a = keras.Input((4,))
    model = keras.Model(a, layers.Add()([inner(a), inner(layers.Dense(4)(a))]))
    with pytest.raises(IncompatibleModelsError, match="called more than once") as caught:
        before(model, [place_of(model, "inner/deep")], "front")
    assert (caught.value.layer, caught.value.found) == ("inner", "2 calls")


def test_a_layer_that_cannot_be_written_down_is_told() -> None:
    from custom_parts import TABLE, Forgetful

    model = keras.Sequential([keras.Input((4,)), Forgetful(TABLE)])
    with pytest.raises(UsageError, match="cannot be written down") as caught:
        graph_of(model)
    assert "NotImplementedError" in str(caught.value.found)


def test_calls_keep_their_other_arguments() -> None:
    x = a = keras.Input((6,), name="a")
    x = layers.Dropout(0.5)(x, training=True)  # Monte Carlo dropout: the argument is part of the model
    x = keras.ops.clip(keras.ops.concatenate([x, a * 2.0], axis=-1), 0.25, 0.75)
    model = keras.Model(a, layers.Dense(2)(x))
    part = whole(model, "part")
    batch = np.ones((50, 6), "float32")
    first, second = outputs_of(part, batch)[0], outputs_of(part, batch)[0]
    assert (first != second).any()
    assert alone([first]) is first
