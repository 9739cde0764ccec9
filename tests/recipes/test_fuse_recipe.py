"""Fusing saved models: what is written loads anywhere, tells its lineage, and nothing bad gets a name."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import custom_parts  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402
from zoo import ZOO, batch_for, outputs_of  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.io.read import open_model  # noqa: E402
from keras_weld.recipes.judged import as_lineage, evaluations_in  # noqa: E402
from keras_weld.recipes.proof import prove  # noqa: E402

FRESH = pytest.mark.usefixtures("fresh_process")
CUSTOM = "custom_parts:Tower"


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    made = []
    for kind in ("mlp", "nested"):
        ZOO[kind]().save(tmp_path / f"{kind}.keras")
        made.append(tmp_path / f"{kind}.keras")
    return made


@pytest.fixture
def in_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that a person with classes of their own would stand in."""
    monkeypatch.chdir(Path(custom_parts.__file__).parent)


def tail(model: keras.Model) -> list[np.ndarray]:
    return [np.asarray(value) for value in model.get_weights()]


@pytest.mark.parametrize("merge", [weld.fuse, weld.ensemble, weld.branch])
def test_an_architecture_without_its_weights_is_refused(
    merge: Callable[..., keras.Model], files: list[Path], tmp_path: Path
) -> None:
    bare = tmp_path / "bare.json"
    bare.write_text(ZOO["mlp"]().to_json())
    with pytest.raises(weld.WeldError, match="its weights would be new, random ones") as caught:
        merge([files[0], bare])
    assert caught.value.file == str(bare)
    assert "load its weights, and save it" in caught.value.remedy


def test_the_file_tells_where_it_came_from(files: list[Path], tmp_path: Path) -> None:
    model = weld.fuse(files, classes=3, head=4, out=tmp_path / "fused.keras")
    with open_model(tmp_path / "fused.keras") as state:
        told = state.metadata["lineage"]
    assert told == json.loads(json.dumps(weld.lineage(model)))
    assert told["method"] == "fuse"
    assert [source["path"] for source in told["sources"]] == [str(file) for file in files]
    assert [source["sha256"] for source in told["sources"]] == [
        hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    ]
    assert told["parameters"]["new_layers"] == ["head", "fused"]
    assert told["notes"][-1].startswith("The new head is untrained")
    assert weld.lineage(ZOO["mlp"]()) is None


@FRESH
def test_plain_keras_loads_the_file_and_predicts_the_same(files: list[Path], tmp_path: Path) -> None:
    model = weld.fuse(files, classes=3, out=tmp_path / "fused.keras")
    again = keras.saving.load_model(tmp_path / "fused.keras")
    batch = batch_for(model)
    for one, other in zip(outputs_of(model, batch), outputs_of(again, batch), strict=True):
        np.testing.assert_array_equal(one, other)
    assert [layer.name for layer in again.layers][1:3] == ["mlp", "nested"]


