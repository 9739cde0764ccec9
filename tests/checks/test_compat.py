"""Which merges are possible, and what is said of each: the text that a person reads."""

from __future__ import annotations

import numpy as np
import pytest
from handmade_models import candidate, dense, layer, mlp, state

from keras_weld.checks.architecture import compare
from keras_weld.checks.candidate import candidate_of
from keras_weld.checks.compat import PURPOSES, compare_models
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.errors import UnsafeFileError

ALL = set(PURPOSES)


def merges(*models):
    return {one.purpose: one for one in compare_models(models)}


def possible(found):
    return {purpose for purpose, one in found.items() if one.possible}


def texts(merge, severity):
    return [one.text for one in merge.findings if one.severity == severity]


def only(merge, severity):
    (found,) = [one for one in merge.findings if one.severity == severity]
    return found


def one_of(merge, words):
    (found,) = [one for one in merge.findings if words in one.text]
    return found


def two(layers=None, others=None, **options):
    first = candidate(layers or mlp())
    return first, candidate(others or mlp(), **{"source": "b.keras", "drift": 0.1, **options})


def test_models_from_one_start():
    found = merges(*two())
    assert possible(found) == ALL
    assert texts(found["average"], "warning") == []
    note = only(found["average"], "note")
    assert note.text.startswith("The models come from one start: the median cosine similarity")
    assert "0.99" in note.text
    assert texts(found["zip"], "note") == [
        "The models agree in every layer with weights (3): everything can be shared."
    ]


def test_the_same_model_twice():
    for one in merges(candidate(mlp()), candidate(mlp(), source="b.keras")).values():
        assert one.possible
        said = one_of(one, "the same weights")
        assert said.text == "The models hold the same weights to the last bit: merging them changes nothing."
        assert said.file == "b.keras"


def test_the_odd_one_of_four_is_named():
    models = [candidate(mlp(), source=f"{name}.keras", drift=0.2) for name in "abc"]
    models.insert(0, candidate(mlp(), source="odd.keras", seed=9))
    found = merges(*models)
    assert found["average"].possible  # the weights fit; whether to do it is for the user to say
    warned = only(found["average"], "warning")
    assert warned.text == (
        "The models were not trained from one start: plain averaging will fail, it mixes weights that have "
        "nothing to do with each other."
    )
    assert warned.file == "odd.keras"
    assert warned.expected == ("kernels with a median cosine similarity of 0.3 or more to those of a.keras")
    assert abs(float(warned.found)) < 0.3
    assert "weld ensemble" in warned.remedy
    assert "weld ensemble" in warned.remedy
    assert texts(found["ensemble"], "warning") == []


def test_kernels_too_small_to_tell():
    small = [dense("a", 3), dense("b", 3)]
    found = merges(*two(small, small, seed=5))
    assert texts(found["average"], "note") == [
        "The kernels are too small to tell whether the models come from one start."
    ]


def test_every_differing_layer_is_named():
    others = [dense("uno", 24, "tanh"), layer("Dropout", "due", rate=0.5), dense("tre", 5, "softmax")]
    found = merges(*two([dense("first", 16), layer("Dropout", "drop", rate=0.1), dense("head", 10)], others))
    built = [one for one in found["average"].findings if one.text == "The layer is built otherwise."]
    assert [(one.layer, one.expected, one.found) for one in built] == [
        ("first", "units=16, activation=relu", "units=24, activation=tanh"),
        ("head", "units=10, activation=relu", "units=5, activation=softmax"),
    ]
    assert {one.file for one in built} == {"b.keras"}
    trained = one_of(found["average"], "trained otherwise")
    assert (trained.severity, trained.expected, trained.found) == ("note", "rate=0.1", "rate=0.5")
    shapes = [one for one in found["average"].findings if one.text == "A tensor has another shape."]
    assert [one.layer for one in shapes] == ["first/kernel", "first/bias", "head/kernel", "head/bias"]
    assert (shapes[0].expected, shapes[0].found) == ("(8, 16) float32", "(8, 24) float32")
    assert possible(found) == {"fuse"}


def test_a_layer_more_and_a_layer_less():
    more = [dense("a", 16), layer("BatchNormalization", "norm"), dense("b", 10)]
    found = merges(*two([dense("a", 16), dense("b", 10)], more))
    refused = one_of(found["average"], "one layer more")
    assert (refused.layer, refused.found) == ("norm", "BatchNormalization")
    found = merges(*two(more, [dense("a", 16), dense("b", 10)]))
    refused = one_of(found["average"], "no such layer")
    assert (refused.layer, refused.expected) == ("norm", "BatchNormalization")


