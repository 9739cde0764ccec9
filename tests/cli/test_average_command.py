"""`weld average` on the command line: what it says and what it leaves."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_weld.cli.average import parse_weights
from keras_weld.errors import UsageError
from keras_weld.io.read import open_model

GOLDEN = Path(__file__).parents[1] / "golden"
MLP = GOLDEN / "keras3_0" / "mlp.keras"
OLD = GOLDEN / "keras2_15" / "mlp.weights.h5"


def kernel(file: Path) -> np.ndarray:
    with open_model(file) as state:
        return next(tensor.read().copy() for tensor in state.values())


def test_it_says_what_it_wrote_and_what_to_know(tmp_path: Path, run_weld: Callable[..., Any]) -> None:
    done = run_weld("average", MLP, OLD, "-o", tmp_path / "out.keras", "--weights", "0.75,0.25", check=True)
    lines = done.stdout.splitlines()
    assert lines[0] == f"Wrote {tmp_path / 'out.keras'}: 8 tensors of 2 models, shares 0.75, 0.25."
    assert "Note: The optimizer's state was left out: it belongs to no mean of weights." in lines
    assert all(line.startswith(("Note: ", "Warning: ")) for line in lines[1:])
    assert done.stderr == ""
    wanted = (0.75 * kernel(MLP).astype("f8") + 0.25 * kernel(OLD)).astype("f4")
    np.testing.assert_array_equal(kernel(tmp_path / "out.keras"), wanted)


def test_json_tells_the_same(tmp_path: Path, run_weld: Callable[..., Any]) -> None:
    done = run_weld("average", MLP, OLD, MLP, "-o", tmp_path / "out.weights.h5", "--json", check=True)
    said = json.loads(done.stdout)
    assert list(said) == ["path", "sources", "weights", "averaged", "copied", "notes"]
    assert said["path"] == str(tmp_path / "out.weights.h5")
    assert said["sources"] == [str(MLP), str(OLD), str(MLP)]
    assert said["weights"] == [1 / 3] * 3
    assert (said["averaged"], said["copied"]) == (8, [])
    assert done.stderr == ""


def test_the_last_files_are_named(tmp_path: Path, run_weld: Callable[..., Any]) -> None:
    files = [tmp_path / f"epoch-{number}.keras" for number in (9, 10, 1)]
    for file in files:
        shutil.copy(MLP, file)
    done = run_weld("average", *files, "-o", tmp_path / "out.keras", "--last", 2, check=True)
    assert "8 tensors of 2 models, equal shares." in done.stdout
    assert f"Taken: {files[0]}, {files[1]}" in done.stdout


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--weights", "0.5,0.4"], ["The weights do not sum to 1.", "0.5 + 0.4 = 0.9", "--normalize"]),
        (["--weights", "0.5;0.5"], ["The weights are numbers with commas between them.", "0.5;0.5"]),
        (["--weights", "1"], ["There must be one weight for each model.", "1: 1"]),
        (["--last", "3"], ["There are not as many models as --last asks for.", "a number from 1 to 2"]),
        (["--last", "0"], ["--last asks for fewer than one model.", "a number from 1 to 2"]),
        (["--method", "best"], ["There is no method called 'best'.", "linear"]),
        (["--limit", "json=1"], ["A limit is given as NAME=SIZE.", "json_bytes"]),
    ],
)
def test_options_that_make_no_sense_are_told(
    tmp_path: Path, run_weld: Callable[..., Any], options: list[str], said: list[str]
) -> None:
    done = run_weld("average", MLP, OLD, "-o", tmp_path / "out.keras", *options)
    assert done.returncode != 0
    text = " ".join(done.stderr.split())
    for one in said:
        assert one in text
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out.keras").exists()


def test_an_error_is_json_where_json_was_asked_for(tmp_path: Path, run_weld: Callable[..., Any]) -> None:
    done = run_weld("average", MLP, tmp_path / "none.keras", "-o", tmp_path / "out.keras", "--json")
    assert done.returncode != 0
    said = json.loads(done.stdout or done.stderr)
    assert said["error"] == "MissingFileError"
    assert said["file"] == str(tmp_path / "none.keras")


def test_a_file_that_is_no_model_is_told(tmp_path: Path, run_weld: Callable[..., Any]) -> None:
    (tmp_path / "cut.keras").write_bytes(MLP.read_bytes()[:5000])
    done = run_weld("average", MLP, tmp_path / "cut.keras", "-o", tmp_path / "out.keras")
    assert done.returncode != 0
    assert "The archive is cut short: its directory is missing." in done.stderr
    assert "cut.keras" in done.stderr
    assert not (tmp_path / "out.keras").exists()


def test_the_help_has_an_example(run_weld: Callable[..., Any]) -> None:
    said = run_weld("average", "--help", check=True).stdout
    for text in ("--weights", "--last", "--normalize", "--json", "weld average run-1.keras run-2.keras"):
        assert text in said


def test_weights_are_read_as_numbers() -> None:
    assert parse_weights("0.5,0.3, 0.2") == [0.5, 0.3, 0.2]
    assert parse_weights("-0.5,1.5") == [-0.5, 1.5]
    for text in ("", "a", "1,,2", "1 2"):
        with pytest.raises(UsageError):
            parse_weights(text)
