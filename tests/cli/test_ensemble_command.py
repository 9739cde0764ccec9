"""`weld ensemble` on the command line: what it says, its JSON, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from keras_weld.checks.meaning import Kind
from keras_weld.cli.composing import parse_outputs
from keras_weld.cli.ensemble import REDUCE, UNKNOWN, command
from keras_weld.cli.main import app
from keras_weld.compose.labels import UNKNOWN_RULES
from keras_weld.errors import UsageError
from keras_weld.recipes.answers import KIND_OF
from keras_weld.recipes.said import WORDS


def test_outputs_are_read_as_they_are_meant() -> None:
    assert parse_outputs([]) == {}
    assert parse_outputs(["logits"]) == "logits"
    assert parse_outputs(["a:logits", "b:values"]) == {"a": "logits", "b": "values"}
    for given in (["a:logits", "values"], ["a:logits", "a:values"], ["a:"]):
        with pytest.raises(UsageError, match="--outputs names a model"):
            parse_outputs(given)


def test_the_words_are_those_of_the_library() -> None:
    assert UNKNOWN == UNKNOWN_RULES
    assert [word.replace("-", " ") for word in WORDS] == list(KIND_OF)
    assert set(KIND_OF.values()) == set(Kind) - {Kind.OPEN, Kind.FEATURES, Kind.UNKNOWN}


@pytest.mark.keras
def test_the_ways_to_reduce_are_those_of_the_library() -> None:
    from keras_weld.compose.reducers import REDUCERS

    assert list(REDUCERS) == list(REDUCE)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--weights", "a,b"], "The weights are numbers with commas between them."),
        (["--outputs", "a:logits", "--outputs", "b"], "--outputs names a model and, after a colon, what holds for it"),
        (["--reduce", "median"], "'median' is not one of 'mean', 'weighted'"),
        (["--size", "9"], "A size is given as height x width."),
    ],
)
def test_options_that_make_no_sense_are_told_before_keras_is_started(options: list[str], said: str) -> None:
    done = CliRunner().invoke(app, ["ensemble", "a.keras", "b.keras", "-o", "out.keras", *options])
    assert done.exit_code == 2
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "labels"),
    [
        (["a", "b", "--labels", "x", "y"], "xy"),
        (["a", "b", "-o", "o", "--labels", "x", "y", "--json"], "xy"),
        (["a", "b", "--labels", "x", "--labels", "y"], "xy"),
        (["-o", "o", "--labels", "x", "a", "b"], "x"),
        (["--labels", "x", "--labels", "y", "a", "b"], "xy"),
    ],
)
def test_labels_are_given_at_once_or_one_by_one(words: list[str], labels: str) -> None:
    with command.make_context("ensemble", words if "-o" in words else [*words, "-o", "o"]) as context:
        assert [str(one) for one in context.params["labels"]] == list(labels)
        assert list(context.params["models"]) == ["a", "b"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, one with logits, their labels, and data."""
    import keras

    import keras_weld as weld

    made = tmp_path_factory.mktemp("ensemble")
    for name, activation in (("a", "softmax"), ("b", None)):
        keras.utils.set_random_seed(len(name) + (activation is None))
        layers = [keras.layers.Dense(8, activation="tanh"), keras.layers.Dense(3, activation=activation, name="kind")]
        weld.save(keras.Sequential([keras.Input((5,), name="x"), *layers]), made / f"{name}.keras")
    (made / "a.txt").write_text("cat\ndog\nhen\n")
    (made / "b.txt").write_text("hen\ndog\ncat\n")
    random = np.random.default_rng(0)
    np.savez(made / "val.npz", x=random.normal(size=(150, 5)).astype("float32"), y=random.integers(0, 3, 150))
    return made


@pytest.mark.keras
def test_it_says_what_it_wrote_and_how_good_it_is(folder: Path, tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    words = ["ensemble", folder / "a.keras", folder / "b.keras", "-o", tmp_path / "out.keras", "--outputs", "b:logits"]
    words += ["--labels", folder / "a.txt", "--labels", folder / "b.txt", "--data", folder / "val.npz"]
    done = weld_here(*words, check=True)
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        f"Wrote {tmp_path / 'out.keras'}: the answers of 2 models; plain Keras loads it and predicts the same.",
        "Note: b gives logits: they go through a softmax first.",
        "Note: The classes of b are put in the order of a.",
    ]
    assert any(line.startswith("  out.keras ") and "%" not in line for line in lines)
    assert "150 examples" in done.stdout
    assert "out.keras" in lines[-1]
    assert done.stderr == ""


@pytest.mark.keras
def test_json_tells_the_same(folder: Path, tmp_path: Path, weld_here: Callable[..., Any]) -> None:
    words = ["ensemble", folder / "a.keras", folder / "b.keras", "-o", tmp_path / "out.keras", "--outputs", "b:logits"]
    data = ["--calibrate", folder / "val.npz", "--fit-weights", folder / "val.npz", "--data", folder / "val.npz"]
    said = json.loads(weld_here(*words, *data, "--json", check=True).stdout)
    assert said["path"] == str(tmp_path / "out.keras")
    assert said["method"] == "ensemble"
    assert said["parameters"]["reduce"] == "weighted"
    assert sum(source["weight"] for source in said["sources"]) == pytest.approx(1)
    assert len(said["parameters"]["temperatures"]) == 2
    assert [row["model"] for row in said["evaluations"][0]["splits"][0]["rows"]] == [
        *("out.keras", "a.keras", "b.keras")
    ]


@pytest.mark.keras
def test_a_refusal_names_file_layer_and_remedy_and_writes_nothing(
    folder: Path, tmp_path: Path, weld_here: Callable[..., Any]
) -> None:
    done = weld_here("ensemble", folder / "a.keras", folder / "b.keras", "-o", tmp_path / "out.keras")
    assert done.returncode == 2
    assert "What the output means is not told by the file" in done.stderr
    assert f"file:     {folder / 'b.keras'}" in done.stderr
    assert "layer:    kind" in done.stderr
    assert "--outputs b:logits" in done.stderr
    assert list(tmp_path.iterdir()) == []
