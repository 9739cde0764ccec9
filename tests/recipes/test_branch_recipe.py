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
    assert known["notes"][1:] == ["l is a new head, untrained (5, linear): that was asked for."]
    assert known["gives"] == {"d": "class probabilities", "l": "class logits"}


def test_what_makes_no_sense_is_told_and_nothing_is_written(files: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "both.keras"
    with pytest.raises(UsageError, match="a model that there is not") as caught:
        weld.branch(files, backbone="numbers", out=out)
    assert (caught.value.expected, caught.value.found) == ("digits, letters", "numbers")
    with pytest.raises(UsageError, match="has no layer 'depth'"):
        weld.branch(files, at={"digits": "depth"}, out=out)
    with pytest.raises(UsageError, match="nothing to branch"):
        weld.branch([], out=out)
    with pytest.raises(UsageError, match="A composed model is written whole"):
        weld.branch(files, out=tmp_path / "both.weights.h5")
    maps = keras.Sequential([keras.Input((9, 9, 3)), layers.Conv2D(2, 3), layers.Conv2D(2, 1)], name="maps")
    with pytest.raises(IncompatibleModelsError, match="not be made anew either"):
        weld.branch([files[0], maps], out=out)
    assert not out.exists()


def test_the_command_says_what_it_did(files: list[Path], tmp_path: Path, run_weld: Callable[..., Any]) -> None:
    out = tmp_path / "both.keras"
    done = run_weld("branch", *files, "-o", out, "--heads", "new", check=True)
    assert done.stdout.splitlines() == [
        f"Wrote {out}: the heads of 2 models; plain Keras loads it and predicts the same.",
        "Note: The backbone is that of digits, up to deep: features of shape (batch, 8).",
        "Note: letters is a new head, untrained (5, linear): that was asked for.",
    ]
    assert done.stderr == ""
    said = json.loads(run_weld("branch", *files, "-o", out, "--backbone", "letters", "--json", check=True).stdout)
    assert (said["path"], said["method"]) == (str(out), "branch")
    assert said["parameters"]["heads"] == {"digits": "own", "letters": "own"}
    refused = run_weld("branch", *files, "-o", tmp_path / "no.keras", "--at", "deep")
    assert refused.returncode == 2
    assert "--at names a model and, after a colon, what holds for it" in refused.stderr
    assert not (tmp_path / "no.keras").exists()