def test_names_initializers_and_regularizers_do_not_matter():
    ours = [dense("a", 16, kernel_initializer="zeros", seed=1), dense("b", 10, kernel_regularizer=None)]
    theirs = [dense("x", 16, kernel_initializer="ones", seed=2), dense("y", 10, kernel_regularizer={"l2": 1})]
    assert merges(*two(ours, theirs))["average"].possible


def test_configs_of_other_versions_say_the_same_in_other_words():
    ours = [layer("Conv2D", "c", filters=4, kernel_size=[3, 3], activation="relu", padding="same")]
    old = {"class_name": "function", "config": "relu", "module": "builtins"}
    theirs = [layer("Conv2D", "x", filters=4, kernel_size=[3, 3], activation=old, padding="same", groups=1)]
    models = two(ours, theirs)
    assert merges(*models)["average"].possible


def test_a_tuple_in_the_form_of_a_saved_model_is_the_same_tuple():
    def compared(*shapes):
        inputs = [GraphLayer("x", "InputLayer", config={"batch_shape": shape}) for shape in shapes]
        return compare(*(ModelGraph("m", "Functional", (one,)) for one in inputs))

    assert compared([None, 6], {"class_name": "__tuple__", "items": [None, 6]}) == []
    (found,) = compared([None, 6], {"class_name": "__tuple__", "items": [None, 7]})
    assert (found.expected, found.found) == ("batch_shape=[None, 6]", "batch_shape=[None, 7]")


def test_normalization_wants_new_statistics():
    layers = [dense("a", 16), layer("BatchNormalization", "norm"), dense("b", 10, "softmax")]
    found = merges(*two(layers, layers))
    warned = only(found["average"], "warning")
    assert warned.text == (
        "The model has a BatchNormalization layer: the mean of statistics is not the statistics of the mean."
    )
    assert warned.layer == "norm"
    assert "Estimate the statistics anew" in warned.remedy


def test_another_precision_is_a_note_and_whole_numbers_are_refused():
    found = merges(*two(precision=np.float16))
    noted = one_of(found["average"], "precision")
    assert (noted.severity, noted.expected, noted.found) == ("note", "float32", "float16")
    found = merges(*two(precision=np.int8))
    refused = one_of(found["average"], "whole numbers in one")
    assert refused.remedy == "Average the models before they are quantised, then quantise the result."
    both = candidate(mlp(), precision=np.int8), candidate(mlp(), precision=np.int8, source="b.keras")
    assert one_of(merges(*both)["average"], "quantised").severity == "refusal"


def test_nan_is_told():
    first, broken = state(mlp()), state(mlp(), source="b.keras")
    broken["second/kernel"].read()[0, 0] = np.nan
    found = merges(candidate_of(first), candidate_of(broken))
    warned = one_of(found["average"], "NaN")
    assert (warned.layer, warned.severity) == ("second/kernel", "warning")


def test_weights_alone_can_be_averaged_only():
    found = merges(*two(config=False))
    assert possible(found) == {"average"}
    assert one_of(found["average"], "architecture cannot be compared").file == "b.keras"
    assert texts(found["ensemble"], "refusal") == ["The file holds weights alone: there is no model to call."]
    assert one_of(found["zip"], "cannot be seen").found == "weights alone"


def test_architecture_alone_has_nothing_to_average():
    bare = state(mlp(), source="b.json")
    bare.tensors.clear()
    found = merges(candidate(mlp()), candidate_of(bare))
    assert one_of(found["average"], "no weights").file == "b.json"


def test_architecture_alone_would_be_merged_with_new_weights():
    bare = state(mlp(), source="b.json")
    bare.tensors.clear()
    found = merges(candidate(mlp()), candidate_of(bare))
    assert possible(found) == set()
    for purpose in ("fuse", "ensemble", "zip"):
        assert one_of(found[purpose], "its weights would be new, random ones").file == "b.json"


def test_only_merges_that_are_possible_are_advised():
    found = merges(*two(others=mlp(units=5)))
    assert {one.remedy for one in found["average"].findings if one.severity == "refusal"} == {
        "Only models of one architecture can be averaged; weld fuse and weld ensemble take these.",
        "Only models with the same tensors can be averaged; weld fuse and weld ensemble take these.",
    }
    bare = state(mlp(units=5), source="b.json")
    bare.tensors.clear()
    found = merges(candidate(mlp()), candidate_of(bare))
    assert not [one for merge in found.values() for one in merge.findings if "take" in (one.remedy or "")]


def l2(factor, class_name="L2", **more):
    return {"module": "keras.regularizers", "class_name": class_name, "config": {"l2": factor, **more}}


