"""Standard output that is closed, or on a full disk, is told in words and ends with the code of a refusal."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from keras_weld.cli.frame import console

MODEL = Path(__file__).parent.parent / "golden" / "keras3_0" / "mlp.keras"
WELD = f"{sys.executable} -c 'from keras_weld.cli.entry import run; run()'"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"inspect {MODEL} --json > /dev/full", "Error: The operating system refused: No space left on device.\n"),
        (f"inspect {MODEL} > /dev/full", "Error: The operating system refused: No space left on device.\n"),
        ("--help > /dev/full", "Error: The operating system refused: No space left on device.\n"),
        ("--version > /dev/full", "Error: The operating system refused: No space left on device.\n"),
        ("inspect nothing.keras --json > /dev/full", "Error: There is no such file.\n"),
        (
            f"inspect {MODEL} --json >&-",
            "Error: Standard output is closed; send it to /dev/null to have nothing shown.",
        ),
    ],
)
def test_output_that_cannot_be_written_is_told(words, told):
    done = subprocess.run(f"{WELD} {words}", shell=True, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(told)
    assert "Traceback" not in done.stderr


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