def test_sources_are_copied(files: list[Path]) -> None:
    live = keras.saving.load_model(files[0])
    before = tail(live)
    model = weld.fuse([live, files[1], live], classes=2)
    model.set_weights([value + 1 for value in model.get_weights()])
    for one, other in zip(before, tail(live), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_number_of_classes_is_that_of_the_output_that_is_named(files: list[Path], tmp_path: Path) -> None:
    inputs = keras.Input((12,))
    hidden = layers.Dense(5, activation="relu")(inputs)
    two = layers.Dense(4, activation="softmax", name="kind")(hidden)
    keras.Model(inputs, [layers.Dense(2, activation="softmax", name="sex")(hidden), two]).save(tmp_path / "two.keras")
    sources = [files[0], tmp_path / "two.keras"]
    assert weld.fuse(sources, output={"two": "kind"}).outputs[0].shape == (None, 4)
    with pytest.raises(weld.WeldError, match="How many classes") as caught:
        weld.fuse(sources)
    assert caught.value.found == "mlp: 4, two: not told"
    assert "--output two:sex (of sex, kind)" in str(caught.value.remedy)
    with pytest.raises(weld.WeldError, match="has no such output") as caught:
        weld.fuse(sources, output={"two": "age"})
    assert caught.value.expected == "sex, kind"


@FRESH
def test_a_class_of_ones_own(in_tests: None, files: list[Path], tmp_path: Path) -> None:
    ZOO["subclassed"]().save(tmp_path / "tower.keras")
    out = tmp_path / "out.keras"
    model = weld.fuse([files[0], tmp_path / "tower.keras"], classes=2, custom_objects=[CUSTOM], out=out)
    assert weld.lineage(model)["notes"][0].startswith("tower is of a class of its own")
    again = weld.load(out, custom_objects=[CUSTOM])
    batch = batch_for(model)
    np.testing.assert_array_equal(outputs_of(model, batch)[0], outputs_of(again, batch)[0])
    live = weld.fuse([ZOO["subclassed"](), files[0]], classes=2, out=out)  # its class is known from the model
    assert len(weld.lineage(live)["sources"]) == 2


@FRESH
def test_a_class_from_a_folder_that_only_this_process_knows_is_found_again(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib" / "parts_of_mine"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    source = "import keras\n\n\nclass Twice(keras.layers.Layer):\n    def call(self, x):\n        return 2 * x\n"
    (package / "scaling.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path / "lib")
    twice = importlib.import_module("parts_of_mine.scaling").Twice
    model = keras.Sequential([keras.Input((12,)), twice(), layers.Dense(3, activation="relu"), layers.Dense(4)])
    made = weld.fuse([files[0], model], classes=2, out=tmp_path / "out.keras")
    again = weld.load(tmp_path / "out.keras", custom_objects=[twice])
    batch = batch_for(made)
    np.testing.assert_array_equal(outputs_of(made, batch)[0], outputs_of(again, batch)[0])


@FRESH
def test_a_class_that_would_not_load_is_found_before_anything_is_written(
    in_tests: None, files: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out.keras"
    out.write_text("precious")
    lost = keras.Sequential([keras.Input((12,)), custom_parts.Forgetful(custom_parts.TABLE), layers.Dense(2)])
    with pytest.raises(weld.WeldError, match="cannot be saved and loaded again") as caught:
        weld.fuse([files[0], lost], classes=2, out=out)
    assert "NotImplementedError" in str(caught.value.found)
    silent = keras.Sequential([keras.Input((12,)), custom_parts.Silent(5.0), layers.Dense(6), layers.Dense(2)])
    made = weld.fuse([files[0], keras.Sequential([keras.Input((12,)), layers.Dense(3), layers.Dense(2)])], classes=2)
    saved = tmp_path / "silent.keras"
    silent.save(saved)
    with pytest.raises(weld.WeldError, match="does not predict what the live model does") as caught:
        prove(saved, silent, custom=["custom_parts:Silent"])
    assert "apart" in str(caught.value.found)
    assert out.read_text() == "precious"
    assert made.name == "fused_model"


def test_a_class_that_no_other_process_finds_is_refused(files: list[Path], tmp_path: Path) -> None:
    class Local(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    model = keras.Sequential([keras.Input((12,)), layers.Dense(3), Local(), layers.Dense(2)])
    assert weld.fuse([model, files[0]], classes=2).name == "fused_model"  # in this process all is well
    with pytest.raises(weld.WeldError, match="no other process can import it") as caught:
        weld.fuse([model, files[0]], classes=2, out=tmp_path / "out.keras")
    assert caught.value.layer == "Local"
    assert not (tmp_path / "out.keras").exists()


def test_what_takes_long_is_told_while_it_goes_on(files: list[Path], tmp_path: Path) -> None:
    out, told = tmp_path / "out.keras", []
    options: dict[str, Any] = {"out": out, "progress": lambda done, total, what: told.append((done, total, what))}
    begun = [(0, 2, "Loading mlp"), (1, 2, "Loading nested")]
    ended = (0, 1, "Writing out.keras, and loading it in a fresh process")
    weld.fuse(files, classes=2, **options)
    assert told == [*begun, ended]
    told.clear()
    held = (np.zeros((8, 12), "float32"), np.arange(8) % 4)
    weld.ensemble(files, outputs={"nested": "logits"}, calibrate=held, **options)
    assert told == [*begun, (0, 1, "Asking the models on held-out data"), ended]
    told.clear()
    weld.branch(files, **options)
    assert told == [*begun, ended]
    told.clear()
    weld.tune(files[0], pictures(40, 1), stages="all:1@1e-3", **options)
    assert (told[0], told[-1]) == ((0, 1, "Loading mlp"), ended)
    assert "Stage 1 of 1, all" in told[1][-1]


def test_only_a_whole_model_is_written(files: list[Path], tmp_path: Path) -> None:
    for name in ("out.weights.h5", "out.weights.json"):
        with pytest.raises(weld.WeldError, match="is written whole"):
            weld.fuse(files, classes=2, out=tmp_path / name)


@pytest.mark.parametrize("name", ["fused.h5", "fused", "fused.weights.json"])
def test_another_name_than_that_of_a_whole_model_is_refused_as_such(files: list[Path], name: str) -> None:
    with pytest.raises(weld.WeldError, match="A composed model is written whole") as caught:
        weld.fuse(files, classes=2, out=name)
    assert caught.value.expected == "a name ending in .keras"


def test_saving_again_keeps_the_lineage_in_every_format(files: list[Path], tmp_path: Path) -> None:
    model = weld.fuse(files, classes=2)
    for name in ("again.keras", "again.weights.h5", "again.weights.json"):
        weld.save(model, tmp_path / name)
        with open_model(tmp_path / name) as state:
            assert state.metadata["lineage"]["method"] == "fuse", name


def test_the_command_says_what_it_did(files: list[Path], tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    out = tmp_path / "fused.keras"
    done = weld_here("fuse", *files, "-o", out, "--classes", 3, "--head", "8,4", "--names", "a,b", check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == f"Wrote {out}: the features of 2 models; plain Keras loads it and predicts the same."
    assert lines[-1] == "Note: The new head is untrained: train it with weld tune, or give data now."
    assert done.stderr == ""
    said = json.loads(weld_here("fuse", *files, "-o", out, "--classes", 3, "--json", check=True).stdout)
    assert (said["path"], said["method"]) == (str(out), "fuse")


def test_the_command_refuses_in_words(files: list[Path], tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    out = ("-o", tmp_path / "out.keras", "--classes", "2")
    for options, said in (
        (("--at", "mlp"), "--at names a model and, after a colon, what holds for it"),
        (("--at", "x:dense"), "An option is given for a model that there is not."),
        (("--head", "8,x"), "The head is given as widths"),
        (("--size", "8"), "A size is given as height x width."),
        (("--range", "mlp:0..9"), "There is no such range of pixels."),
    ):
        done = weld_here("fuse", *files, *out, *options)
        assert done.returncode == 2
        assert said in done.stderr
    assert not (tmp_path / "out.keras").exists()


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    x = random.uniform(0, 1, (count, 12)).astype("float32")
    return x, (x[:, :4].argmax(1)).astype("int64")


def trained(width: int) -> keras.Model:
    keras.utils.set_random_seed(width)
    stack = [layers.Dense(width, activation="relu"), layers.Dense(4, activation="softmax")]
    model = keras.Sequential([keras.Input((12,)), *stack], name=f"w{width}")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(*pictures(400, 1), epochs=10, verbose=0)
    return model


def test_with_data_it_is_trained_and_judged_against_its_best_source_as_that_was(tmp_path: Path) -> None:
    sources = [trained(8), trained(24)]
    parts = {"train": pictures(400, 2), "val": pictures(100, 3), "test": pictures(200, 4)}
    np.savez(
        tmp_path / "data.npz",
        **{f"{letter}_{name}": part[n] for name, part in parts.items() for n, letter in enumerate("xy")},
    )
    stages = "head:4@1e-2,all:4@1e-2"  # the second one changes the sources' own layers in the fused model
    made = weld.fuse(sources, data=tmp_path / "data.npz", stages=stages, out=tmp_path / "out.keras")
    known = weld.lineage(made) or {}
    with open_model(tmp_path / "out.keras") as state:
        assert state.metadata["lineage"]["evaluations"] == known["evaluations"]
    (told,) = known["evaluations"]
    assert (told["chosen_on"], told["judged_on"]) == ("validation", "test")
    x, y = parts["test"]
    rows = told["splits"][-1]["rows"]
    assert [row["model"] for row in rows] == ["out.keras", "w8", "w24"]
    for row, model in zip(rows, [made, *sources], strict=True):
        assert row["value"] == pytest.approx(100 * (model.predict_on_batch(x).argmax(1) == y).mean())
    assert told["verdict"] in ("better", "no worse", "worse", "cannot tell")
    assert as_lineage(evaluations_in(known)) == known["evaluations"]
    rows[0]["value"] = None  # what JSON has no number for
    assert math.isnan(evaluations_in(known)[0].splits[-1].rows[0].value)


def test_sources_that_tell_other_classes_apart_are_not_judged_and_that_is_told() -> None:
    x, y = pictures(300, 2)
    made = weld.fuse([trained(8), trained(8)], names=["a", "b"], classes=2, data=(x, y // 2), stages="head:1@1e-2")
    known = weld.lineage(made) or {}
    assert "evaluations" not in known
    assert known["notes"][-1].startswith("It was not judged against its sources: ")


def test_the_command_shows_stages_and_verdict(tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    for width in (8, 24):
        weld.save(trained(width), tmp_path / f"w{width}.keras")
    np.savez(tmp_path / "data.npz", **dict(zip("xy", pictures(300, 2), strict=True)))
    words = ["fuse", tmp_path / "w8.keras", tmp_path / "w24.keras", "-o", tmp_path / "out.keras"]
    done = weld_here(*words, "--data", tmp_path / "data.npz", "--stages", "head:2@1e-2", check=True)
    lines = done.stdout.splitlines()
    assert any(line.split()[:2] == ["1", "head"] for line in lines)
    assert "There are no test examples (x_test, y_test)" in done.stdout
    assert [line.split()[0] for line in lines if line.startswith("  ") and ".keras" in line] == [
        *("out.keras", "w8.keras", "w24.keras")
    ]
    assert "out.keras" in lines[-1]


def test_a_live_model_whose_copy_predicts_something_else_is_refused(files: list[Path], tmp_path: Path) -> None:
    silent = keras.Sequential(
        [keras.Input((12,)), custom_parts.Silent(5.0), layers.Dense(6), layers.Dense(4, "softmax")]
    )
    for compose, options in ((weld.fuse, {"classes": 2}), (weld.ensemble, {}), (weld.branch, {})):
        with pytest.raises(weld.WeldError, match="does not predict what the model does") as caught:
            compose([silent, files[0]], out=tmp_path / "out.keras", **options)
        assert caught.value.layer == "Silent"
    with pytest.raises(weld.WeldError, match="does not predict what the model does"):
        weld.tune(silent, pictures(40, 1), stages="all:1@1e-3")
    assert not (tmp_path / "out.keras").exists()


def test_the_result_is_not_written_over_a_source(files: list[Path]) -> None:
    before = files[0].read_bytes()
    for compose in (weld.fuse, weld.ensemble, weld.branch):
        with pytest.raises(weld.WeldError, match="written over one of its sources") as caught:
            compose(files, out=files[0])
        assert caught.value.file == str(files[0])
    assert files[0].read_bytes() == before


def test_models_with_an_input_each_are_trained(tmp_path: Path) -> None:
    x, y = pictures(120, 2)
    made = weld.fuse([trained(8), trained(24)], inputs="separate", data=([x, x], y), stages="head:1@1e-2")
    known = weld.lineage(made) or {}
    assert known["stages"][0]["history"]
    assert len(known["evaluations"][0]["splits"][0]["rows"]) == 3
    two = ZOO["two_inputs"]()
    data = {"image": np.zeros((40, 8, 8, 1)), "age": np.ones((40, 3)), "kind": np.arange(40) % 4}
    np.savez(tmp_path / "two.npz", **data)
    tuned = weld.tune(two, f"{tmp_path / 'two.npz'}:age+image,kind", stages="head:1@1e-2")
    assert (weld.lineage(tuned) or {})["stages"][0]["history"]


def test_inspect_tells_of_stages_notes_and_verdict(tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    weld.fuse([trained(8), trained(24)], data=pictures(120, 2), stages="head:2@1e-2", out=tmp_path / "out.keras")
    shown = weld_here("inspect", tmp_path / "out.keras", check=True).stdout
    assert "  trained     head, 2 epochs at 0.01, kept\n" in shown
    assert "  told        The loss of fused is sparse_categorical_crossentropy" in shown
    assert "  judged      " in shown