def test_what_was_trained_otherwise_is_noted():
    ours = [dense("first", 16, kernel_regularizer=l2(0.01), trainable=True), dense("head", 10, "softmax")]
    older = l2(float(np.float32(0.01)), "L1L2", l1=0.0)
    found = merges(*two(ours, [dense("first", 16, kernel_regularizer=older, trainable=True), ours[1]]))["average"]
    assert not [one for one in found.findings if "trained otherwise" in one.text]
    found = merges(*two(ours, [dense("first", 16, kernel_regularizer=None, trainable=False), ours[1]]))["average"]
    told = one_of(found, "trained otherwise")
    assert (told.severity, told.layer) == ("note", "first")
    assert told.expected == "kernel_regularizer=L2(l2=0.01), trainable=True"
    assert told.found == "kernel_regularizer=None, trainable=False"
    other = merges(*two(ours, [dense("first", 16, kernel_regularizer=l2(0.1), trainable=True), ours[1]]))["average"]
    assert one_of(other, "trained otherwise").layer == "first"
    keras_1 = {"name": "WeightRegularizer", "l1": 0.0, "l2": 0.01}
    unknown = merges(*two(ours, [dense("first", 16, kernel_regularizer=keras_1, trainable=True), ours[1]]))["average"]
    assert not [one for one in unknown.findings if "trained otherwise" in one.text]


def test_models_of_one_architecture_trained_for_different_things_are_told_before_averaging():
    layers = mlp(activation="linear")
    options = {"name": "sparse_categorical_crossentropy", "from_logits": True}
    logits = {"module": "keras.losses", "class_name": "SparseCategoricalCrossentropy", "config": options}
    told = merges(candidate(layers, loss=logits), candidate(layers, loss="mse", source="b.keras", drift=0.1))["average"]
    found = one_of(told, "do not mean the same")
    assert told.possible
    assert (found.severity, found.file, found.layer) == ("warning", "b.keras", "head")
    assert (found.expected, found.found) == ("logits of 10 classes", "10 real values")
    unknown = merges(candidate(layers, loss=logits), candidate(layers, source="b.keras", drift=0.1))["average"]
    assert not [one for one in unknown.findings if "do not mean the same" in one.text]


def test_a_loss_that_contradicts_the_output_is_warned_about_for_every_merge():
    loss = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}
    found = merges(*two(mlp(), mlp(), loss=loss))
    for merge in found.values():
        warned = [one for one in merge.findings if "contradict each other" in one.text]
        assert [(one.severity, one.file, one.layer) for one in warned] == [("warning", "b.keras", "head")]
    assert warned[0].found == 'probabilities of 10 classes (softmax in layer "head")'
    assert "compile it with a loss that takes what it gives" in warned[0].remedy


def test_probabilities_and_logits_are_brought_together_and_nothing_else():
    loss = {"class_name": "SparseCategoricalCrossentropy", "config": {"from_logits": True}}
    models = two(mlp(), mlp(activation="linear"), loss=loss)
    found = merges(*models)["ensemble"]
    assert found.possible
    noted = one_of(found, "logits")
    assert noted.text == "One model gives probabilities, the other logits: they will be brought to one meaning."
    assert (noted.expected, noted.found) == ("probabilities of 10 classes", "logits of 10 classes")
    refused = only(merges(*two(mlp(), mlp(activation="sigmoid")))["ensemble"], "refusal")
    assert refused.text == "The outputs mean different things: class probabilities and independent probabilities."
    assert refused.remedy.startswith("Only models that answer the same question can be joined")


def test_outputs_that_cannot_be_told_are_warned_about():
    found = merges(*two(mlp(), mlp(activation="linear")))
    assert found["ensemble"].possible
    assert texts(found["ensemble"], "warning") == ["The file does not tell whether the outputs mean the same."]
    both = merges(*two(mlp(activation="linear"), mlp(activation="linear")))["ensemble"]
    assert "weld ensemble … --outputs logits" in one_of(both, "does not tell").remedy


def test_other_numbers_of_classes():
    found = merges(*two(mlp(), mlp(classes=7)))
    assert possible(found) == {"fuse", "zip"}
    assert only(found["ensemble"], "refusal").text == "The outputs have different sizes."
    noted = one_of(found["zip"], "agree")
    assert noted.text == ("The models agree from the input on in 2 of 3 layers with weights; 1 cannot be shared.")
    assert (noted.layer, noted.severity) == ("head", "note")


def test_zipping_models_that_part_at_once():
    found = merges(*two(mlp(units=16), mlp(units=24)))
    refused = only(found["zip"], "refusal")
    assert refused.text == "The models part at their first layer with weights: there is nothing to share."
    assert (refused.layer, refused.expected, refused.found) == ("first", "units=16", "units=24")


def conv(**options):
    return [
        layer("Conv2D", "c", **{"filters": 4, "kernel_size": [3, 3], "activation": "relu", **options}),
        layer("GlobalAveragePooling2D", "pool"),
        dense("head", 3, "softmax"),
    ]


