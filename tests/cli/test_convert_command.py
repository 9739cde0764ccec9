"""`weld convert`: what it says, and that it says it as JSON too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from keras_weld.cli.main import app

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

GOLDEN = Path(__file__).parents[1] / "golden"


def run(*words):
    return CliRunner().invoke(app, ["convert", *map(str, words)])


def test_new_file_is_told_with_what_was_left_out(weld_here, tmp_path):
    done = weld_here("convert", GOLDEN / "keras3_0" / "mlp.keras", tmp_path / "m.weights.h5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"Wrote {tmp_path / 'm.weights.h5'} (weights.h5) from ")
    assert lines[0].endswith("(keras, written by Keras 3.0.5).")
    assert "Note: The architecture was left out: this format has no place for it." in lines
    assert done.stderr == ""


def test_result_and_refusal_as_json(tmp_path):
    done = run(GOLDEN / "keras3_0" / "mlp.keras", tmp_path / "m.json", "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    assert (told["kind"], told["difference"]) == ("architecture", None)
    assert told["notes"] == ["The weights were left out: an architecture has none."]
    done = run(GOLDEN / "keras3_0" / "mlp.json", tmp_path / "m.keras", "--json")
    assert done.exit_code == 2
    told = json.loads(done.stdout)
    assert told["error"] == "UsageError"
    assert "An architecture has no weights" in told["problem"]


def test_comparison_is_told_with_what_the_original_could_not_do(tmp_path, monkeypatch):
    from keras_weld.recipes import convert
    from keras_weld.recipes.original import Compared

    compared = Compared(2e-8, guards=("a process of its own", "no network"))
    monkeypatch.setattr(convert, "compare_with_original", lambda *_, **__: compared)
    done = run(GOLDEN / "keras2_15" / "mlp.h5", tmp_path / "m.keras")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[2] == (
        "The original, computed with tf_keras, answers the same: outputs differ by 2e-08 at most. "
        "It ran with a process of its own, no network."
    )
