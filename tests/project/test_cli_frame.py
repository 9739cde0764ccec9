"""How every command shows what it found, what it refuses, and that it was stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from keras_weld.cli import frame
from keras_weld.cli.command import help_text
from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, notes, plain, progress
from keras_weld.cli.interrupt import listening
from keras_weld.cli.main import WeldGroup, app
from keras_weld.errors import ShapeMismatchError

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Found:
    zebra: int
    apple: object


def app_that(do: Callable[[], object]) -> WeldGroup:
    group = WeldGroup("weld")

    @group.command("try")
    @json_option
    @limit_option
    @custom_option
    def command(as_json: bool, limit: tuple[str, ...], custom: tuple[str, ...]) -> None:
        do()
        if as_json:
            emit_json({"limit": limit, "custom": custom})

    return group


def refuse() -> None:
    raise ShapeMismatchError(
        "The tensors differ.",
        file=PurePosixPath("models/a.keras"),
        layer="conv1",
        expected=(3, 3),
        found=(5, 5),
        remedy="Average models of one architecture.",
    )


def interrupt() -> None:
    raise KeyboardInterrupt


def test_a_refusal_is_shown_field_by_field_on_standard_error() -> None:
    result = CliRunner().invoke(app_that(refuse), ["try"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        "Error: The tensors differ.",
        "  file:     models/a.keras",
        "  layer:    conv1",
        "  expected: (3, 3)",
        "  found:    (5, 5)",
        "  remedy:   Average models of one architecture.",
    ]


def test_a_refusal_is_json_when_json_was_asked_for() -> None:
    result = CliRunner().invoke(app_that(refuse), ["try", "--json"])
    assert result.exit_code == 2
    assert json.loads(result.stdout) == {
        "error": "ShapeMismatchError",
        "problem": "The tensors differ.",
        "file": "models/a.keras",
        "layer": "conv1",
        "expected": "(3, 3)",
        "found": "(5, 5)",
        "remedy": "Average models of one architecture.",
    }


def test_the_traceback_of_a_refusal_is_shown_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Traceback" not in CliRunner().invoke(app_that(refuse), ["try"]).stderr
    monkeypatch.setenv("WELD_DEBUG", "1")
    assert "in refuse" in CliRunner().invoke(app_that(refuse), ["try"]).stderr


def test_what_the_operating_system_refuses_is_told_without_a_traceback(tmp_path: Path) -> None:
    result = CliRunner().invoke(app_that(lambda: tmp_path.read_bytes()), ["try"])
    assert result.exit_code == 2
    assert f"  file:     {tmp_path}" in result.stderr.splitlines()
    assert result.stderr.startswith("Error: The operating system refused: Is a directory.")


def test_an_interruption_ends_with_130_and_says_that_nothing_is_half_written() -> None:
    result = CliRunner().invoke(app_that(interrupt), ["try"])
    assert result.exit_code == 130
    assert result.stderr == "Interrupted; nothing was left half-written.\n"


def test_an_interruption_that_came_out_as_another_error_is_still_one() -> None:
    def swallowed() -> None:
        with listening():
            try:
                signal.raise_signal(signal.SIGINT)
            except KeyboardInterrupt:
                raise ImportError("half a module") from None

    with listening():
        result = CliRunner().invoke(app_that(swallowed), ["try"])
    assert result.exit_code == 130
    assert result.stderr == "Interrupted; nothing was left half-written.\n"


def test_an_interruption_that_was_swallowed_near_the_end_is_still_one() -> None:
    def swallowed() -> None:
        with progress("Trying", quiet=True), suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    result = CliRunner().invoke(app_that(swallowed), ["try"])
    assert result.exit_code == 130
    assert result.stderr == "Interrupted; nothing was left half-written.\n"


@pytest.mark.parametrize("name", ["click", "inspect"])
def test_ctrl_c_while_the_command_line_itself_is_imported_is_told(name: str, tmp_path: Path) -> None:
    (tmp_path / f"{name}.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    code = "import sys; from keras_weld.cli.entry import run; sys.path.insert(0, sys.argv[1]); run()"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "Interrupted; nothing was left half-written.\n"


def test_ctrl_c_before_anything_was_begun_ends_without_a_word(tmp_path: Path) -> None:
    (tmp_path / "threading.py").write_text("import signal\nsignal.raise_signal(signal.SIGINT)\n")
    code = (
        "import sys; sys.modules.pop('threading', None); sys.path.insert(0, sys.argv[1]); import keras_weld.cli.entry"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "")


SLOW_KERAS = """
import signal, sys
from keras_weld.cli import backend

def start():
    print("greetings", file=sys.stderr)
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        print("C++ code would crash here")

