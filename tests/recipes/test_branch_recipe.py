"""`weld.branch` from files to a file, and the command of that name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras

import keras  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import IncompatibleModelsError, UsageError  # noqa: E402


def make(seed: int, width: int, classes: int, activation: str | None = "softmax", loss: object = None) -> keras.Model:
    keras.utils.set_random_seed(seed)
    stack = [layers.Dense(width, activation="relu", name="deep"), layers.Dense(classes, activation=activation)]
    model = keras.Sequential([keras.Input((6,), name="x"), *stack], name=f"m{seed}")
    if loss is not None:
        model.compile("sgd", loss)
    return model


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "digits.keras", tmp_path / "letters.keras"]
    weld.save(make(0, 8, 3), paths[0])
    weld.save(make(1, 8, 5, None, keras.losses.SparseCategoricalCrossentropy(from_logits=True)), paths[1])
    return paths


@pytest.mark.usefixtures("fresh_process")
def test_the_file_has_an_output_for_each_model_and_says_what_they_mean(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "both.keras"
    x = np.random.default_rng(0).normal(size=(7, 6)).astype("float32")
    model = weld.branch(files, backbone=files[1], out=out)
    again = keras.saving.load_model(out)
    letters = keras.saving.load_model(files[1], compile=False)
    found = again(x)
    np.testing.assert_array_equal(*(np.asarray(keras.ops.convert_to_numpy(y)) for y in (found["letters"], letters(x))))
    assert list(found) == ["digits", "letters"]
    summary = weld.inspect(out).summary
    assert {port.name: str(port.meaning and port.meaning.kind) for port in summary.outputs} == {
        "digits": "class probabilities",
        "letters": "class logits",
    }
    known = weld.lineage(model) or {}
    assert known["parameters"]["backbone"] == "letters"
    assert known["parameters"]["new_layers"] == []
    assert known["notes"] == [
        "The backbone is that of letters, up to deep: features of shape (batch, 8).",
        "Trained on other features than those of letters: the heads of digits. Train them on the backbone before use, "
        "unless the models share it.",
    ]


def test_new_heads_are_told_and_nothing_is_said_of_training_them_again(files: list[Path]) -> None:
    known = weld.lineage(weld.branch(files, heads="new", names=["d", "l"])) or {}
    assert known["parameters"]["new_layers"] == ["l"]
    assert known["notes"][1:] == [
        "l is a new head (5, linear): that was asked for.",
        "New and untrained: l. Train with weld tune, or give data now.",
    ]
    assert known["gives"] == {"d": "class probabilities", "l": "class logits"}


def test_a_new_head_of_unknown_meaning_is_told_to_be_linear(files: list[Path]) -> None:
    unknown = make(3, 4, 2, None)
    guess = "What other means is not told by the file, so its new head is linear: if it gives probabilities, say so "
    for said, told in (({}, True), ({"other": "logits"}, False)):
        made = weld.branch([files[0], unknown], heads="new", names=["d", "other"], outputs=said)
        assert (guess in str((weld.lineage(made) or {})["notes"])) is told


def test_what_is_said_against_a_file_is_told(files: list[Path]) -> None:
    known = weld.lineage(weld.branch(files, heads="new", outputs={"letters": "probabilities"})) or {}
    assert known["gives"]["letters"] == "class probabilities"
    assert known["notes"][-2].startswith(
        "letters is taken to give probabilities, as you say; by its file it gives logits of 5 classes (no activation in"
    )


def test_what_makes_no_sense_is_told_and_nothing_is_written(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "both.keras"
    with pytest.raises(UsageError, match="a model that there is not") as caught:
        weld.branch(files, backbone="numbers", out=out)
    assert (caught.value.expected, caught.value.found) == ("digits, letters", "numbers")
    for name, file in zip(("digits", "letters"), files, strict=True):
        with pytest.raises(UsageError, match="has no layer 'depth'") as layer:
            weld.branch(files, at={name: "depth"}, out=out)
        assert layer.value.file == str(file)
    with pytest.raises(UsageError, match="nothing to merge"):
        weld.branch([], out=out)
    with pytest.raises(UsageError, match="A composed model is written whole"):
        weld.branch(files, out=tmp_path / "both.weights.h5")
    maps = keras.Sequential([keras.Input((9, 9, 3)), layers.Conv2D(2, 3), layers.Conv2D(2, 1)], name="maps")
    with pytest.raises(IncompatibleModelsError, match="not be made anew either"):
        weld.branch([files[0], maps], out=out)
    assert not out.exists()


def test_the_command_says_what_it_did(files: list[Path], tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    out = tmp_path / "both.keras"
    done = weld_here("branch", *files, "-o", out, "--heads", "new", check=True)
    assert done.stdout.splitlines() == [
        f"Wrote {out}: the heads of 2 models; plain Keras loads it and predicts the same.",
        "Note: The backbone is that of digits, up to deep: features of shape (batch, 8).",
        "Note: letters is a new head (5, linear): that was asked for.",
        "Note: New and untrained: letters. Train with weld tune, or give data now.",
    ]
    assert done.stderr == ""
    said = json.loads(weld_here("branch", *files, "-o", out, "--backbone", "letters", "--json", check=True).stdout)
    assert (said["path"], said["method"]) == (str(out), "branch")
    assert said["parameters"]["heads"] == {"digits": "own", "letters": "own"}
    refused = weld_here("branch", *files, "-o", tmp_path / "no.keras", "--at", "deep")
    assert refused.returncode == 2
    assert "--at names a model and, after a colon, what holds for it" in refused.stderr
    assert not (tmp_path / "no.keras").exists()


def accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray, output: str | None = None) -> float:
    found = model.predict_on_batch(x)
    return 100 * float((np.asarray(found if output is None else found[output]).argmax(1) == y).mean())


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trained models of one input, and data with a target for each, under names that are in no order."""
    folder = tmp_path_factory.mktemp("toys")
    random = np.random.default_rng(1)
    arrays: dict[str, np.ndarray] = {}
    for split, count in (("train", 400), ("val", 100), ("test", 200)):
        x = random.normal(size=(count, 6)).astype("float32")
        arrays |= {f"thing_{split}": x, f"shape_{split}": (x[:, 0] > 0) + (x[:, 1] > 0.5).astype(int)}
        arrays[f"colour_{split}"] = (x[:, 2] + x[:, 3] > 0).astype(int)
    np.savez(folder / "toys.npz", **arrays)
    for seed, (name, classes) in enumerate({"shape": 3, "colour": 2}.items()):
        model = make(seed, 16, classes)
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(arrays["thing_train"], arrays[f"{name}_train"], epochs=20, verbose=0)
        weld.save(model, folder / f"{name}.keras")
    return folder