def images(shape, other):
    return candidate(conv(), shape=shape), candidate(conv(), shape=other, source="b.keras", drift=0.1)


def test_images_of_other_sizes_are_resized():
    found = merges(*images((28, 28, 3), (32, 32, 3)))
    assert possible(found) == {"average", "fuse", "ensemble"}
    warned = only(found["fuse"], "warning")
    assert warned.text == "The images have different sizes: they will be resized."
    assert (warned.expected, warned.found) == ("(batch, 28, 28, 3)", "(batch, 32, 32, 3)")
    assert only(found["zip"], "refusal").text == (
        "The models take data of different shapes, so they cannot share their first layers."
    )
    assert possible(merges(*images((28, 28, 3), (None, None, 3)))) == ALL


def test_grey_and_colour():
    found = merges(*images((28, 28, 1), (28, 28, 3)))
    assert possible(found) == {"fuse", "ensemble"}
    assert texts(found["ensemble"], "warning") == [
        "One model takes grey images, the other colour: the channels will be adapted."
    ]


def test_inputs_that_cannot_be_adapted():
    found = merges(*images((28, 28, 5), (28, 28, 3)))
    assert only(found["fuse"], "refusal").text == "The images have different numbers of channels."
    found = merges(*two(mlp(), mlp(), shape=(9,)))
    assert only(found["fuse"], "refusal").text == "The inputs have different sizes."
    found = merges(*two(mlp(), conv(), shape=(28, 28, 3)))
    assert only(found["fuse"], "refusal").text == "The inputs have different numbers of axes."


def test_words_and_values_have_no_data_in_common():
    words = [layer("Embedding", "e", input_dim=50, output_dim=16), layer("Flatten", "f"), dense("h", 10)]
    found = merges(*two(mlp(), words))
    assert only(found["fuse"], "refusal").text == (
        "One model takes numbers of words (it has an embedding), the other takes values."
    )


def test_a_model_of_text_cannot_be_fused():
    text = [layer("TextVectorization", "t"), *mlp()]
    found = merges(*two(mlp(), text, dtype="string", shape=(1,)))
    assert "The model takes text, not numbers." in texts(found["fuse"], "refusal")


def test_preparation_inside_one_of_them_is_warned_about_for_every_merge():
    found = merges(*two(mlp(), [layer("Rescaling", "scale", scale=1 / 16), *mlp()]))
    for one in found.values():
        warned = one_of(one, "prepare their data differently")
        assert warned.severity == "warning"
        assert warned.expected == "nothing: it expects data that is prepared already"
        assert warned.found == "times 0.0625, plus 0"


@pytest.mark.parametrize(
    ("labels", "text", "remedy", "merges_left"),
    [
        (
            list("bacdefghij"),
            "The models have the same labels in another order: the same output means another class.",
            "give it the same --labels",
            {"fuse", "zip", "ensemble"},
        ),
        (list("abcdefghix"), "The models have different labels.", "--unknown zero", {"fuse", "zip"}),
    ],
)
def test_labels(labels, text, remedy, merges_left):
    models = candidate(mlp(), labels=list("abcdefghij")), candidate(mlp(), labels=labels, source="b.keras")
    found = merges(*models)
    assert possible(found) == merges_left
    assert one_of(found["ensemble"], "labels").text == text
    assert remedy in one_of(found["ensemble"], "labels").remedy
    assert one_of(found["average"], "labels").severity == "refusal"
    assert one_of(found["fuse"], "labels").severity == "note"


def test_labels_in_the_lineage_and_too_few_of_them():
    metadata = {"lineage": {"labels": ["a", "b"]}}
    models = candidate(mlp(), metadata=metadata), candidate(mlp(), source="b.keras")
    for one in merges(*models).values():
        warned = one_of(one, "labels")
        assert (warned.expected, warned.found) == ("10 labels", "2 labels")


def test_what_stands_in_the_way_of_building_does_not_hinder_averaging():
    problem = UnsafeFileError("The file wants to read a path.", layer="words", found="a path", remedy="Do not use it.")
    shady = candidate_of(state(mlp(), source="b.keras"), problems=[problem])
    found = merges(candidate(mlp()), shady)
    assert possible(found) == {"average"}
    refused = only(found["zip"], "refusal")
    assert (refused.text, refused.file, refused.layer) == ("The file wants to read a path.", "b.keras", "words")
    assert (refused.found, refused.remedy) == ("a path", "Do not use it.")


def test_refusals_come_first():
    found = merges(*two(mlp(), mlp(classes=7)))
    order = [one.severity for one in found["average"].findings]
    assert order == sorted(order, key=["refusal", "warning", "note"].index)
