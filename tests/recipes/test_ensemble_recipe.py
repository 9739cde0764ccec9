"""`weld.ensemble` from files to a file: what it learns, what it tells, and what it refuses before it writes."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras

import custom_parts  # noqa: E402
import keras  # noqa: E402
from custom_parts import Forgetful, Tower, TwoKeys  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import DataError, IncompatibleModelsError, UsageError, WeldError  # noqa: E402
from keras_weld.io.read import open_model  # noqa: E402

CLASSES = 3
ONE_ORDER = "The classes are taken to be in one order in all models; --labels names them."


def make(seed: int, activation: str | None = "softmax", units: int = CLASSES, loss: object = None) -> keras.Model:
    keras.utils.set_random_seed(seed)
    head = layers.Dense(units, activation=activation, name="kind")
    model = keras.Sequential([keras.Input((6,), name="x"), layers.Dense(5, activation="tanh"), head], name=f"m{seed}")
    if loss is not None:
        model.compile("sgd", loss)
    return model


def examples(count: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 6)).astype("float32")


def answer(model: keras.Model, x: np.ndarray) -> np.ndarray:
    return np.asarray(keras.ops.convert_to_numpy(model(x)))


def softmax(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for seed, path in enumerate(paths):
        weld.save(make(seed), path)
    return paths


@pytest.mark.usefixtures("fresh_process")
def test_the_file_predicts_the_mean_and_plain_keras_loads_it(files: list[Path], tmp_path: Path) -> None:
    out, x = tmp_path / "out.keras", examples()
    model = weld.ensemble(files, out=out)
    wanted = np.mean([answer(keras.saving.load_model(path), x) for path in files], axis=0)
    np.testing.assert_allclose(answer(keras.saving.load_model(out), x), wanted, atol=1e-6)
    known = weld.lineage(model)
    assert known is not None
    assert known["method"] == "ensemble"
    assert known["notes"] == [ONE_ORDER]
    assert known["parameters"]["outputs"] == {"kind": {"a": "probabilities", "b": "probabilities"}}
    port = weld.inspect(out).summary.outputs[0]
    assert (port.name, port.shape) == ("kind", (None, CLASSES))
    assert port.meaning is not None
    assert (port.meaning.text, port.meaning.why) == (
        "probabilities of 3 classes",
        "the lineage in the file says so",
    )


def test_a_model_with_itself_changes_nothing(files: list[Path], tmp_path: Path) -> None:
    out, x = tmp_path / "out.keras", examples()
    weld.ensemble([files[0], files[0]], out=out)
    np.testing.assert_array_equal(answer(keras.saving.load_model(out), x), answer(weld.load(files[0]), x))


def test_maps_of_classes_can_be_learnt_from(tmp_path: Path) -> None:
    models = []
    for seed in range(2):
        keras.utils.set_random_seed(seed)
        head = layers.Conv2D(CLASSES, 1, activation="softmax", name="kind")
        models.append(keras.Sequential([keras.Input((4, 4, 1), name="x"), layers.Conv2D(3, 3, padding="same"), head]))
    x = np.random.default_rng(0).random((30, 4, 4, 1), "float32")
    y = answer(models[1], x).argmax(-1)
    made = weld.ensemble(models, names=["a", "b"], fit_weights=(x, y), calibrate=(x, y))
    assert made.outputs[0].shape == (None, 4, 4, CLASSES)
    weights = (weld.lineage(made) or {})["parameters"]["weights"]
    assert weights[1] > weights[0]
    stacked = weld.ensemble(models, names=["a", "b"], reduce="stack", fit_weights=(x, y))
    assert (answer(stacked, x).argmax(-1) == y).mean() > 0.8


def test_an_ensemble_can_be_a_member(files: list[Path], tmp_path: Path) -> None:
    out, x = tmp_path / "out.keras", examples()
    two = weld.ensemble(files, out=out)
    four = weld.ensemble([out, files[0]], weights=[0.5, 0.5])
    np.testing.assert_allclose(answer(four, x), (answer(two, x) + answer(make(0), x)) / 2, atol=1e-6)
    live = weld.ensemble([two, files[0]])
    np.testing.assert_allclose(answer(live, x), answer(four, x), atol=1e-6)


def test_a_loss_or_a_word_tells_what_numbers_are(files: list[Path], tmp_path: Path) -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    told, untold = make(2, None, loss=loss), make(2, None)
    x = examples()
    wanted = (answer(make(0), x) + softmax(answer(told, x))) / 2
    for model in (weld.ensemble([files[0], told]), weld.ensemble([files[0], untold], outputs={"m2": "logits"})):
        np.testing.assert_allclose(answer(model, x), wanted, atol=1e-6)
        assert (weld.lineage(model) or {})["notes"] == [
            "m2 gives logits: they go through a softmax first.",
            ONE_ORDER,
        ]
    values = weld.ensemble([untold, make(3, None)], outputs="values")
    np.testing.assert_allclose(answer(values, x), (answer(untold, x) + answer(make(3, None), x)) / 2, atol=1e-6)
    out = tmp_path / "out.keras"
    with pytest.raises(IncompatibleModelsError, match="What the output means is not told by the file") as caught:
        weld.ensemble([files[0], untold], out=out)
    assert caught.value.layer == "kind"
    assert caught.value.found == 'logits or real values (3) (no activation in layer "kind", no loss in the file)'
    assert "--outputs m2:logits (outputs={'m2': 'logits'})" in str(caught.value.remedy)
    with pytest.raises(UsageError, match="not of such a kind") as word:
        weld.ensemble(files, outputs={"a": "odds"})
    assert word.value.found == "odds"
    pooled = keras.Sequential([keras.Input((4, 4, 3)), layers.GlobalAveragePooling2D()], name="pooled")
    with pytest.raises(IncompatibleModelsError, match="gives features and no answer"):
        weld.ensemble([pooled, pooled], outputs=None)
    assert not out.exists()


def test_what_is_said_against_the_file_holds_and_is_told(
    files: list[Path], tmp_path: Path, weld_here: Callable[..., Any]
) -> None:
    logits = make(2, None, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    weld.save(logits, tmp_path / "c.keras")
    weld.save(make(3, None), tmp_path / "d.keras")
    said = {"a": "probabilities", "c": "probabilities", "d": "probabilities"}
    line = ["ensemble", files[0], tmp_path / "c.keras", tmp_path / "d.keras", "-o", tmp_path / "out.keras"]
    line += [word for name in said for word in ("--outputs", f"{name}:probabilities")]
    notes = [
        "c is taken to give probabilities, as you say; by its file it gives logits of 3 classes (no activation in "
        'layer "kind", loss sparse_categorical_crossentropy).',
        "d is taken to give probabilities, as you say; by its file it gives logits or real values (3) (no activation "
        'in layer "kind", no loss in the file).',
    ]
    notes.append(ONE_ORDER)
    assert weld_here(*line, check=True).stdout.splitlines()[1:] == [f"Note: {note}" for note in notes]
    assert (weld.lineage(tmp_path / "out.keras") or {})["notes"] == notes
    x = examples()
    wanted = np.mean([answer(weld.load(file), x) for file in line[1:4]], axis=0)  # as told: no softmax
    np.testing.assert_allclose(answer(weld.load(tmp_path / "out.keras"), x), wanted, atol=1e-6)


def test_what_is_said_against_a_lineage_is_told() -> None:
    team = weld.ensemble([make(0), make(1)], reduce="logit-mean")
    made = weld.ensemble([team, make(2)], names=["team", "c"], outputs={"team": "probabilities"})
    assert (weld.lineage(made) or {})["notes"] == [
        "team is taken to give probabilities, as you say; by its file it gives logits of 3 classes (the lineage in the "
        "file says so).",
        ONE_ORDER,
    ]


def test_yes_or_no_is_one_number(tmp_path: Path) -> None:
    models = [make(0, "sigmoid", 1), make(1, None, 1)]
    made = weld.ensemble(models, outputs={"m1": "logits"})
    x = examples()
    wanted = (answer(models[0], x) + 1 / (1 + np.exp(-answer(models[1], x)))) / 2
    np.testing.assert_allclose(answer(made, x), wanted, atol=1e-6)
    assert (weld.lineage(made) or {})["gives"] == {"kind": "independent probabilities"}


def test_labels_go_into_the_file_and_come_out_of_it(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("cat\ndog\nhen\n")
    (tmp_path / "b.txt").write_text("hen\ncat\ndog\n")
    out, x = tmp_path / "out.keras", examples()
    weld.ensemble(files, labels=[tmp_path / "a.txt", tmp_path / "b.txt"], out=out)
    wanted = (answer(make(0), x) + answer(make(1), x)[:, [1, 2, 0]]) / 2
    np.testing.assert_allclose(answer(weld.load(out), x), wanted, atol=1e-6)
    lineage = weld.inspect(out).summary.lineage
    assert lineage is not None
    assert lineage["labels"] == ["cat", "dog", "hen"]
    # The file's own labels are used, and a model that names none is taken to have the same.
    again = weld.ensemble([out, files[0]])
    assert (weld.lineage(again) or {})["notes"] == ["a: the classes are not named, and taken to be the others'."]
    union = weld.ensemble([files[0], files[1]], labels=[["x", "y", "z"], ["z", "w", "x"]], unknown="zero")
    assert union.outputs[0].shape == (None, 4)
    lists = [["x", "y", "z"], ["z", "w", "x"]]
    known = weld.ensemble(files, labels=lists, unknown="known", weights=[0.25, 0.75], out=out)
    again = weld.load(out)
    np.testing.assert_allclose(answer(again, x), answer(known, x), atol=1e-6)
    x_of, w_of = answer(again, x)[:, 0], answer(again, x)[:, 3]
    first, second = answer(make(0), x), answer(make(1), x)
    np.testing.assert_allclose(x_of / w_of, (0.25 * first[:, 0] + 0.75 * second[:, 2]) / second[:, 1], rtol=1e-4)
    with pytest.raises(IncompatibleModelsError, match="known to some of the models only"):
        weld.ensemble(files, labels=[["x", "y", "z"], ["z", "w", "x"]])
    with pytest.raises(UsageError, match="not as many lists of labels") as caught:
        weld.ensemble(files, labels=[["x", "y", "z"]])
    assert caught.value.remedy == "Give a file for each model, behind the models: --labels a.txt b.txt"


def test_labels_of_one_model_may_be_those_that_its_file_has(files: list[Path], tmp_path: Path) -> None:
    named = weld.ensemble([files[0]], labels=[["cat", "dog", "hen"]], out=tmp_path / "named.keras")
    made = weld.ensemble([named, files[1]], labels=[None, ["hen", "cat", "dog"]])
    x = examples()
    wanted = (answer(make(0), x) + answer(make(1), x)[:, [1, 2, 0]]) / 2
    np.testing.assert_allclose(answer(made, x), wanted, atol=1e-6)


@pytest.mark.parametrize("live", [False, True])
def test_a_list_of_labels_that_is_too_short_is_told_as_such(files: list[Path], live: bool) -> None:
    models = [make(0), make(1)] if live else files
    with pytest.raises(IncompatibleModelsError, match="not as many labels as the model has classes") as refused:
        weld.ensemble(models, labels=[["cat", "dog", "hen"], ["cat", "dog"]])
    assert (refused.value.expected, refused.value.found) == ("3 labels", "2 labels")


def test_files_of_labels_are_read_once(files: list[Path], tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    pipes = [tmp_path / "one", tmp_path / "two"]
    for pipe in pipes:
        os.mkfifo(pipe)
    writers = [threading.Thread(target=pipe.write_text, args=("cat\ndog\nhen\n",), daemon=True) for pipe in pipes]
    for writer in writers:
        writer.start()
    weld_here("ensemble", *files, "-o", tmp_path / "out.keras", "--labels", *pipes, check=True)
    assert (weld.inspect(tmp_path / "out.keras").summary.lineage or {})["labels"] == ["cat", "dog", "hen"]


def targets_of(model: keras.Model, x: np.ndarray, sharpness: float = 1.0) -> np.ndarray:
    random = np.random.default_rng(5)
    chances = softmax(np.log(answer(model, x)) * sharpness)
    return np.array([random.choice(CLASSES, p=row / row.sum()) for row in chances])


def test_weights_and_temperatures_are_found_and_told(files: list[Path], tmp_path: Path) -> None:
    x = examples(600)
    y = targets_of(make(0), x, sharpness=4)
    np.savez(tmp_path / "val.npz", x=x, y=y)
    made = weld.ensemble(files, calibrate=tmp_path / "val.npz", fit_weights=tmp_path / "val.npz")
    known = weld.lineage(made) or {}
    temperatures, weights = known["parameters"]["temperatures"], known["parameters"]["weights"]
    assert temperatures[0] < 0.6  # it is right more often than it thinks
    assert weights[0] > weights[1]
    assert [one["weight"] for one in known["sources"]] == weights
    assert known["notes"][0] == ONE_ORDER
    assert known["notes"][1].startswith("Temperature of a: 0.")
    assert known["notes"][3].startswith("Weights found on 600 held-out examples: a ")
    own = [softmax(np.log(answer(weld.load(file), x)) / t) for file, t in zip(files, temperatures, strict=True)]
    wanted = sum(weight * one for weight, one in zip(weights, own, strict=True))
    np.testing.assert_allclose(answer(made, x), wanted, atol=1e-5)


def test_a_temperature_at_the_end_of_the_search_is_told() -> None:
    x, first = examples(60), make(0)
    said = answer(first, x)
    for y, end in ((said.argmin(-1), "hardly have to do with what is true"), (said.argmax(-1), "nearly never wrong")):
        notes = (weld.lineage(weld.ensemble([first], names=["a"], calibrate=(x, y))) or {})["notes"]
        assert end in next(note for note in notes if note.startswith("Temperature of a: "))
    y = targets_of(first, x)
    assert not any(
        "at the end" in note for note in (weld.lineage(weld.ensemble([first], calibrate=(x, y))) or {})["notes"]
    )


def test_with_data_it_is_judged_against_its_best_member_and_the_file_tells(files: list[Path], tmp_path: Path) -> None:
    x = examples(300)
    y = targets_of(make(0), x, sharpness=4)
    made = weld.ensemble(files, data=(x, y), out=tmp_path / "out.keras")
    (told,) = (weld.lineage(made) or {})["evaluations"]
    with open_model(tmp_path / "out.keras") as state:
        assert state.metadata["lineage"]["evaluations"] == [told]
    rows = told["splits"][0]["rows"]
    assert [row["model"] for row in rows] == ["out.keras", "a.keras", "b.keras"]
    for row, model in zip(rows, [made, *map(weld.load, files)], strict=True):
        assert row["value"] == pytest.approx(100 * (answer(model, x).argmax(1) == y).mean())
    assert told["verdict"] == rows[0]["verdict"]
    assert told["verdict"] in ("worse", "cannot tell")  # the other one knows nothing


def test_test_examples_judge_where_there_are_some_beside_what_is_not_split(files: list[Path], tmp_path: Path) -> None:
    x = examples(40)
    arrays = {f"x{split}": x for split in ("", "_train", "_val", "_test")}
    np.savez(tmp_path / "data.npz", **arrays, **{key.replace("x", "y"): targets_of(make(0), x) for key in arrays})
    (found,) = (weld.lineage(weld.ensemble(files, data=tmp_path / "data.npz")) or {})["evaluations"]
    assert [split["name"] for split in found["splits"]] == ["validation", "test"]


def test_data_that_cannot_judge_is_refused_before_a_model_is_read(tmp_path: Path) -> None:
    cut = tmp_path / "cut.keras"
    cut.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="inputs and no targets"):
        weld.ensemble([cut, cut], data={"x": examples(3)}, out=tmp_path / "out.keras")
    assert list(tmp_path.iterdir()) == [cut]


def test_weights_of_values_and_of_independent_answers_are_found(tmp_path: Path) -> None:
    x = examples(200)
    first, second = make(0, None, 2, "mse"), make(1, None, 2, "mse")
    made = weld.ensemble([first, second], fit_weights=(x, 0.3 * answer(first, x) + 0.7 * answer(second, x)))
    np.testing.assert_allclose((weld.lineage(made) or {})["parameters"]["weights"], [0.3, 0.7], atol=1e-4)
    assert "Mean squared error there:" in (weld.lineage(made) or {})["notes"][0]
    chances = [make(2, "sigmoid", 2), make(3, "sigmoid", 2)]
    y = (answer(chances[0], x) > 0.5).astype(int)
    made = weld.ensemble(chances, fit_weights=(x, y), calibrate=(x, y))
    assert (weld.lineage(made) or {})["parameters"]["weights"][0] > 0.9
    with pytest.raises(UsageError, match="Values have no temperature"):
        weld.ensemble([first, second], calibrate=(x, y))


def test_classes_that_a_model_does_not_know_count_as_0_where_weights_are_found(files: list[Path]) -> None:
    x = examples(300)
    labels = [["p", "q", "r"], ["q", "r", "s"]]
    y = np.where(np.arange(300) % 2, 3, answer(make(0), x).argmax(-1))  # s, or what the first says
    made = weld.ensemble(files, labels=labels, unknown="zero", fit_weights=(x, y), calibrate=(x, y))
    weights = (weld.lineage(made) or {})["parameters"]["weights"]
    assert all(0.2 < weight < 0.8 for weight in weights)
    np.testing.assert_allclose(answer(made, x).sum(1), 1, atol=1e-5)
    with pytest.raises(UsageError, match="Weights cannot be found") as caught:
        weld.ensemble(files, labels=labels, unknown="known", fit_weights=(x, y))
    assert "--unknown zero" in str(caught.value.remedy)


def test_a_combiner_is_trained_the_same_each_time(files: list[Path], tmp_path: Path) -> None:
    x = examples(300)
    y = targets_of(make(1), x, sharpness=5)
    out = tmp_path / "out.keras"
    made = weld.ensemble(files, reduce="stack", fit_weights=(x, y), out=out)
    note = (weld.lineage(made) or {})["notes"][-1]
    assert note.startswith("The combiner was trained on 225 held-out examples and stopped by 75 others.")
    again = weld.ensemble(files, reduce="stack", fit_weights=(x, y))
    np.testing.assert_array_equal(answer(made, x), answer(again, x))
    picked = np.arange(len(y)), y
    geometric = weld.ensemble(files, reduce="geometric")
    assert -np.log(answer(made, x)[picked]).mean() < -np.log(answer(geometric, x)[picked]).mean()
    np.testing.assert_allclose(answer(weld.load(out), x), answer(made, x), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "problem", "remedy"),
    [
        ({"reduce": "weighted"}, "A weighted mean needs weights.", "--fit-weights val.npz"),
        ({"reduce": "stack"}, "stack has to be trained on held-out data.", "--fit-weights val.npz"),
        ({"reduce": "max", "weights": [1, 0]}, "max gives no model more weight", "--reduce weighted"),
        ({"reduce": "vote", "fit_weights": "v.npz"}, "Weights are found for a weighted mean", None),
        ({"weights": [1, 0], "fit_weights": "v.npz"}, "given or found, not both", None),
        ({"weights": [1.5, -0.5]}, "cannot have a negative weight", None),
        ({"weights": [0.5, 0.6]}, "The weights do not sum to 1.", "--normalize"),
        ({"reduce": "median"}, "There is no way to reduce called 'median'.", None),
        ({"unknown": "spread", "labels": [["a", "b", "c"]] * 2}, "There is no such rule for classes.", None),
        ({"out": "out.weights.h5"}, "A composed model is written whole", None),
    ],
)
def test_options_that_make_no_sense_are_told(
    files: list[Path], options: dict[str, object], problem: str, remedy: str | None
) -> None:
    with pytest.raises(UsageError, match=re.escape(problem)) as caught:
        weld.ensemble(files, **options)
    assert remedy is None or remedy in str(caught.value.remedy)


def test_data_that_does_not_fit_is_told(files: list[Path]) -> None:
    x = examples(20)
    for data, problem in (
        ((x, np.full(20, 7)), "A label is not one of the model's classes."),
        ((x, np.zeros((20, 2, 2), int)), "The targets do not fit what the model gives."),
        ({"x_train": x, "y_train": np.zeros(20, int)}, "There are no held-out examples"),
        ({"x": x}, "The data has inputs and no targets."),
    ):
        with pytest.raises(DataError, match=problem.replace(".", r"\.")):
            weld.ensemble(files, fit_weights=data)


def two_headed(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    start = keras.Input((6,), name="x")
    names = ("shape", "colour")
    return keras.Model(start, [layers.Dense(3, activation="softmax", name=name)(start) for name in names])


def judged_rows(known: dict[str, Any]) -> dict[str, float]:
    return {row["model"]: row["value"] for one in known["evaluations"] for row in one["splits"][0]["rows"][:1]}


def several(seed: int = 0) -> keras.Model:
    """A model that tells a kind, and a size without saying what that is."""
    keras.utils.set_random_seed(seed)
    x = keras.Input((6,), name="x")
    kind = layers.Dense(CLASSES, activation="softmax", name="kind")(x)
    return keras.Model(x, [kind, layers.Dense(1, name="size")(x)], name=f"m{seed}")


def test_one_output_of_several_is_said_by_its_name(tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    models = [several(0), several(1)]
    paths = [tmp_path / f"m{number}.keras" for number in (0, 1)]
    for model, path in zip(models, paths, strict=True):
        weld.save(model, path)
    with pytest.raises(IncompatibleModelsError) as refused:
        weld.ensemble(models)
    assert "--outputs m0:size:values (outputs={'m0': {'size': 'values'}})" in str(refused.value.remedy)
    said: list[Any] = [{f"m{number}": {"size": "values"} for number in (0, 1)}, {"m0:size": "values", "m1": "values"}]
    for one in said:
        made = weld.ensemble(models, outputs=one)
        wanted = np.mean([np.asarray(model.predict(examples(), verbose=0)[1]) for model in models], axis=0)
        np.testing.assert_allclose(made.predict(examples(), verbose=0)[1], wanted, atol=1e-6)
    words = ("--outputs", "m0:size:values", "--outputs", "m1:size:values")
    assert weld_here("ensemble", *paths, "-o", tmp_path / "out.keras", *words).returncode == 0
    words = ("--outputs", "m0:weight:values")
    refusal = weld_here("ensemble", *paths, "-o", tmp_path / "out.keras", *words)
    assert "kind, size" in refusal.stderr
    assert "--outputs m0:kind" in refusal.stderr
    with pytest.raises(UsageError, match="no such output"):
        weld.ensemble(models, outputs={"m0": {"weight": "values"}})
    with pytest.raises(UsageError, match="not of such a kind") as unknown:
        weld.ensemble(models, outputs={"m0": {"size": "odds"}})
    assert "--outputs m0:size:probabilities" in str(unknown.value.remedy)


def test_a_model_of_ones_own_that_takes_a_dict_is_taken_whole(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    x = {"wide": examples(8), "narrow": examples(8)[:, :2]}
    model = TwoKeys(name="two")
    wanted = answer(model, x)  # type: ignore[arg-type]
    weld.save(model, tmp_path / "two.keras")
    out = tmp_path / "out.keras"
    options: dict[str, Any] = {"custom_objects": {"TwoKeys": TwoKeys}}
    weld.ensemble([model, tmp_path / "two.keras"], outputs="probabilities", out=out, **options)
    made = keras.saving.load_model(out, **options)
    assert {one.name: one.shape for one in made.inputs} == {"wide": (None, 6), "narrow": (None, 2)}
    np.testing.assert_allclose(made.predict(x, verbose=0), wanted, atol=1e-6)
    fused = weld.fuse([model], classes=2, data=(x, np.arange(8) % 2), stages="head:1@1e-3")
    assert fused.predict(x, verbose=0).shape == (8, 2)


def test_a_dict_of_outputs_stays_one(tmp_path: Path) -> None:
    def named(seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        x = keras.Input((6,), name="x")
        # Layers whose names are in another order than the keys.
        kind, size = layers.Dense(CLASSES, "softmax", name="b")(x), layers.Dense(2, "softmax", name="a")(x)
        return keras.Model(x, {"kind": kind, "size": size}, name=f"m{seed}")

    models, x = [named(0), named(1)], examples()
    weld.ensemble(models, out=tmp_path / "out.keras")
    found = keras.saving.load_model(tmp_path / "out.keras").predict(x, verbose=0)
    assert set(found) == {"kind", "size"}
    for name, given in found.items():
        wanted = np.mean([model.predict(x, verbose=0)[name] for model in models], axis=0)
        np.testing.assert_allclose(given, wanted, atol=1e-6)
    assert weld.ensemble(models, output="kind").predict(x, verbose=0).shape == (len(x), CLASSES)
    data = (x, {"size": np.zeros(len(x), int), "kind": np.ones(len(x), int)})
    judged = (weld.lineage(weld.ensemble(models, data=data)) or {})["evaluations"]
    assert len(judged) == 2


def test_what_is_said_of_a_model_with_several_outputs_is_never_dropped_silently() -> None:
    models = [several(0), several(1)]
    notes = "\n".join(weld.lineage(weld.ensemble(models, outputs="values"))["notes"])  # type: ignore[index]
    assert "m0, kind, is taken to give probabilities, as its file tells" in notes
    assert "--outputs m0:kind:values" in notes
    alone = weld.ensemble(models, outputs="logits", output="kind")
    told = weld.lineage(alone)
    assert told is not None
    assert told["parameters"]["outputs"] == {"kind": {"m0": "logits", "m1": "logits"}}
    assert "m0, kind, is taken to give logits, as you say" in "\n".join(told["notes"])


def test_outputs_without_targets_are_left_alone_and_told() -> None:
    models, x = [two_headed(0), two_headed(1)], examples(300)
    answers = [np.asarray(one) for one in models[0].predict_on_batch(x)]
    y = answers[1].argmax(1)
    data = (x, {"colour": y})
    made = weld.ensemble(models, names=["a", "b"], calibrate=data, fit_weights=data, data=data)
    known = weld.lineage(made) or {}
    weights, temperatures = known["parameters"]["weights"], known["parameters"]["temperatures"]
    assert (weights["shape"], temperatures["shape"]) == (None, None)
    assert weights["colour"][0] > 0.9
    assert len(temperatures["colour"]) == 2
    assert (
        "shape: There are no held-out targets for it: no temperatures are found and the models have equal weights."
        in known["notes"]
    )
    assert known["notes"][-1] == "There are no targets for shape: not judged."
    assert any(note.startswith("colour: Weights found on 300 held-out examples") for note in known["notes"])
    found = [np.asarray(one) for one in made.predict_on_batch(x)]
    np.testing.assert_allclose(found[0], (answers[0] + np.asarray(models[1].predict_on_batch(x)[0])) / 2, atol=1e-6)
    assert judged_rows(known) == {"ensemble:colour": pytest.approx(100 * (found[1].argmax(1) == y).mean())}
    with pytest.raises(UsageError, match="stack has to be trained for every output") as caught:
        weld.ensemble(models, reduce="stack", fit_weights=data)
    assert caught.value.remedy == "Take one output alone: --output colour"
    with pytest.raises(DataError, match="another number of targets than there are outputs") as refused:
        weld.ensemble(models, data=(x, y))
    assert (refused.value.expected, refused.value.found) == ("targets for shape, colour", "1: y")


def test_targets_belong_to_outputs_by_name_even_where_a_model_has_the_name_of_one() -> None:
    models, x = [two_headed(0), two_headed(1)], examples(100)
    answers = [np.asarray(one).argmax(1) for one in models[0].predict_on_batch(x)]
    data = (x, {"colour": answers[1], "shape": answers[0]})  # in the other order than the outputs
    made = weld.ensemble(models, names=["shape", "b"], weights=[1, 0], data=data)
    assert made.output_names == ["shape_ensemble", "colour"]
    assert judged_rows(weld.lineage(made) or {}) == {"ensemble:shape_ensemble": 100, "ensemble:colour": 100}
    one = weld.ensemble(models, names=["a", "b"], output="colour", fit_weights=data, data=data)
    assert (weld.lineage(one) or {})["parameters"]["weights"][0] > 0.9
    assert judged_rows(weld.lineage(one) or {})["ensemble"] == 100


def test_data_that_names_its_classes_in_another_order_is_understood(files: list[Path]) -> None:
    x = examples(200)
    labels = ["dog", "cat", "hen"]
    y = targets_of(make(0), x, 4)
    mine = weld.ensemble(files, labels=[labels] * 2, fit_weights={"x": x, "y": y})
    order = sorted(labels)
    renumbered = np.array([order.index(label) for label in labels])[y]
    named = weld.ensemble(files, labels=[labels] * 2, fit_weights={"x": x, "y": renumbered, "classes": order})
    weights = [(weld.lineage(model) or {})["parameters"]["weights"] for model in (mine, named)]
    np.testing.assert_allclose(*weights)


@pytest.mark.usefixtures("fresh_process")
def test_a_model_of_a_class_of_its_own_is_taken_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(custom_parts.__file__).parent))
    tower = Tower(classes=CLASSES)
    x = examples()
    tower(x)
    said = {"tower": "probabilities"}
    made = weld.ensemble([make(0), tower], names=["m", "tower"], outputs=said, out=tmp_path / "out.keras")
    np.testing.assert_allclose(answer(made, x), (answer(make(0), x) + answer(tower, x)) / 2, atol=1e-6)
    with pytest.raises(IncompatibleModelsError, match="What the output means is not told") as caught:
        weld.ensemble([make(0), tower])
    assert caught.value.found == "a model whose layers are in its own code"
    tower.compile(loss="sparse_categorical_crossentropy")
    with pytest.raises(IncompatibleModelsError, match="What the output means is not told") as caught:
        weld.ensemble([make(0), tower])
    assert "by its name alone, without from_logits" in str(caught.value.found)
    assert "SparseCategoricalCrossentropy(from_logits=True)" in str(caught.value.remedy)
    tower.compile(loss=keras.losses.SparseCategoricalCrossentropy())
    told = weld.ensemble([make(0), tower])
    np.testing.assert_allclose(answer(told, x), answer(made, x), atol=1e-6)


def test_a_loss_that_contradicts_the_layers_is_told() -> None:
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    doubtful, begins = make(1, loss=loss), "m1 gives probabilities of 3 classes (softmax in"
    notes = (weld.lineage(weld.ensemble([make(0), doubtful])) or {})["notes"]
    assert [note for note in notes if note.startswith(begins) and "from_logits=True" in note]
    said = weld.ensemble([make(0), doubtful], outputs={"m1": "probabilities"})
    assert not [note for note in (weld.lineage(said) or {})["notes"] if note.startswith(begins)]


@pytest.mark.parametrize("merge", [weld.ensemble, weld.branch, weld.fuse, lambda models: weld.tune(models[1], "x.npz")])
def test_what_is_no_model_is_refused(merge: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="This is not a model") as caught:
        merge(["a.keras", 3])
    assert caught.value.found == "3 (int)"


def test_a_layer_that_cannot_be_written_down_is_caught_before_anything_is_written(tmp_path: Path) -> None:
    forgetful = keras.Sequential([keras.Input((6,)), Forgetful({0: 2.0}), layers.Dense(3, activation="softmax")])
    out = tmp_path / "out.keras"
    with pytest.raises(WeldError) as caught:
        weld.ensemble([make(0), forgetful], out=out)
    assert "get_config" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_leaves_the_file_that_was_there(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out.keras"
    shutil.copy(files[0], out)
    before = out.read_bytes()
    with pytest.raises(IncompatibleModelsError):
        weld.ensemble([files[0], make(4, units=5)], out=out)
    assert out.read_bytes() == before