@pytest.mark.parametrize("keys", ["thing,shape+colour", "thing,colour+shape"])
def test_with_data_the_heads_are_trained_and_each_is_judged_against_its_own_model(toys: Path, keys: str) -> None:
    models = [toys / "shape.keras", toys / "colour.keras"]
    made = weld.branch(models, data=f"{toys / 'toys.npz'}:{keys}", stages="head:8@1e-2", out=toys / "both.keras")
    known = weld.lineage(made) or {}
    assert known["parameters"]["new_layers"] == []
    assert known["parameters"]["head_layers"] == ["shape", "colour"]
    assert not any("other features" in note for note in known["notes"])
    assert sorted(path.split("/")[0] for path in known["stages"][0]["layers"]) == ["colour", "shape"]
    arrays = np.load(toys / "toys.npz")
    told = {one["model"]: one for one in known["evaluations"]}
    assert sorted(told) == ["both.keras:colour", "both.keras:shape"]
    for name in ("shape", "colour"):
        own, source = told[f"both.keras:{name}"]["splits"][-1]["rows"]
        x, y = arrays["thing_test"], arrays[f"{name}_test"]
        assert own["value"] == pytest.approx(accuracy(made, x, y, name))
        assert source["model"] == f"{name}.keras"
        assert source["value"] == pytest.approx(accuracy(weld.load(toys / f"{name}.keras"), x, y))
        # Asked for by name, the evaluation of the file finds the same.
        again = weld.evaluate(
            toys / "both.keras", [toys / f"{name}.keras"], data=f"{toys / 'toys.npz'}:{keys}", output=name
        )
        assert [row.value for row in again.splits[-1].rows] == pytest.approx([own["value"], source["value"]])
    assert told["both.keras:shape"]["splits"][-1]["rows"][0]["value"] > 80


