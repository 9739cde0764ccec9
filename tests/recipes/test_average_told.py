"""What `average` and `check` say of code in a model, of kernels of whole numbers, of sizes, and of empty names."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import handmade
import numpy as np
import pytest
from click.testing import CliRunner

from keras_weld.checks.finding import Finding
from keras_weld.cli.main import app
from keras_weld.errors import IncompatibleModelsError, ShapeMismatchError, UsageError, WrongKindError
from keras_weld.io.guard import scan_file
from keras_weld.io.read import open_model
from keras_weld.recipes.average import average
from keras_weld.recipes.check import check
from keras_weld.recipes.inspect import inspect


def found_for(purpose: str, *files: Path) -> tuple[Finding, ...]:
    return check(files, purpose=purpose).merge(purpose).findings


def with_code(file: Path, seed: int) -> Path:
    config = handmade.config()
    function = {"class_name": "__lambda__", "config": {"code": "4wA=", "defaults": None, "closure": None}}
    options = {"name": "twice", "function": function, "arguments": {}}
    code = {"module": "keras.layers", "class_name": "Lambda", "config": options, "registered_name": None}
    config["config"]["layers"].insert(1, code)
    return handmade.make_keras(file, handmade.tensors(seed), config=config)


def test_code_goes_into_an_average_told_and_once(tmp_path: Path) -> None:
    files = [with_code(tmp_path / f"{seed}.keras", seed) for seed in (0, 1)]
    (note,) = (note for note in average(files, tmp_path / "out.keras").notes if "code" in note)
    place = 'Lambda in layer "twice" (number 2 of "small")'
    assert note == (
        f"Warning: the result holds code, that of {files[0]}: {place}. Loading it runs that code with all your "
        "rights, and is refused without --unsafe (in Python: unsafe=True)."
    )
    (one,) = (one for one in found_for("average", *files) if "code" in one.text)
    assert (one.severity, one.file, one.found) == ("note", str(files[0]), place)
    warned = [one for one in found_for("fuse", *files) if "code" in one.text]
    assert [(one.file, one.found) for one in warned] == [(str(file), place) for file in files]
    assert inspect(files[0]).executable == (place,)


def test_weights_alone_hold_no_code(tmp_path: Path) -> None:
    files = [with_code(tmp_path / f"{seed}.keras", seed) for seed in (0, 1)]
    assert not any("code" in note for note in average(files, tmp_path / "out.weights.h5").notes)


@pytest.mark.parametrize(
    ("dtype", "problem", "remedy"),
    [
        ("int64", "A kernel holds whole numbers, which have no mean.", "Give the model as it was trained"),
        (
            "int8",
            "The models are quantised: whole numbers with a scale each have no mean.",
            "before they are quantised",
        ),
    ],
)
@pytest.mark.parametrize("swapped", [False, True])
def test_a_kernel_of_whole_numbers_is_told_of_the_file_that_has_it(
    tmp_path: Path, dtype: str, problem: str, remedy: str, swapped: bool
) -> None:
    values = handmade.tensors()
    fractions = handmade.make_keras(tmp_path / "fractions.keras", values)
    kernel = (values["layers/dense/vars/0"] * 100).astype(dtype)
    whole = handmade.make_keras(tmp_path / "whole.keras", {**values, "layers/dense/vars/0": kernel})
    files = [whole, fractions] if swapped else [fractions, whole]
    with pytest.raises(IncompatibleModelsError) as caught:
        average(files, tmp_path / "out.keras")
    error = caught.value
    assert (error.problem, error.file, error.layer, error.found) == (problem, str(whole), "hidden/kernel", dtype)
    assert remedy in str(error.remedy)
    (mixed,) = (one for one in found_for("average", *files) if "and fractions in the other" in one.text)
    assert remedy in str(mixed.remedy)


def sized(file: Path, size: int | None) -> Path:
    config = handmade.config()
    layers = config["config"]["layers"]
    layers[0]["config"]["batch_shape"] = [None, size, 6]
    return handmade.make_keras(file, handmade.tensors(), config=config)


def test_inputs_of_another_size_alone_are_told_as_such(tmp_path: Path) -> None:
    files = [sized(tmp_path / "a.keras", 8), sized(tmp_path / "b.keras", 9)]
    (warned,) = (one for one in found_for("average", *files) if one.severity == "warning" and one.layer == "given")
    assert warned.text.startswith("The models take inputs of other sizes; if all tensors fit, they can be averaged.")
    assert "weld evaluate" in str(warned.remedy)
    said = "Warning: the models take inputs of other sizes"
    assert any(note.startswith(said) for note in average(files, tmp_path / "out.keras").notes)


@pytest.mark.parametrize("kind", ["keras", "legacy"])
def test_a_width_that_contradicts_the_weights_is_shown_by_inspect_and_refused_by_check(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, wide = handmade.tensors(), handmade.config(hidden=500)
    honest, lying = (tmp_path / f"{name}{'.keras' if kind == 'keras' else '.h5'}" for name in ("a", "b"))
    if kind == "keras":
        handmade.make_keras(honest, values)
        handmade.make_keras(lying, values, config=wide)
    else:
        handmade.make_legacy(honest, values)
        monkeypatch.setattr(handmade, "config", lambda: wide)
        handmade.make_legacy(lying, values)
    assert inspect(honest).problems == ()
    assert inspect(lying).problems == (
        "A layer asks for a tensor of another shape than the file has stored (hidden/kernel; expected shape (?, 500), "
        "as the configuration says; found (6, 5), (5,))",
    )
    found = check([lying, lying])
    for merge in found.merges:
        refused = [one for one in merge.findings if one.text.startswith("A layer asks for a tensor of another shape")]
        assert not merge.possible
        assert (refused[0].file, refused[0].layer, refused[0].severity) == (str(lying), "hidden/kernel", "refusal")
        assert refused[0].expected == "shape (?, 500), as the configuration says"
    with pytest.raises(ShapeMismatchError, match="A layer asks for a tensor of another shape"):
        average([lying, lying], tmp_path / "out.keras")


def with_operation(file: Path, class_name: str) -> Path:
    """A whole-model `.h5` of Keras 3 in which an operation stands before the last layer."""
    handmade.make_legacy(file, handmade.tensors())
    tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 5], "keras_history": ["hidden", 0, 0]}}
    layers = [{key: one[key] for key in ("class_name", "config")} for one in handmade.config()["config"]["layers"]]
    layers[3:3] = [{"class_name": class_name, "config": {"name": "between"}}]
    for number, layer in enumerate(layers):
        layer["name"] = layer["config"]["name"]
        given = json.loads(json.dumps(tensor).replace("hidden", layers[number - 1]["name"])) if number else None
        layer["inbound_nodes"] = [{"args": [given], "kwargs": {}}] if number else []
    ends = {"input_layers": [["given", 0, 0]], "output_layers": [["out", 0, 0]]}
    inner = {"name": "small", "trainable": True, "layers": layers, **ends}
    with h5py.File(file, "r+") as content:
        content.attrs["model_config"] = json.dumps({"class_name": "Functional", "config": inner})
    return file


def test_an_operation_that_an_h5_does_not_tell_from_a_layer_is_refused_by_the_scan(tmp_path: Path) -> None:
    file = with_operation(tmp_path / "a.h5", "Relu")
    problem = "The file holds an operation of keras.ops and, as .h5, does not say so: Keras takes it for a layer."
    (told,) = inspect(file).problems
    assert told.startswith(f"{problem[:-1]} (between (Relu); expected a .keras file")
    with pytest.raises(WrongKindError, match=re.escape(problem)) as refused:
        scan_file(file)
    assert (refused.value.layer, refused.value.found) == ("between (Relu)", "no layer of Keras called Relu")
    found = check([file, file])
    assert [one.purpose for one in found.merges if one.possible] == ["average"]
    scan_file(file, custom={"Relu"}).close()  # a layer of one's own may have that name
    like_a_layer = with_operation(tmp_path / "b.h5", "Softmax")  # which Keras builds as the layer, and rightly
    assert inspect(like_a_layer).problems == ()


def test_a_layer_that_does_not_say_whether_it_is_trained_is_no_operation(tmp_path: Path) -> None:
    def is_operation(class_name: str, *, weights: bool = False) -> bool:
        file = with_operation(tmp_path / "m.h5", class_name)
        if weights:
            with h5py.File(file, "r+") as content:
                top = content["model_weights"]
                top.attrs["layer_names"] = [b"hidden", b"norm", b"between", b"out"]
                top.create_group("between").attrs["weight_names"] = [b"between/w"]
                top["between/between/w"] = np.ones(3, "float32")
        with open_model(file) as state:
            assert state.graph is not None
            return state.graph.layer("between").is_operation

    assert is_operation("Relu")
    assert not is_operation("Relu", weights=True)  # of one's own, then
    assert not is_operation("Discretization")
    assert not is_operation("my_package>Scale")


@pytest.mark.parametrize("command", ["inspect", "check"])
def test_an_empty_name_is_no_folder(command: str) -> None:
    done = CliRunner().invoke(app, [command, "", ""])
    assert done.exit_code == 2
    assert "an empty text names nothing" in done.output
    with pytest.raises(UsageError, match="not the path of a model"):
        check(["", ""])


@pytest.mark.parametrize(
    ("kind", "name", "better"),
    [
        ("weights", "a.keras", "a.weights.h5"),
        ("legacy", "a.keras", "a.h5"),
        ("legacy weights", "a.keras", "a.h5"),
        ("keras", "a.h5", "a.keras"),
        ("keras", "a.weights.h5", "a.keras"),
    ],
)
def test_the_name_that_is_advised_is_read(tmp_path: Path, kind: str, name: str, better: str) -> None:
    values, file = handmade.tensors(), tmp_path / name
    if kind == "weights":
        handmade.make_weights(file, values)
    elif kind == "keras":
        handmade.make_keras(file, values)
    else:
        handmade.make_legacy(file, values, with_config=kind == "legacy")
    with pytest.raises(WrongKindError) as caught:
        inspect(file)
    assert caught.value.remedy == f"Rename it, for example to {better}, or save it again."
    assert inspect(file.rename(tmp_path / better)).summary.parameters.total == sum(one.size for one in values.values())


def test_other_labels_advise_fusing_only_where_it_is_possible(tmp_path: Path) -> None:
    labels = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for file, words in zip(labels, ("a\nb\nc", "a\nb\nd"), strict=True):
        file.write_text(words)
    whole = [handmade.make_keras(tmp_path / f"{seed}.keras", handmade.tensors(seed)) for seed in (0, 1)]
    alone = [tmp_path / f"{seed}.weights.h5" for seed in (0, 1)]
    for seed, file in enumerate(alone):
        handmade.make_weights(file, handmade.tensors(seed))
    for files, remedy in ((whole, "; weld fuse takes these."), (alone, ".")):
        findings = check(files, labels=labels).merge("average").findings
        (one,) = (one for one in findings if one.text == "The models have different labels.")
        assert one.remedy == f"Merge models of the same classes{remedy}"
