"""`weld runs` and `weld history`, on what a run writes; neither needs a backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from keras_weld.cli.main import app
from keras_weld.errors import TrainingError
from keras_weld.training.holding import held, hold


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    start = {"epoch": 0, "step": 0, "epochs": 3, "finished": None, "script": "/x/train.py", "learning_rate": 0.1}
    told = {"identity": {}, "changes": [], "starts": [start, {**start, "epoch": 1, "step": 5}]}
    (folder / "run.json").write_text(json.dumps(told))
    history = [
        {"epoch": 0, "step": 4, "rate": 0.1, "loss": 2.0, "val_accuracy": 0.75},
        {"epoch": 1, "step": 8, "rate": 0.1, "loss": 1.5, "val_accuracy": 0.5},
    ]
    (folder / "history.json").write_text(json.dumps(history))
    return folder


def test_runs_are_listed_with_their_state(run: Path) -> None:
    def state() -> str:
        done = CliRunner().invoke(app, ["runs", str(run.parent), "--json"])
        (row,) = json.loads(done.stdout)
        assert row["best"] == {"metric": "val_accuracy", "value": 0.75, "epoch": 1, "examples": "validation"}
        assert (row["loss"], row["epochs"], row["starts"]) == (1.5, 3, 2)
        return str(row["state"])

    assert state() == "interrupted"
    with held(run):
        assert state() == "running"
    (run / "run.json").write_text((run / "run.json").read_text().replace("null", '"2026"'))
    assert state() == "finished"


def test_a_history_goes_over_interruptions(run: Path) -> None:
    done = CliRunner().invoke(app, ["history", str(run)])
    assert done.stdout.splitlines()[1].split() == ["1", "4", "0.1", "2", "0.75"]
    assert "Note: Taken up again after 1.25 epochs (interrupted)." in done.stdout
    done = CliRunner().invoke(app, ["history", str(run), "--csv"])
    assert done.stdout.splitlines()[0] == "epoch,step,rate,loss,val_accuracy"


def test_curves_are_drawn(run: Path) -> None:
    pytest.importorskip("matplotlib")
    done = CliRunner().invoke(app, ["history", str(run), "--plot", str(run / "a.png")])
    assert done.exit_code == 0, done.output
    assert (run / "a.png").read_bytes().startswith(b"\x89PNG")


def test_without_matplotlib_the_command_that_installs_it_is_named(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    done = CliRunner().invoke(app, ["history", str(run), "--plot"])
    assert done.exit_code == 2
    assert "pip install 'keras-weld[plot]'" in done.stderr


def test_a_run_of_a_script_names_the_script(run: Path) -> None:
    done = CliRunner().invoke(app, ["resume", str(run)])
    assert done.exit_code == 2
    assert "Start it again: python /x/train.py" in done.stderr


def test_what_was_changed_is_shown_where_it_happened(run: Path) -> None:
    told = json.loads((run / "run.json").read_text())
    notes = ["The batch size has changed, as was asked for: 16 before, 8 now."]
    told["changes"] = [{"epoch": 1, "step": 6, "changed": ["batch_size"], "notes": notes}]
    (run / "run.json").write_text(json.dumps(told))
    lines = CliRunner().invoke(app, ["history", str(run)]).stdout.splitlines()
    assert [line for line in lines if line.startswith("Note: ")] == [
        "Note: Taken up again after 1.25 epochs (interrupted).",
        f"Note: Changed after 1.5 epochs: {notes[0]}",
    ]
    assert json.loads(CliRunner().invoke(app, ["history", str(run), "--json"]).stdout)["changes"] == told["changes"]


def test_the_best_figure_says_what_it_was_measured_on(run: Path) -> None:
    assert "val_accuracy 0.75 (validation)" in CliRunner().invoke(app, ["runs", str(run.parent)]).stdout
    (run / "history.json").write_text(json.dumps([{"epoch": 0, "step": 4, "rate": 0.1, "loss": 2.0, "accuracy": 0.5}]))
    assert "accuracy 0.5 (training)" in CliRunner().invoke(app, ["runs", str(run.parent)]).stdout


def test_a_run_that_another_process_trains_is_refused_and_is_free_once_it_is_gone(run: Path) -> None:
    code = (
        "import sys, pathlib; from keras_weld.training.holding import hold\n"
        "hold(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(run)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert json.loads(CliRunner().invoke(app, ["runs", str(run), "--json"]).stdout)[0]["state"] == "running"
        with pytest.raises(TrainingError, match="Another process is training this run") as refused:
            hold(run)
        assert refused.value.found == f"process {other.pid}"
        other.kill()
        other.wait()
    with held(run):
        assert (run / "lock").read_text() == f"{os.getpid()}\n"
