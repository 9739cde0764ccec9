"""`weld demo`, run once in full: what it shows, what it leaves, and that its commands can be copied."""

from __future__ import annotations

import io
import json
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

from keras_weld.cli import demo as command
from keras_weld.cli import frame
from keras_weld.cli.main import app
from keras_weld.errors import MissingExtraError
from keras_weld.recipes import demo as recipe
from keras_weld.recipes import demo_needs
from keras_weld.recipes.demo_result import DemoResult, Kind, Line

pytestmark = pytest.mark.keras

FOLDER = "my demo"
MODELS = ("start", "a", "b", "c", "soup", "weighted", "run-mean", "odd", "a-odd", "team", "fused")


@dataclass(frozen=True)
class Ran:
    """The full run.

    Attributes:
        place: the folder it ran in; the demo's own folder is in there.
        shown: what it printed.
        result: what the function gave.
    """

    place: Path
    shown: str
    result: DemoResult


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """One full demo, through the command."""
    place = tmp_path_factory.mktemp("demo")
    results: list[DemoResult] = []
    whole = recipe.demo

    def spy(*arguments: Any, **options: Any) -> DemoResult:
        results.append(whole(*arguments, **options))
        return results[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(recipe, "demo", spy)
        done = CliRunner().invoke(app, ["demo", "--folder", FOLDER], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return Ran(place, done.stdout, results[0])


def test_every_file_is_there_and_none_besides(ran: Ran) -> None:
    folder = ran.place / FOLDER
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert there == set(ran.result.files)
    epochs = {f"run/epoch-{number:02}.keras" for number in range(1, 16)}
    assert there == {"digits.npz", *(f"{name}.keras" for name in MODELS), *epochs}


LOADS = """
import sys, keras, numpy
from pathlib import Path
test = numpy.load(Path(sys.argv[1], "digits.npz"))
for path in sorted(Path(sys.argv[1]).rglob("*.keras")):
    model = keras.saving.load_model(path)
    right = (model.predict_on_batch(test["x_test"]).argmax(1) == test["y_test"]).mean()
    print(path.name, f"{100 * right:.1f}")
assert not any(name.startswith("keras_weld") for name in sys.modules)
"""


def test_plain_keras_loads_every_model_and_finds_what_the_table_says(
    ran: Ran, run_python: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    done = run_python(LOADS, ran.place / FOLDER)
    found = {name: float(value) for name, value in map(str.split, done.stdout.splitlines())}
    assert len(found) == 26
    for row in ran.result.rows:
        # The last digit may differ: a process of its own may add up in another order.
        assert found[Path(row.file).name] == pytest.approx(row.accuracy, abs=0.2)


def test_the_table_has_all_models_and_each_merge_a_verdict(ran: Ran) -> None:
    rows = {Path(row.file).stem: row for row in ran.result.rows}
    best = next(row for row in ran.result.rows if row.what == "best on validation")
    assert {*MODELS, Path(best.file).stem} <= set(rows)
    merges = [name for name, row in rows.items() if row.merge]
    assert merges == ["soup", "weighted", "run-mean", "a-odd", "team", "fused"]
    for name in merges:
        row = rows[name]
        assert row.verdict in ("better", "no worse", "worse", "cannot tell")
        assert row.low <= row.accuracy <= row.high
        assert row.difference is not None
        assert row.best_source is not None
        source = rows[Path(row.best_source).stem]
        assert row.difference == pytest.approx(row.accuracy - source.accuracy)
    table = ran.shown[ran.shown.index("On the test images") : ran.shown.index("What happened")]
    for row in ran.result.rows:
        line = next(line for line in table.splitlines() if line.split()[:1] == [Path(row.file).name])
        assert f"{row.accuracy:.1f} ({row.low:.1f} to {row.high:.1f})" in line
        assert line == line.rstrip()
        assert line.endswith(row.verdict or ("best source" if row.best_source else ")"))


def test_the_models_have_learnt_something(ran: Ran) -> None:
    for row in ran.result.rows:
        if not row.merge:
            assert row.accuracy > 75, row.file


def test_the_odd_one_is_warned_of_and_its_mean_is_much_worse(ran: Ran) -> None:
    three, pair = ran.result.checks
    assert (three.possible, three.warnings) == (True, ())
    assert pair.models == ("a.keras", "odd.keras")
    (warning,) = pair.warnings
    assert "were not trained from one start: plain averaging will fail" in warning
    assert "cosine similarity" in warning
    assert f"  Warning: {warning}\n" in ran.shown
    row = next(row for row in ran.result.rows if row.file == "a-odd.keras")
    assert row.verdict == "worse"
    assert row.difference is not None
    assert row.difference < -20
    assert "a-odd.keras is worse than the best single source, " in ran.shown
    assert "weld check had warned of a-odd.keras, and it is worse.\n" in ran.shown


def test_what_happened_is_told_for_each_merge(ran: Ran) -> None:
    told = ran.shown[ran.shown.index("What happened") :]
    for sentence in ran.result.sentences:
        assert f"  {sentence}\n" in told
    for file in ("soup.keras", "weighted.keras", "run-mean.keras", "a-odd.keras", "team.keras", "fused.keras"):
        assert any(file in sentence and "719 test examples" in sentence for sentence in ran.result.sentences)


def test_every_command_is_shown_on_a_line_of_its_own(ran: Ran) -> None:
    lines = ran.shown.splitlines()
    commands = [*ran.result.commands, *(one.command for one in ran.result.next)]
    assert [line for line in lines if line.startswith("$ ")] == [f"$ {text}" for text in commands]
    kinds = [text.split()[1] for text in ran.result.commands]
    assert kinds == ["inspect", *["check"] * 2, *["average"] * 4, "ensemble", "fuse", *["evaluate"] * 6]
    assert len(ran.result.next) == 3


def run_in_shell(ran: Ran, text: str) -> int:
    """Run a command the way a shell does, with the `weld` of this Python."""
    assert text.startswith("weld ")
    weld = shlex.join([sys.executable, "-m", "keras_weld"])
    return subprocess.run(
        text.replace("weld", weld, 1), shell=True, cwd=ran.place, capture_output=True, check=False
    ).returncode


def run_here(ran: Ran, text: str) -> int:
    """Run a command in this process, where Keras is imported already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ran.place)
        return CliRunner().invoke(app, shlex.split(text)[1:]).exit_code


def test_the_commands_shown_work_when_they_are_copied(ran: Ran) -> None:
    commands = list(ran.result.commands)
    # What starts a backend is run in this process, but where the shell is needed.
    here = ("evaluate", "fuse", "ensemble")
    through_the_shell = [text for text in commands if text.split()[1] not in here or "*" in text]
    assert len(through_the_shell) == 8
    for text in commands:
        run = run_in_shell if text in through_the_shell else run_here
        assert run(ran, text) == 0, text


def test_the_commands_to_try_next_work_and_the_last_one_says_no(ran: Ran) -> None:
    look, mean, judge = [one.command for one in ran.result.next]
    assert run_in_shell(ran, look) == 0
    assert run_in_shell(ran, mean) == 0
    made = ran.place / FOLDER / "mine.keras"
    assert made.is_file()
    made.unlink()
    assert run_here(ran, judge) == 1


def test_json_is_all_that_is_printed_when_it_is_asked_for(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(folder: Path, **options: Any) -> DemoResult:
        options["progress"](1, 2, "Training")
        options["say"](Line(Kind.STEP, "Training"))
        return ran.result

    monkeypatch.setattr(recipe, "demo", again)
    done = CliRunner().invoke(app, ["demo", "--json", "--seed", "4"])
    assert done.exit_code == 0
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found["folder"] == FOLDER
    assert [row["file"] for row in found["rows"]] == [row.file for row in ran.result.rows]
    assert [row["verdict"] for row in found["rows"] if row["file"] == "a-odd.keras"] == ["worse"]
    assert found["commands"] == list(ran.result.commands)


def test_the_progress_bar_is_taken_down_before_anything_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    events: list[str] = []

    @contextmanager
    def bar(description: str, *, total: float | None, quiet: bool) -> Iterator[Callable[..., None]]:
        events.append(f"up {description}, {quiet}")
        yield lambda done, total, what: events.append(f"{what} {done} of {total}")
        events.append("down")

    monkeypatch.setattr(command, "progress", bar)
    monkeypatch.setattr(command, "_say", lambda line: events.append(line.text))
    with command._Screen(quiet=False) as screen:
        screen.report(0, None, "Starting")
        screen.report(1, 4, "Training")
        screen.say(Line(Kind.STEP, "Inspecting"))
        screen.say(Line(Kind.RESULT, "found"))
        screen.report(1, 2, "Judging")
    assert events == [
        *("up Starting, False", "Starting 0 of None", "Training 1 of 4", "down"),
        *("Inspecting", "found"),
        *("up Judging, False", "Judging 1 of 2", "down"),
    ]


@pytest.fixture
def ctrl_c() -> Iterator[object]:
    """What Python does on Ctrl-C; where the tests run in the background, it may be ignored."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield signal.default_int_handler
    signal.signal(signal.SIGINT, former)


def test_ctrl_c_is_heard_even_where_keras_swallows_it(monkeypatch: pytest.MonkeyPatch, ctrl_c: object) -> None:
    steps: list[int] = []

    def swallows(folder: Path, **options: Any) -> None:
        for step in range(9):
            steps.append(step)
            with suppress(BaseException):
                if step == 2:
                    signal.raise_signal(signal.SIGINT)
            options["progress"](step, 9, "Training")

    monkeypatch.setattr(recipe, "demo", swallows)
    done = CliRunner().invoke(app, ["demo"])
    assert steps == [0, 1, 2]
    assert done.exit_code == 130
    assert done.stderr == "Interrupted; nothing was left half-written.\n"
    assert signal.getsignal(signal.SIGINT) is ctrl_c


def test_the_longest_figures_stay_on_one_line(ran: Ran, capsys: pytest.CaptureFixture[str]) -> None:
    rows = tuple(
        replace(row, low=50.0, high=100.0, difference=-76.7, difference_low=-79.8, difference_high=-73.6)
        for row in ran.result.rows
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frame, "console", lambda: Console(width=100))
        frame.show_table(command._table(rows, narrow=False))
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "-76.7 (-79.8 to -73.6)" in line]) == len(rows)
    assert len([line for line in lines if line and "──" not in line]) == 2 + len(rows)  # none goes on below
    assert [line for line in lines if line != line.rstrip()] == []


def test_a_narrow_screen_gets_the_table_without_its_widest_column(ran: Ran) -> None:
    shown = Console(width=80, file=io.StringIO(), legacy_windows=False)
    shown.print(command._table(ran.result.rows, narrow=True))
    text = shown.file.getvalue()  # type: ignore[attr-defined]
    lines = [line for line in text.splitlines() if ".keras" in line]
    assert len(lines) == len(ran.result.rows)
    assert "what it is" not in text
    assert lines[-3].split()[-1] == "worse"


def test_what_is_missing_is_told_before_anything_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse() -> None:
        raise MissingExtraError("No digits.", remedy="pip install 'keras-weld[tensorflow,demo]'")

    monkeypatch.setattr(demo_needs, "require_installed", refuse)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["demo"])
    assert done.exit_code == 2
    assert done.stderr.splitlines() == [
        "Error: No digits.",
        "  remedy:   pip install 'keras-weld[tensorflow,demo]'",
    ]
    assert list(tmp_path.iterdir()) == []
