"""Whole ensembles: what they predict, how outputs are matched, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras

import keras  # noqa: E402
from keras import layers  # noqa: E402
from zoo import ZOO, batch_for, outputs_of  # noqa: E402

from keras_weld.compose.ensemble import ensemble, side_by_side, views  # noqa: E402
from keras_weld.compose.forms import Form  # noqa: E402
from keras_weld.compose.labels import align  # noqa: E402
from keras_weld.compose.member import Composed, Member  # noqa: E402
from keras_weld.compose.parts import columns_of, part_of  # noqa: E402
from keras_weld.compose.plan import Plan  # noqa: E402
from keras_weld.errors import IncompatibleModelsError, UsageError, WeldError  # noqa: E402

ONE_ORDER = "The classes are taken to be in one order in all models; --labels names them."


def dense(units: int = 4, activation: str | None = "softmax", name: str = "kind", features: int = 12) -> keras.Model:
    stack = [layers.Dense(5, activation="tanh"), layers.Dense(units, activation=activation, name=name)]
    return keras.Sequential([keras.Input((features,), name="sensor"), *stack])


def two_outputs(*names: str, units: int = 3) -> keras.Model:
    start = keras.Input((12,), name="sensor")
    heads = [layers.Dense(units + number, activation="softmax", name=name) for number, name in enumerate(names)]
    return keras.Model(start, [head(start) for head in heads])


def made_of(
    models: list[keras.Model], forms: Any = None, plan: Plan | None = None, output: str | None = None, **settings: Any
) -> Composed:
    parts = [part_of(Member(f"m{number}", f"m{number}.keras", model)) for number, model in enumerate(models)]
    columns, notes = columns_of(parts, output)
    forms = forms or [Form.PROBABILITIES] * len(models)
    told = {part.member.name: [form] * len(columns) for part, form in zip(parts, forms, strict=True)}
    composed = ensemble(side_by_side(parts, columns, told, **settings), [plan or Plan()] * len(columns))
    composed.notes[:0] = notes
    return composed


def weights_of(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(keras.ops.convert_to_numpy(keras.ops.copy(one))) for one in model.weights]


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


@pytest.mark.parametrize("kinds", [("mlp", "nested"), ("mlp", "subclassed", "nested"), ("two_inputs", "two_inputs")])
def test_the_mean_is_the_mean_of_what_the_members_predict(kinds: tuple[str, ...]) -> None:
    models = [ZOO[kind]() for kind in kinds]
    forms = [Form.LOGITS if kind == "nested" else Form.PROBABILITIES for kind in kinds]
    made = made_of(models, forms)
    batch = batch_for(made.model)
    given = [outputs_of(made.model.get_layer(f"m{n}"), batch)[0] for n in range(len(models))]
    if "two_inputs" not in kinds:
        np.testing.assert_array_equal(given[0], outputs_of(models[0], batch)[0])
    wanted = np.mean([softmax(one) if f is Form.LOGITS else one for one, f in zip(given, forms, strict=True)], axis=0)
    np.testing.assert_allclose(outputs_of(made.model, batch)[0], wanted, atol=1e-6)
    if "nested" in kinds:
        number = kinds.index("nested")
        assert f"m{number} gives logits: they go through a softmax first." in made.notes


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_model_with_itself_changes_nothing(count: int) -> None:
    model = ZOO["cnn"]()
    copies = [keras.models.clone_model(model) for _ in range(count)]
    for copy in copies:
        copy.set_weights(weights_of(model))
    made = made_of(copies)
    batch = batch_for(model)
    once, together = outputs_of(model, batch)[0], outputs_of(made.model, batch)[0]
    if count == 3:
        np.testing.assert_allclose(together, once, atol=1e-7)
    else:
        np.testing.assert_array_equal(together, once)


def test_outputs_keep_the_names_of_the_first_and_are_matched_by_name_or_order() -> None:
    first, second = two_outputs("a", "b"), two_outputs("b", "a")
    first_alone = made_of([first, two_outputs("a", "b")])
    assert first_alone.model.output_names == ["a", "b"]
    assert first_alone.notes == [ONE_ORDER]
    with pytest.raises(IncompatibleModelsError, match="different sizes") as caught:
        made_of([first, second])  # by name: b has three classes in the one and four in the other
    assert (caught.value.file, caught.value.layer) == ("m1.keras", "a")
    ordered = made_of([first, two_outputs("x", "y")])
    assert ordered.model.output_names == ["a", "b"]
    assert ordered.notes[0].startswith("The outputs have different names and are matched by their order (m0: a, b;")
    batch = batch_for(first)
    chosen = made_of([first, dense(units=3)], output="a")
    wanted = (outputs_of(first, batch)[0] + outputs_of(chosen.model.get_layer("m1"), batch)[0]) / 2
    np.testing.assert_allclose(outputs_of(chosen.model, batch)[0], wanted, atol=1e-6)
    assert chosen.model.output_names == ["a"]


def test_that_classes_are_taken_in_one_order_is_told_only_where_there_are_some() -> None:
    assert made_of([dense(), dense()]).notes == [ONE_ORDER]
    for models, forms in (([dense()], None), ([dense(1, "sigmoid")] * 2, [Form.INDEPENDENT] * 2)):
        assert made_of(models, forms).notes == []
    assert made_of([dense(4, None), dense(4, None)], [Form.VALUES] * 2).notes == []


def test_names_that_are_taken_are_not_taken_again() -> None:
    made = made_of([dense(name="m1"), dense(name="m1")])
    assert made.model.output_names == ["m1_ensemble"]
    assert [layer.name for layer in made.model.layers] == ["sensor", "m0", "m1", "m1_ensemble"]


def test_different_numbers_of_outputs_are_refused() -> None:
    with pytest.raises(IncompatibleModelsError, match="different numbers of outputs") as caught:
        made_of([two_outputs("a", "b"), dense()])
    assert (caught.value.file, caught.value.found) == ("m1.keras", "1 (kind)")
    assert caught.value.remedy == "Take one output of each: --output NAME"
    with pytest.raises(UsageError, match="no such output") as missing:
        made_of([two_outputs("a", "b"), two_outputs("a", "c")], output="b")
    assert (missing.value.file, missing.value.expected) == ("m1.keras", "a, c")


def test_outputs_about_different_things_are_refused() -> None:
    with pytest.raises(IncompatibleModelsError, match="mean different things") as caught:
        made_of([dense(), dense(activation="sigmoid")], [Form.PROBABILITIES, Form.INDEPENDENT])
    assert caught.value.expected == "probabilities (one class of several), as m0 gives"
    assert caught.value.found == "independent probabilities (yes or no, each by itself)"
    with pytest.raises(IncompatibleModelsError, match="different sizes") as sized:
        made_of([dense(4), dense(5)])
    assert (sized.value.expected, sized.value.found) == ("(batch, 4), as m0 gives", "(batch, 5)")
    assert "--labels a.txt" in str(sized.value.remedy)
    sequence = keras.Sequential([keras.Input((3, 12)), layers.Dense(4, activation="softmax")])
    with pytest.raises(IncompatibleModelsError, match="different sizes") as shaped:
        made_of([dense(4), sequence], inputs="separate")
    assert (shaped.value.found, shaped.value.remedy) == ("(batch, 3, 4)", "weld fuse joins features of any models.")


@pytest.mark.parametrize("reduce", ["geometric", "vote", "logit-mean", "stack"])
def test_values_are_averaged_and_not_voted_on(reduce: str) -> None:
    with pytest.raises(UsageError, match=f"{reduce} makes no sense for outputs about values") as caught:
        made_of([dense(activation=None)] * 2, [Form.VALUES] * 2, Plan(reduce))
    assert caught.value.expected == "mean, weighted, max"


def test_logits_stay_logits_where_their_mean_is_asked_for() -> None:
    models = [dense(activation=None), dense(activation=None)]
    made = made_of(models, [Form.LOGITS] * 2, Plan("logit-mean", weights=[0.25, 0.75]))
    batch = batch_for(models[0])
    first, second = (outputs_of(model, batch)[0] for model in models)
    np.testing.assert_allclose(outputs_of(made.model, batch)[0], 0.25 * first + 0.75 * second, atol=1e-6)
    assert made.notes == ["What comes out are logits: a softmax makes probabilities of them.", ONE_ORDER]
    mixed = made_of([models[0], dense()], [Form.LOGITS, Form.PROBABILITIES], Plan("geometric"))
    assert mixed.notes == ["m0 gives logits, m1 probabilities: all become logarithms.", ONE_ORDER]


@pytest.mark.parametrize(
    ("form", "activation", "units"),
    [
        (Form.PROBABILITIES, "softmax", 3),
        (Form.LOGITS, None, 3),
        (Form.INDEPENDENT, "sigmoid", 3),
        (Form.INDEPENDENT, "sigmoid", 1),
        (Form.INDEPENDENT_LOGITS, None, 1),
    ],
)
def test_a_temperature_divides_the_logits(form: Form, activation: str | None, units: int) -> None:
    model = dense(units, activation)
    batch = batch_for(model)
    given = outputs_of(model, batch)[0].astype("float64")
    classes = form in (Form.PROBABILITIES, Form.LOGITS)
    logits = given if form.are_logits else np.log(given) - (0 if classes else np.log(1 - given))
    wanted = softmax(logits / 2.5) if classes else 1 / (1 + np.exp(-logits / 2.5))
    made = made_of([model], [form], Plan(temperatures=[2.5]))
    np.testing.assert_allclose(outputs_of(made.model, batch)[0], wanted, atol=1e-6)
    with pytest.raises(UsageError, match="Values have no temperature"):
        made_of([model], [Form.VALUES], Plan(temperatures=[2.5]))


@pytest.mark.parametrize("reduce", ["mean", "geometric", "max", "vote", "logit-mean"])
@pytest.mark.parametrize("unknown", ["zero", "known"])
def test_classes_are_put_in_one_order(reduce: str, unknown: str) -> None:
    first, second = dense(3), dense(4)
    labels = align([["cat", "dog", "hen"], ["hen", "cow", "cat", "dog"]], ["m0", "m1"], unknown)
    plan = Plan(reduce, labels=labels, unknown=unknown)
    if unknown == "zero" and not plan.reducer.takes_zero:
        with pytest.raises(UsageError, match="a class to which one model gives 0 is 0 for all") as caught:
            made_of([first, second], plan=plan)
        assert "--unknown known" in str(caught.value.remedy)
        return
    made = made_of([first, second], plan=plan)
    batch = batch_for(first)
    a, b = outputs_of(first, batch)[0], outputs_of(second, batch)[0][:, [2, 3, 0, 1]]
    padded = np.concatenate([a, np.zeros((len(a), 1), "float32")], 1)
    found = outputs_of(made.model, batch)[0]
    if reduce == "mean":
        wanted = (padded + b) / 2
        if unknown == "known":
            wanted = np.concatenate([(a + b[:, :3]) / 2, b[:, 3:]], 1)
            wanted /= wanted.sum(1, keepdims=True)
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    if reduce in ("geometric", "logit-mean"):
        logs = np.concatenate([(np.log(a) + np.log(b[:, :3])) / 2, np.log(b[:, 3:])], 1)
        np.testing.assert_allclose(softmax(found) if reduce == "logit-mean" else found, softmax(logs), atol=1e-5)
    if reduce != "logit-mean":
        np.testing.assert_allclose(found.sum(1), 1, atol=1e-5)
    rule = "gives them 0" if unknown == "zero" else "they are left to the models that know them"
    assert f"m0 does not know cow: {rule}." in made.notes
    assert "The classes of m1 are put in the order of m0." in made.notes


def test_the_same_classes_in_another_order_give_the_same_as_a_model_in_the_first_order() -> None:
    model = dense(3)
    turned = keras.models.clone_model(model)
    *before, kernel, bias = weights_of(model)
    turned.set_weights([*before, kernel[:, [2, 0, 1]], bias[[2, 0, 1]]])
    labels = align([["a", "b", "c"], ["c", "a", "b"]], ["m0", "m1"])
    made = made_of([model, turned], plan=Plan(labels=labels))
    batch = batch_for(model)
    np.testing.assert_allclose(outputs_of(made.model, batch)[0], outputs_of(model, batch)[0], atol=1e-7)
    assert made.notes == ["The classes of m1 are put in the order of m0."]
    yes = dense(1, "sigmoid")
    both = made_of([yes, yes], [Form.INDEPENDENT] * 2, Plan(labels=align([["n", "y"], ["y", "n"]], ["a", "b"])))
    np.testing.assert_allclose(outputs_of(both.model, batch)[0], 0.5)


def test_labels_that_do_not_fit_are_refused() -> None:
    labels = align([["a", "b", "c"]] * 2, ["m0", "m1"])
    with pytest.raises(IncompatibleModelsError, match="not as many labels") as caught:
        made_of([dense(3), dense(4)], plan=Plan(labels=labels))
    assert (caught.value.file, caught.value.expected, caught.value.found) == ("m1.keras", "4 labels", "3 labels")
    with pytest.raises(UsageError, match="this output gives values"):
        made_of([dense(3), dense(3)], [Form.VALUES] * 2, Plan(labels=labels))
    uneven = align([["a", "b"], ["a", "b", "c"]], ["m0", "m1"], "known")
    with pytest.raises(UsageError, match="stack needs models that all know the same classes"):
        made_of([dense(2), dense(3)], plan=Plan("stack", labels=uneven, unknown="known"))
    lacking = align([["n", "y"], ["n", "x"]], ["m0", "m1"], "zero")
    with pytest.raises(IncompatibleModelsError, match="cannot lack one of the two"):
        made_of([dense(1, "sigmoid")] * 2, [Form.INDEPENDENT] * 2, Plan(labels=lacking, unknown="zero"))


def test_outputs_of_less_precise_models_are_float32() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = dense()
        made = made_of([model, dense()])
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.outputs[0].dtype == "float16"
    assert made.model.outputs[0].dtype == "float32"
    assert outputs_of(made.model, batch_for(model))[0].dtype == np.float32


def test_sequences_with_masks_and_maps_of_classes_are_answers_too() -> None:
    def tagger() -> keras.Model:
        stack = [layers.Embedding(20, 4, mask_zero=True), layers.LSTM(5, return_sequences=True), layers.Dense(3)]
        return keras.Sequential([keras.Input((None,), dtype="int32", name="words"), *stack])

    def segmenter() -> keras.Model:
        head = layers.Conv2D(2, 1, activation="softmax")
        return keras.Sequential([keras.Input((6, 5, 1), name="image"), layers.Conv2D(3, 3, padding="same"), head])

    models = [tagger(), tagger()]
    words = np.array([[3, 4, 5, 0, 0], [7, 0, 0, 0, 0]])
    made = made_of(models, [Form.LOGITS] * 2)
    wanted = np.mean([softmax(outputs_of(model, words)[0]) for model in models], axis=0)
    np.testing.assert_allclose(outputs_of(made.model, words)[0], wanted, atol=1e-6)
    models = [segmenter(), segmenter()]
    labels = align([["sky", "land"], ["land", "sea"]], ["m0", "m1"], "known")
    made = made_of(models, plan=Plan(labels=labels, unknown="known"))
    batch = batch_for(models[0])
    first, second = (outputs_of(model, batch)[0] for model in models)
    raw = np.stack([first[..., 0], (first[..., 1] + second[..., 0]) / 2, second[..., 1]], -1)
    np.testing.assert_allclose(outputs_of(made.model, batch)[0], raw / raw.sum(-1, keepdims=True), atol=1e-6)


def test_inputs_may_be_separate() -> None:
    made = made_of([ZOO["mlp"](), ZOO["cnn"]()], inputs="separate")
    assert [port.name for port in made.model.inputs] == ["m0_input", "m1_input"]
    assert made.parameters["inputs"] == "separate"
    with pytest.raises(WeldError, match="cannot share an input"):
        made_of([ZOO["mlp"](), ZOO["cnn"]()])


def test_members_can_be_looked_at_by_themselves() -> None:
    parts = [part_of(Member(name, name, dense(3))) for name in ("a", "b")]
    plan = Plan(labels=align([["x", "y", "z"], ["z", "x", "y"]], ["a", "b"]))
    beside = side_by_side(parts, columns_of(parts)[0], {"a": [Form.PROBABILITIES], "b": [Form.PROBABILITIES]})
    first, second = views(beside, plan.labels)
    batch = batch_for(first)
    np.testing.assert_array_equal(outputs_of(first, batch)[0], outputs_of(parts[0].model, batch)[0])
    np.testing.assert_array_equal(outputs_of(second, batch)[0], outputs_of(parts[1].model, batch)[0][:, [1, 2, 0]])
    made = ensemble(beside, [plan])
    mean = (outputs_of(first, batch)[0] + outputs_of(second, batch)[0]) / 2
    np.testing.assert_allclose(outputs_of(made.model, batch)[0], mean, atol=1e-7)
    assert (first.name, second.name) == ("a", "b")