backend._start = start
backend.start_backend()
"""


def test_ctrl_c_while_a_backend_starts_ends_at_once_and_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", SLOW_KERAS], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "Interrupted; nothing was left half-written.\n"
    assert done.stdout == ""


@pytest.mark.parametrize("words", [["try", "--bogus", "--json"], ["--bogus", "--json"], ["nothing", "--json"]])
def test_a_wrong_command_line_is_json_when_json_was_asked_for(words: list[str]) -> None:
    result = CliRunner().invoke(app_that(lambda: None), words)
    assert result.exit_code == 2
    assert result.stderr == ""
    found = json.loads(result.stdout)
    assert found["error"] == "UsageError"
    assert found["problem"] in ("No such option '--bogus'.", "No such command 'nothing'.")
    assert found["remedy"].endswith("--help shows the options and an example.")


def test_a_command_that_is_not_there_is_refused_with_the_one_that_is_close() -> None:
    refused = CliRunner().invoke(app, ["inspec"])
    assert refused.exit_code == 2
    assert refused.stderr.endswith("Error: No such command 'inspec'. Did you mean 'inspect'?\n")


def test_a_wrong_command_line_is_words_when_json_was_not_asked_for() -> None:
    result = CliRunner().invoke(app_that(lambda: None), ["try", "--bogus"])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Error: No such option '--bogus'." in result.stderr


def test_shared_options_may_be_repeated_and_may_be_left_out() -> None:
    runner, group = CliRunner(), app_that(lambda: None)
    words = ["try", "--json", "--limit", "depth=3", "--limit", "members=5", "--custom", "m:A"]
    assert json.loads(runner.invoke(group, words).stdout) == {
        "limit": ["depth=3", "members=5"],
        "custom": ["m:A"],
    }
    assert json.loads(runner.invoke(group, ["try", "--json"]).stdout) == {"limit": [], "custom": []}


BUG = """
from keras_weld.cli import main

@main.app.command("broken")
def broken() -> None:
    raise ZeroDivisionError("a slip")

import sys
sys.argv = ["weld", "broken"]
main.run()
"""


def test_what_nobody_expected_is_called_a_bug_and_shown_whole(run_python: RunPython) -> None:
    done = run_python(BUG, check=False)
    assert done.returncode == 70
    assert "in broken" in done.stderr
    assert "ZeroDivisionError: a slip" in done.stderr
    assert "This is a bug in keras-weld, not a mistake of yours." in done.stderr


TALKER = """
import sys
from keras_weld.cli import main

@main.app.command("talk")
def talk() -> None:
    for number in range(100_000):
        print("line", number)

sys.argv = ["weld", "talk"]
main.run()
"""


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", TALKER], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as talker:
        assert talker.stdout is not None
        assert talker.stderr is not None
        assert talker.stdout.readline() == "line 0\n"
        talker.stdout.close()
        assert talker.stderr.read() == ""
        assert talker.wait(60) == 141


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (Found(1, Found(2, None)), {"zebra": 1, "apple": {"zebra": 2, "apple": None}}),
        (Colour.RED, "red"),
        ({Colour.RED: 1, 3: 2}, {"red": 1, "3": 2}),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (np.dtype("float16"), "float16"),
        (Path("a") / "b.keras", str(Path("a") / "b.keras")),
        ({"b", "a"}, ["a", "b"]),
        ((1, (2.5, True, None)), [1, [2.5, True, None]]),
        ([float("nan"), np.float32("inf"), np.array([np.nan, 1.0])], [None, None, [None, 1.0]]),
        (ShapeMismatchError("no"), {"error": "ShapeMismatchError", "problem": "no"}),
    ],
)
def test_plain_values(value: Any, expected: Any) -> None:
    found = plain(value)
    if isinstance(value, ShapeMismatchError):
        found = {key: item for key, item in found.items() if item is not None}
    assert found == expected
    assert json.loads(json.dumps(found, allow_nan=False)) == expected


def test_a_value_without_a_plain_form_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="object has no plain JSON form"):
        plain({"a": object()})


def test_json_keeps_the_declared_order_and_reads_well(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json(Found(1, "Größe"))
    assert capsys.readouterr().out == '{\n  "zebra": 1,\n  "apple": "Größe"\n}\n'


def test_a_note_stays_on_one_line_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = "layer [1] was left out " + "because " * 30
    notes([text.strip()])
    assert capsys.readouterr().out == f"Note: {text.strip()}\n"


def test_a_note_is_coloured_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(frame, "console", lambda: Console(force_terminal=True, highlight=False, width=40))
    notes(["layer [1] was left out, because there is none like it"])
    shown = capsys.readouterr().out
    assert shown.startswith("\x1b[33mNote: \x1b[0mlayer [1] was left out")
    assert len(shown.splitlines()) == 2


def test_progress_is_silent_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Counting", total=2) as report:
        report(1)
        report(2, 2, "Counted")
    assert capsys.readouterr() == ("", "")


def test_help_keeps_the_lines_of_an_example_and_leaves_out_what_is_for_python() -> None:
    docstring = """Do a thing.

    It is done in
    two lines.

    Example:
        weld thing A
        weld thing B

    Args:
        path: not for the screen.

        nor this.

    The end.
    """
    assert help_text(docstring) == (
        "Do a thing.\n\nIt is done in\ntwo lines.\n\n\b\nExample:\n    weld thing A\n    weld thing B\n\nThe end."
    )