def test_with_targets_for_one_task_its_head_alone_is_trained(toys: Path) -> None:
    models = [toys / "shape.keras", toys / "colour.keras"]
    data = f"{toys / 'toys.npz'}:thing,colour"
    made = weld.branch(models, data=data, stages="head:8@1e-2,all:2@1e-2")
    known = weld.lineage(made) or {}
    assert [[path.split("/")[0] for path in stage["layers"]] for stage in known["stages"]] == [["colour"]] * 2
    assert list(known["parameters"]["training"]["losses"]) == ["colour"]
    assert (
        "The data has targets for colour alone: shape is left as it is, and so is all that it comes from."
        in (known["notes"])
    )
    assert not any("other features" in note for note in known["notes"])
    arrays = np.load(toys / "toys.npz")
    x = arrays["thing_test"]
    shape = weld.load(models[0]).predict_on_batch(x)
    np.testing.assert_allclose(made.predict_on_batch(x)["shape"], shape, atol=1e-6)
    told = {one["model"]: one for one in known["evaluations"]}
    assert list(told) == ["branched:colour"]
    own = told["branched:colour"]["splits"][-1]["rows"][0]["value"]
    assert own == pytest.approx(accuracy(made, x, arrays["colour_test"], "colour"))
    untrained = weld.branch(models)
    assert own > accuracy(untrained, x, arrays["colour_test"], "colour")


@pytest.mark.parametrize(
    ("keys", "stages", "untrained"),
    [
        ("thing,shape+colour", "head:2@1e-2", None),
        ("thing,shape", "all:1@1e-2", "colour"),
        ("thing,colour", "head:1@1e-12", "colour"),
    ],
)
def test_new_heads_that_were_trained_are_not_called_untrained(
    toys: Path, keys: str, stages: str, untrained: str | None
) -> None:
    models = [toys / "shape.keras", toys / "colour.keras"]
    notes = (weld.lineage(weld.branch(models, heads="new", data=f"{toys / 'toys.npz'}:{keys}", stages=stages)) or {})[
        "notes"
    ]
    told = [note for note in notes if "untrained" in note]
    assert told == (
        [] if untrained is None else [f"New and untrained: {untrained}. Train with weld tune, or give data now."]
    )


def test_a_head_that_had_no_targets_is_told_to_need_training(toys: Path) -> None:
    models = [toys / "colour.keras", toys / "shape.keras"]
    made = weld.branch(models, data=f"{toys / 'toys.npz'}:thing,colour", stages="head:1@1e-2")
    assert any(
        note.startswith("Trained on other features than those of colour: the heads of shape")
        for note in (weld.lineage(made) or {})["notes"]
    )
    with pytest.raises(weld.WeldError, match="another number of targets than the model has outputs") as caught:
        weld.branch(models, names=["a", "b"], data=f"{toys / 'toys.npz'}:thing,colour")
    assert "under their names, some outputs alone" in str(caught.value.remedy)
    with pytest.raises(weld.WeldError, match="No layer that can be trained is called 'colour_backbone'"):
        weld.branch(models, data=f"{toys / 'toys.npz'}:thing,shape", stages="colour_backbone:1@1e-2")


def test_an_output_is_not_judged_by_the_targets_of_another(toys: Path) -> None:
    made = weld.branch([toys / "shape.keras", toys / "colour.keras"])
    with pytest.raises(weld.WeldError, match="The data has no targets for the output shape") as caught:
        weld.evaluate(made, data=f"{toys / 'toys.npz'}:thing,colour", output="shape")
    assert caught.value.found == "colour"


def test_a_source_that_takes_other_inputs_is_not_judged_and_that_is_told(toys: Path) -> None:
    wide = keras.Sequential([keras.Input((9,)), layers.Dense(16), layers.Dense(2, activation="softmax")], name="wide")
    data = f"{toys / 'toys.npz'}:thing,shape+colour"
    made = weld.branch([toys / "shape.keras", wide], names=["shape", "colour"], data=data, stages="head:1@1e-2")
    known = weld.lineage(made) or {}
    assert [one["model"] for one in known["evaluations"]] == ["branched:shape"]
    assert any(note.startswith("The output colour was not judged against its sources:") for note in known["notes"])


def test_the_command_trains_and_judges(toys: Path, tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    words = ["branch", toys / "shape.keras", toys / "colour.keras", "-o", tmp_path / "out.keras"]
    words += ["--data", f"{toys / 'toys.npz'}:thing,shape+colour", "--stages", "head:2@1e-2"]
    done = weld_here(*words, check=True)
    assert "the heads of 2 models" in done.stdout
    lines = [line for line in done.stdout.splitlines() if line.startswith("  out.keras:")]
    assert sorted(line.split()[0] for line in lines) == ["out.keras:colour"] * 2 + ["out.keras:shape"] * 2
    said = json.loads(weld_here(*words, "--json", check=True).stdout)
    assert len(said["evaluations"]) == 2
