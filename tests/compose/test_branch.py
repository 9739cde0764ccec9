"""Heads on a backbone: taken along, projected or made anew, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras

import custom_parts  # noqa: E402
import keras  # noqa: E402
from keras import layers  # noqa: E402
from zoo import ZOO, batch_for, outputs_of  # noqa: E402

from keras_weld.compose.branch import branch  # noqa: E402
from keras_weld.compose.forms import Form  # noqa: E402
from keras_weld.compose.member import Composed, Member  # noqa: E402
from keras_weld.compose.parts import part_of  # noqa: E402
from keras_weld.errors import IncompatibleModelsError, UsageError  # noqa: E402


def made_of(*models: keras.Model, backbone: str = "a", **settings: Any) -> Composed:
    parts = [part_of(Member(name, f"{name}.keras", model)) for name, model in zip("abcd", models, strict=False)]
    return branch(parts, backbone=backbone, **settings)


def copy_of(model: keras.Model) -> keras.Model:
    copy = keras.models.clone_model(model)
    copy.set_weights([np.asarray(keras.ops.convert_to_numpy(keras.ops.copy(one))) for one in model.weights])
    return copy


def answers(model: keras.Model, batch: Any) -> dict[str, np.ndarray]:
    return {name: np.asarray(keras.ops.convert_to_numpy(one)) for name, one in model(batch).items()}


def mlp(width: int, classes: int = 4, features: int = 12) -> keras.Model:
    stack = [layers.Dense(9, activation="relu"), layers.Dense(width, activation="relu", name="deep")]
    head = [layers.Dropout(0.2), layers.Dense(classes, activation="softmax")]
    return keras.Sequential([keras.Input((features,), name="sensor"), *stack, *head])


def two_heads() -> keras.Model:
    start = keras.Input((12,), name="sensor")
    deep = layers.Dense(8, activation="relu")(start)
    kind = layers.Dense(3, activation="softmax", name="kind")(deep)
    return keras.Model(start, [kind, layers.Dense(1, name="age")(deep)])


@pytest.mark.parametrize("kind", ["mlp", "cnn", "mobilenet", "nested", "lstm", "two_inputs"])
def test_a_model_with_itself_predicts_the_same_on_both_outputs(kind: str) -> None:
    model = ZOO[kind]()
    made = made_of(model, copy_of(model))
    batch = batch_for(made.model)
    wanted = outputs_of(keras.Model(list(model.inputs), model.outputs), batch if isinstance(batch, list) else [batch])
    for name in ("a", "b"):
        np.testing.assert_array_equal(answers(made.model, batch)[name], wanted[0])
    assert sorted(made.model.output_names) == ["a", "b"]
    assert made.head == []
    assert made.parameters["heads"] == {"a": "own", "b": "own"}


def test_every_head_is_on_the_backbone_that_is_named() -> None:
    first, second = mlp(8, 4), mlp(8, 3)
    made = made_of(first, second, backbone="b")
    batch = batch_for(first)
    deep = outputs_of(keras.Model(second.inputs, second.get_layer("deep").output), [batch])[0]
    kernel, bias = first.layers[-1].kernel, first.layers[-1].bias
    scores = deep @ np.asarray(keras.ops.copy(kernel)) + np.asarray(keras.ops.copy(bias))
    found = answers(made.model, batch)
    np.testing.assert_allclose(found["a"], np.exp(scores) / np.exp(scores).sum(1, keepdims=True), atol=1e-5)
    np.testing.assert_array_equal(found["b"], outputs_of(second, batch)[0])
    assert made.notes == ["The backbone is that of b, up to deep: features of shape (batch, 8)."]


def test_a_head_of_another_width_gets_a_projection() -> None:
    made = made_of(mlp(8), mlp(5, 3))
    assert made.head == ["b_project"]
    assert made.notes[1] == ("The head of b takes 5 features, the backbone gives 8: b_project, new, lies between.")
    layer = made.model.get_layer("b_project")
    assert (layer.units, layer.activation) == (5, keras.activations.linear)
    assert made.parameters["heads"] == {"a": "own", "b": "projected"}
    assert answers(made.model, batch_for(mlp(8)))["b"].shape == (3, 3)


def test_maps_are_pooled_for_a_head_that_takes_a_vector_and_vectors_reshaped_for_one_that_takes_a_map() -> None:
    picture = keras.Sequential(
        [keras.Input((32, 32, 3)), layers.Conv2D(6, 3, activation="relu", name="maps"), layers.Conv2D(2, 1)]
    )
    made = made_of(picture, mlp(6, 3))
    assert "The features are pooled for b: their mean over 30 x 30 places." in made.notes
    assert made.head == []
    made = made_of(mlp(7), ZOO["mobilenet"]())
    assert made.head == ["b_project"]
    assert made.model.get_layer("b_shape").target_shape == (1, 1, 256)
    assert answers(made.model, batch_for(mlp(7)))["b"].shape == (3, 4)


def test_heads_are_made_anew_where_asked_or_needed() -> None:
    forms = {"b": [Form.INDEPENDENT]}
    made = made_of(mlp(8), mlp(5, 3), heads="new", forms=forms)
    assert made.head == ["b"]
    assert made.model.get_layer("b").activation is keras.activations.sigmoid
    assert made.notes[-1] == "b is a new head (3, sigmoid): that was asked for."
    pictures = keras.Sequential([keras.Input((9, 9, 3)), layers.Conv2D(6, 3), layers.GlobalAveragePooling2D()])
    made = made_of(mlp(8), pictures)
    assert made.notes[-2] == ("b is a new head (6, linear): it has no head of its own: what it gives is its features.")
    tower = custom_parts.Tower(width=7, classes=4)
    tower(np.zeros((1, 12), "float32"))
    made = made_of(mlp(8), tower, forms={"b": [Form.PROBABILITIES]})
    assert made.notes[-1] == (
        "b is a new head (4, softmax): the layers of this model are in its own code, so it cannot be cut "
        "into a backbone and a head."
    )
    assert made.parameters["heads"] == {"a": "own", "b": "new"}


def test_a_head_that_looks_at_the_input_is_made_anew() -> None:
    start = keras.Input((12,))
    deep = layers.Dense(8, name="deep")(start)
    skipping = keras.Model(start, layers.Concatenate()([layers.Dense(3)(deep), start]))
    made = made_of(mlp(8), skipping, at={"b": "deep"})
    assert made.parameters["heads"]["b"] == "new"
    assert "also depends on the input by another way" in made.notes[-2]


def test_outputs_of_a_model_with_several_are_called_after_both() -> None:
    model = two_heads()
    made = made_of(model, mlp(8), two_heads(), heads="own")
    batch = batch_for(model)
    found = answers(made.model, batch)
    assert sorted(found) == ["a_age", "a_kind", "b", "c_age", "c_kind"]
    wanted = outputs_of(model, batch)
    np.testing.assert_array_equal(found["a_kind"], wanted[0])
    np.testing.assert_array_equal(found["a_age"], wanted[1])
    anew = made_of(model, two_heads(), heads="new", forms={"b": [Form.PROBABILITIES, Form.VALUES]})
    assert anew.head == ["b_kind", "b_age"]
    assert [anew.model.get_layer(name).units for name in anew.head] == [3, 1]


def test_plain_keras_keeps_the_names(tmp_path: Any) -> None:
    made = made_of(mlp(8), two_heads())
    file = tmp_path / "branched.keras"
    from keras_weld.models.save import save

    save(made.model, file)
    again = keras.saving.load_model(file)
    batch = batch_for(mlp(8))
    before, after = answers(made.model, batch), answers(again, batch)
    assert list(before) == list(after)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])
    assert again.output_names == made.model.output_names == ["a", "b_age", "b_kind"]


def test_a_backbone_that_cannot_be_cut_is_refused() -> None:
    tower = custom_parts.Tower(width=7, classes=4)
    tower(np.zeros((1, 12), "float32"))
    with pytest.raises(IncompatibleModelsError, match="cannot be cut into a backbone and a head") as caught:
        made_of(tower, mlp(8))
    assert (caught.value.file, caught.value.found) == ("a.keras", "Tower")
    assert caught.value.remedy == "Choose another backbone: --backbone NAME"  # no layer of it can be named
    start = keras.Input((12,))
    deep, other = layers.Dense(8, name="deep")(start), layers.Dense(8, name="other")(start)
    apart = keras.Model(start, [layers.Dense(2)(deep), layers.Dense(2)(other)])
    with pytest.raises(IncompatibleModelsError, match="each with features of its own") as several:
        made_of(apart, mlp(8))
    assert several.value.found == "deep, other"
    assert "--at a:LAYER" in str(several.value.remedy)
    maps = keras.Sequential([keras.Input((9, 9, 3)), layers.Conv2D(2, 3, name="deep"), layers.Conv2D(2, 1)])
    with pytest.raises(IncompatibleModelsError, match="not be made anew either") as shaped:
        made_of(mlp(8), maps)
    assert (shaped.value.file, shaped.value.found) == (
        "b.keras",
        "an output of shape (batch, 7, 7, 2), features of shape (batch, 8)",
    )
    with pytest.raises(UsageError, match="own or new"):
        made_of(mlp(8), heads="mine")


def test_a_model_that_gives_features_can_be_the_backbone() -> None:
    pooled = keras.Sequential([keras.Input((9, 9, 3)), layers.Conv2D(6, 3), layers.GlobalAveragePooling2D()])
    made = made_of(pooled, mlp(6, 3))
    batch = batch_for(pooled)
    np.testing.assert_array_equal(answers(made.model, batch)["a"], outputs_of(pooled, batch)[0])


def test_an_input_does_not_take_the_name_of_an_output() -> None:
    model = keras.Sequential([keras.Input((12,), name="b"), layers.Dense(5), layers.Dense(2)])
    made = made_of(model, mlp(5))
    assert [port.name for port in made.model.inputs] == ["b_input"]
    assert sorted(made.model.output_names) == ["a", "b"]
