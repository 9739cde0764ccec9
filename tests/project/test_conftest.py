"""The pass without a backend really is without one, and what a test leaves behind is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CONFTEST = Path(__file__).parent.parent / "conftest.py"

TESTS = """
import os
import pytest

def test_sly():
    import keras

def test_plain():
    assert 1 + 1 == 2

def test_untidy():
    os.environ["PYTHONHASHSEED"] = "1"

@pytest.mark.keras
def test_marked():
    import keras
"""


def test_a_test_that_imports_a_backend_unmarked_or_leaves_something_behind_fails_and_is_told(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text("utf-8"))
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "test_whole.py").write_text(
        "import keras\nimport pytest\npytestmark = pytest.mark.keras\ndef test(): pass\n"
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = keras: on a backend\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-m", "not keras", str(tmp_path)],
        env=os.environ | {"KERAS_BACKEND": "none"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 2 passed, 1 deselected, 1 error" in done.stdout
    assert "This test imports keras but is not marked: add @pytest.mark.keras" in done.stdout
    assert "The test has left behind:\nvariable PYTHONHASHSEED: 0 before, 1 after" in done.stdout
