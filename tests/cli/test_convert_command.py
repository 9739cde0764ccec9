"""`weld convert`: what it says, and that it says it as JSON too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.keras

GOLDEN = Path(__file__).parents[1] / "golden"


def test_new_file_is_told_with_what_was_left_out(run_weld, tmp_path):
    done = run_weld("convert", GOLDEN / "keras3_0" / "mlp.keras", tmp_path / "m.weights.h5")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"Wrote {tmp_path / 'm.weights.h5'} (weights.h5) from ")
    assert lines[0].endswith("(keras, written by Keras 3.0.5).")
    assert "Note: The architecture was left out: this format has no place for it." in lines
    assert done.stderr == ""


def test_json_and_a_refusal_as_json(run_weld, tmp_path):
    done = run_weld("convert", GOLDEN / "keras3_0" / "mlp.json", tmp_path / "m.yaml.keras", "--json")
    assert done.returncode == 2
    told = json.loads(done.stdout)
    assert told["error"] == "UsageError"
    assert "An architecture has no weights" in told["problem"]
    done = run_weld("convert", GOLDEN / "keras3_0" / "mlp.keras", tmp_path / "m.json", "--json")
    told = json.loads(done.stdout)
    assert told["kind"] == "architecture"
    assert told["notes"] == ["The weights were left out: an architecture has none."]
