"""Features under a new head: where they are taken, what stands in front of the models, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

pytestmark = pytest.mark.keras

import keras  # noqa: E402
from keras import layers  # noqa: E402
from zoo import ZOO, batch_for, outputs_of  # noqa: E402

from keras_weld.compose.fuse import fuse  # noqa: E402
from keras_weld.compose.inputs import join_inputs  # noqa: E402
from keras_weld.compose.member import Composed, Member  # noqa: E402
from keras_weld.errors import IncompatibleModelsError, UsageError  # noqa: E402


def members(*kinds: str) -> list[Member]:
    return [Member(f"m{number}", f"{kind}.keras", ZOO[kind]()) for number, kind in enumerate(kinds)]


def of(*models: keras.Model) -> list[Member]:
    return [Member(f"m{number}", f"m{number}.keras", model) for number, model in enumerate(models)]


def image_model(*shape: int | None) -> keras.Model:
    stack = [layers.Conv2D(3, 3, activation="relu"), layers.GlobalAveragePooling2D(), layers.Dense(2)]
    return keras.Sequential([keras.Input(shape, name="image"), *stack])


def features(model: keras.Model, layer: str, batch: np.ndarray) -> np.ndarray:
    return outputs_of(keras.Model(model.inputs[0], model.get_layer(layer).output), batch)[0]


def joined_features(composed: Composed, batch: object) -> np.ndarray:
    return outputs_of(keras.Model(composed.model.inputs, composed.model.get_layer("features").output), batch)[0]


def test_the_features_of_all_stand_side_by_side() -> None:
    first, second = ZOO["mlp"](), ZOO["nested"]()
    made = fuse(of(first, second), classes=3)
    batch = batch_for(first)
    wanted = np.concatenate(
        [features(first, "last_hidden", batch), outputs_of(second.get_layer("backbone"), batch)[0]], axis=1
    )
    np.testing.assert_array_equal(joined_features(made, [batch]), wanted)
    assert [port.shape for port in made.model.outputs] == [(None, 3)]
    assert made.parameters["features"] == {"m0": "last_hidden", "m1": "backbone"}
    assert made.head == ["fused"]


def test_the_head_is_as_asked_for_and_projections_come_before_it() -> None:
    made = fuse(members("mlp", "nested"), classes=5, head=[6, 7], project=4, activation="sigmoid")
    assert made.head == ["m0_project", "m1_project", "head", "head_2", "fused"]
    units = {name: made.model.get_layer(name).units for name in made.head}
    assert units == {"m0_project": 4, "m1_project": 4, "head": 6, "head_2": 7, "fused": 5}
    assert made.model.get_layer("fused").activation is keras.activations.sigmoid
    assert "The 8 features of m0 are projected to 4." in made.notes


def test_a_layer_can_be_named_instead() -> None:
    first = ZOO["cnn"]()
    pooling = next(layer.name for layer in first.layers if isinstance(layer, layers.MaxPooling2D))
    made = fuse(of(first, ZOO["mlp"]()), classes=2, at={"m0": pooling}, inputs="separate")
    assert made.parameters["features"]["m0"] == pooling
    assert "The features of m0 are pooled: their mean over 13 x 13 places." in made.notes


def test_images_of_another_size_or_colour_are_adapted_and_told() -> None:
    large, small, grey = image_model(20, 24, 3), image_model(10, 12, 3), image_model(10, 12, 1)
    made = fuse(of(small, large, grey), classes=2)
    assert [(port.name, port.shape) for port in made.model.inputs] == [("image", (None, 20, 24, 3))]
    assert made.notes == [
        "Images are resized to 10 x 12 for m0.",
        "Images are resized to 10 x 12 for m2.",
        "Colour images are turned grey for m2.",
    ]
    batch = batch_for(large)
    resized = keras.ops.image.resize(batch, (10, 12))
    weights = np.array([0.2989, 0.5870, 0.1140], "float32")
    given = [resized, batch, np.sum(np.asarray(resized) * weights, axis=-1, keepdims=True)]
    wanted = [
        features(one, one.layers[1].name, np.asarray(x)) for one, x in zip((small, large, grey), given, strict=True)
    ]
    np.testing.assert_allclose(joined_features(made, [batch]), np.concatenate(wanted, 1), rtol=1e-4, atol=1e-5)


def test_what_is_taken_for_the_range_of_a_model_that_is_not_named_is_told() -> None:
    first, second = image_model(8, 8, 3), image_model(8, 8, 3)
    made = fuse(of(first, second), classes=2, ranges={"m0": "-1..1"})
    assert made.notes == ["Pixels of -1..1 go into m1 as they are, as no other range is told: --range m1:RANGE"]


def test_grey_becomes_colour_only_where_all_are_grey_or_the_size_says_so() -> None:
    made = fuse(of(image_model(9, 9, 1), image_model(None, None, 1)), classes=2, size=(12, 10))
    assert made.model.inputs[0].shape == (None, 12, 10, 1)
    assert made.notes == ["Images are resized to 9 x 9 for m0."]
    joined = join_inputs([*of(image_model(9, 9, 1)), Member("c", "c.keras", image_model(9, 9, 3))])
    assert joined.inputs[0].shape == (None, 9, 9, 3)


def test_pixels_of_another_range_are_rescaled() -> None:
    first, second = image_model(9, 9, 3), image_model(9, 9, 3)
    made = fuse(of(first, second), classes=2, ranges={"m0": "0..255", "m1": "-1..1"})
    assert made.notes == ["Pixels of 0..255 are rescaled to -1..1 for m1."]
    batch = batch_for(first) * 255
    wanted = [features(first, first.layers[1].name, batch), features(second, second.layers[1].name, batch / 127.5 - 1)]
    np.testing.assert_allclose(joined_features(made, [batch]), np.concatenate(wanted, 1), rtol=1e-4, atol=1e-4)


def test_preprocessing_in_a_graph_stays_with_its_model() -> None:
    first, second = ZOO["cnn"](), image_model(28, 28, 1)
    made = fuse(of(first, second), classes=2)
    names = [type(layer).__name__ for layer in made.model.get_layer("m0").layers]
    assert names[1] == "Rescaling"
    assert not any(isinstance(layer, layers.Rescaling) for layer in made.model.layers)


def test_separate_inputs_take_anything() -> None:
    made = fuse(members("mlp", "cnn", "lstm", "two_inputs"), classes=2, inputs="separate")
    assert [port.name for port in made.model.inputs] == ["m0_input", "m1_input", "m2_input", "m3_age", "m3_image"]
    assert outputs_of(made.model, batch_for(made.model))[0].shape == (3, 2)


def test_inputs_are_matched_by_name_where_all_have_the_same() -> None:
    def two(names: Sequence[str]) -> keras.Model:
        a, b = keras.Input((3,), name=names[0]), keras.Input((3,), name=names[1])
        x = layers.Concatenate()([layers.Dense(2, use_bias=False, kernel_initializer="zeros")(a), b])
        return keras.Model([a, b], layers.Dense(2)(x))

    made = fuse(of(two("ab"), two("ba")), classes=2)
    batch = [np.ones((1, 3), "float32"), np.full((1, 3), 2, "float32")]
    # Of the first model, b is what gets through to the features; of the second, a.
    np.testing.assert_array_equal(joined_features(made, batch), [[0, 0, 2, 2, 2, 0, 0, 1, 1, 1]])


def test_a_model_of_its_own_class_is_taken_as_a_whole() -> None:
    made = fuse(members("mlp", "subclassed"), classes=2)
    assert made.notes == ["m1 is of a class of its own: what it gives is taken as its features."]
    assert made.model.get_layer("features").output.shape == (None, 12)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "float32"])
def test_what_comes_out_is_float32(policy: str) -> None:
    keras.config.set_dtype_policy(policy)
    try:
        made = fuse(members("mlp", "nested"), classes=2, head=[4])
    finally:
        keras.config.set_dtype_policy("float32")
    assert made.model.outputs[0].dtype == "float32"


REFUSED = {
    "axes": (("mlp", "cnn"), {}, "cannot share an input. The inputs have different numbers of axes."),
    "ids": (("mlp", "words12"), {}, "One model takes whole numbers or texts, the other values."),
    "count": (("mlp", "two_inputs"), {}, "The models have different numbers of inputs."),
    "sizes": (("mlp", "mlp5"), {}, "The inputs have different sizes, and these are not images."),
    "channels": (("image3", "image4"), {}, "The images have different numbers of channels."),
    "outputs": (("two_outputs", "mlp"), {}, "The model has several outputs, each with features of its own."),
}


def made_for_refusal(kind: str) -> keras.Model:
    if kind in ZOO:
        return ZOO[kind]()
    if kind == "words12":
        return keras.Sequential([keras.Input((12,), dtype="int32"), layers.Embedding(9, 2), layers.LSTM(3)])
    if kind == "mlp5":
        return keras.Sequential([keras.Input((5,)), layers.Dense(4, activation="relu"), layers.Dense(2)])
    if kind == "two_outputs":
        x = keras.Input((12,))
        heads = [layers.Dense(2, name=name)(layers.Dense(4)(x)) for name in ("kind", "age")]
        return keras.Model(x, heads)
    return image_model(9, 9, int(kind[-1]))


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_joined_is_refused_with_a_remedy(case: str) -> None:
    kinds, options, said = REFUSED[case]
    with pytest.raises(IncompatibleModelsError) as caught:
        fuse(of(*map(made_for_refusal, kinds)), classes=2, **options)
    assert said in caught.value.problem
    assert caught.value.remedy
    assert caught.value.file in ("m0.keras", "m1.keras")
    assert caught.value.expected
    assert caught.value.found


def test_of_several_outputs_one_can_be_chosen() -> None:
    model = made_for_refusal("two_outputs")
    made = fuse([*of(model), Member("b", "b.keras", ZOO["mlp"]())], classes=2, outputs={"m0": "age"})
    assert made.model.get_layer("features").output.shape == (None, 12)
    with pytest.raises(UsageError, match="no such output") as caught:
        fuse(of(made_for_refusal("two_outputs")), classes=2, outputs={"m0": "size"})
    assert (caught.value.expected, caught.value.remedy) == ("kind, age", "Name one that it has: --output m0:kind")


def test_several_outputs_of_the_same_features_are_told() -> None:
    x = keras.Input((12,))
    hidden = layers.Dense(5, activation="relu", name="hidden")(x)
    model = keras.Model(x, [layers.Dense(2, name=name)(hidden) for name in ("kind", "age")])
    made = fuse(of(model, model), classes=2, outputs={"m1": "age"})
    assert made.notes == [
        "m0 has several outputs (kind, age), all made of the same features: those of hidden are taken for any of them."
    ]
    assert made.parameters["outputs"] == {"m1": "age"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classes": 1}, "The head needs something to tell apart."),
        ({"classes": 0, "activation": "linear"}, "The head needs something to tell apart."),
        ({"classes": 2, "activation": "gelu"}, "There is no such activation for a head."),
        ({"classes": 2, "head": [0]}, "A layer has at least one unit."),
        ({"classes": 2, "project": -1}, "A layer has at least one unit."),
        ({"classes": 2, "inputs": "both"}, "Inputs are shared or separate."),
        ({"classes": 2, "ranges": {"m0": "0..7"}}, "There is no such range of pixels."),
        ({"classes": 2, "ranges": {"x": "0..1"}}, "There is no such model to give a range for."),
        ({"classes": 2, "at": {"m0": "nowhere"}}, "has no layer 'nowhere'"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        fuse(members("mlp"), **options)
    assert said in caught.value.problem
    assert caught.value.expected or caught.value.found is not None


def test_nothing_to_fuse() -> None:
    with pytest.raises(UsageError, match="nothing to fuse"):
        fuse([], classes=2)


def test_the_file_is_named_that_lacks_the_layer() -> None:
    with pytest.raises(UsageError, match="has no layer 'nowhere'") as caught:
        fuse(members("mlp"), classes=2, at={"m0": "nowhere"})
    assert caught.value.file == members("mlp")[0].source


def augmenting(size: int) -> keras.Model:
    """A model whose first layers have `training=True` as their default, and whose later ones differ in training."""
    first = [layers.Resizing(6, 6), layers.RandomFlip(seed=1)]
    rest = [layers.BatchNormalization(), layers.Flatten(), layers.Dropout(0.5), layers.Dense(5, activation="relu")]
    return keras.Sequential([keras.Input((size, size, 3)), *first, *rest, layers.Dense(4)])


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_resizing_does_not_put_what_comes_after_it_into_training() -> None:
    made = fuse(of(augmenting(8), augmenting(12)), classes=2).model
    x = np.random.default_rng(0).random((6, 12, 12, 3)).astype("float32")
    before = made.get_weights()
    found = made.predict_on_batch(x)
    for _ in range(2):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(made(x)), found, atol=1e-6)
    for one, other in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    again = keras.Model.from_config(made.get_config())
    again.set_weights(before)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(again(x)), found, atol=1e-6)
    apart = keras.ops.convert_to_numpy(made(x, training=True)) - found
    assert np.abs(apart).max() > 1e-3  # in training, they drop out as before
