"""Standard output that is closed, or on a full disk, is told in words and ends with the code of a refusal."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from keras_weld.cli.frame import console

MODEL = Path(__file__).parent.parent / "golden" / "keras3_0" / "mlp.keras"
FULL = (
    "Error: Standard output could not be written to; files that the command wrote are there.\n"
    "  file:     standard output\n"
    "  found:    No space left on device\n"
)
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
WELD = f"{sys.executable} -c 'from keras_weld.cli.entry import run; run()'"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"inspect {MODEL} --json > /dev/full", FULL),
        (f"inspect {MODEL} > /dev/full", FULL),
        (f"check {MODEL} {MODEL.with_name('cnn.keras')} --for average > /dev/full", FULL),
        ("--help > /dev/full", FULL),
        ("--version > /dev/full", FULL),
        (f"inspect {MODEL} > /dev/full 2> /dev/full", ""),
        ("inspect nothing.keras 2> /dev/full", ""),
        ("inspect nothing.keras 2>&-", ""),
        ("nothing 2> /dev/full", ""),
        ("inspect nothing.keras --json > /dev/full", "Error: There is no such file.\n"),
        (
            f"inspect {MODEL} --json >&-",
            "Error: Standard output is closed; send it to /dev/null to have nothing shown.",
        ),
    ],
)
def test_output_that_cannot_be_written_is_told(words, told):
    done = subprocess.run(f"{WELD} {words}", shell=True, capture_output=True, text=True, check=False, env=BUFFERED)
    assert done.returncode == 2
    assert done.stderr.startswith(told) if told else not done.stderr
    assert "Traceback" not in done.stderr


def test_output_that_is_not_buffered_is_told_likewise() -> None:
    how = BUFFERED | {"PYTHONUNBUFFERED": "1"}
    done = subprocess.run(f"{WELD} --version > /dev/full", shell=True, capture_output=True, text=True, env=how)
    assert done.returncode == 2
    assert done.stderr.startswith(FULL)


def test_without_a_standard_error_a_command_does_its_work(tmp_path: Path) -> None:
    words = f"average {MODEL} {MODEL} -o {tmp_path / 'out.keras'} 2>&-"
    done = subprocess.run(f"{WELD} {words}", shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.startswith(f"Wrote {tmp_path / 'out.keras'}: ")


def test_a_table_whose_reader_went_away_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    console.cache_clear()
    monkeypatch.setattr(sys, "stdout", Gone())
    try:
        with pytest.raises(BrokenPipeError):
            console().print("a row")
    finally:
        console.cache_clear()


def test_what_the_system_does_not_allow_is_told_with_a_remedy() -> None:
    from keras_weld.cli.main import _of_the_system

    error = _of_the_system(PermissionError(13, "Permission denied", "m.keras"))
    assert (error.file, error.found) == ("m.keras", "Permission denied")
    assert "ls -l" in str(error.remedy)
