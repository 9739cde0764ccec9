"""What `weld verify-resume` makes of what a rehearsal has left behind."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from keras_weld.errors import TrainingError
from keras_weld.recipes.rehearse import REFUSAL, main
from keras_weld.recipes.state_pieces import HISTORY, of_results
from keras_weld.recipes.verify_resume import _failed
from keras_weld.training import rehearsal
from keras_weld.training.rehearsal import TRACE
from keras_weld.training.run_history import write_history

SCRIPT = """
from keras_weld.errors import TrainingError
raise TrainingError("The run was begun with another data.", expected="mean 1", found="mean 2")
"""


def test_runs_that_leave_no_file_of_a_model_are_compared_by_what_they_leave(tmp_path: Path) -> None:
    for name, loss in (("one", 1.0), ("same", 1.0), ("other", 2.0)):
        (tmp_path / name).mkdir()
        write_history(tmp_path / name, [{"epoch": 0, "step": 4, "rate": 0.1, "loss": loss}])
    assert of_results(tmp_path / "one", tmp_path / "same") == []
    (piece,) = of_results(tmp_path / "one", tmp_path / "other")
    assert (piece.kind, piece.name, piece.values) == (HISTORY, "loss of epoch 1", ("1.0", "2.0"))


def test_what_a_start_was_refused_by_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rehearsal, "_current", None)
    monkeypatch.setattr("sys.argv", [])
    monkeypatch.setattr("sys.path", ["", *sys.path])
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    with pytest.raises(TrainingError):
        main(str(tmp_path), str(script), [])
    rehearsal._current._trace.close()
    assert json.loads((tmp_path / REFUSAL).read_text())["found"] == "mean 2"
    error = _failed(tmp_path, script, 1)
    assert error.problem == ("The training fails when it is run by itself: the run was begun with another data.")
    placed = [{"what": "placed", "run": "r", "path": "run"}, {"what": "kill", "run": "r", "kind": "step", "step": 3}]
    with (tmp_path / TRACE).open("a") as trace:
        trace.writelines(f"{json.dumps(line)}\n" for line in placed)
    error = _failed(tmp_path, script, 1)
    assert error.problem == "Started again after a kill, the training fails: the run was begun with another data."
    assert (error.expected, error.found) == ("mean 1", "mean 2")
    assert "drawn without a seed" in str(error.remedy)
