"""The table of plug-ins: its own entries at once, those of other packages when they are needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from keras_weld.core.table import Table
from keras_weld.errors import UsageError

OTHER = """
[tests.things]
theirs = builtins:len
"""


@pytest.fixture
def things(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Table[object]:
    """A table with one entry of its own, and a package that adds another."""
    package = tmp_path / "other_things-1.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: other-things\nVersion: 1\n")
    (package / "entry_points.txt").write_text(OTHER)
    monkeypatch.syspath_prepend(str(tmp_path))
    table: Table[object] = Table("thing", group="tests.things")
    table.add("ours")(max)
    return table


def test_own_and_others(things: Table[object]) -> None:
    """Both are found; the others stand behind."""
    assert things["ours"] is max
    assert "theirs" in things
    assert things["theirs"] is len
    assert list(things) == ["ours", "theirs"]


def test_unknown(things: Table[object]) -> None:
    """A name that is nobody's is refused with those that there are."""
    with pytest.raises(UsageError, match="ours, theirs"):
        things["nobody's"]


def test_taken(things: Table[object]) -> None:
    """A name is entered once."""
    with pytest.raises(UsageError, match="two entries"):
        things.add("ours")(min)


def test_own_entries_need_no_look_at_other_packages() -> None:
    """Looking through all that is installed takes longer than averaging a small model."""
    script = "from keras_weld.weights import METHODS; METHODS['linear']; import sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "numpy" in done.stdout.split()
    assert "importlib.metadata" not in done.stdout.split()
