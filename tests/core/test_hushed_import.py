"""A module that greets is imported in silence, whoever imports it; one that fails is heard."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from keras_weld.core.hushed_import import hush_import_of

GREETING = "import os\nos.write(2, b'greetings\\n')\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.delenv("WELD_DEBUG", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path / "greeting_module.py"
    sys.modules.pop("greeting_module", None)


def test_its_greetings_are_held_back_once(module: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module.write_text(GREETING)
    finders = len(sys.meta_path)
    for _ in range(2):
        hush_import_of("greeting_module")
    assert len(sys.meta_path) == finders + 1
    found = import_module("greeting_module")
    assert capfd.readouterr().err == ""
    assert len(sys.meta_path) == finders
    assert type(found.__loader__).__name__ == "SourceFileLoader"


def test_what_it_said_is_shown_if_it_fails(module: Path, capfd: pytest.CaptureFixture[str]) -> None:
    module.write_text(GREETING + "raise ImportError('no library')\n")
    hush_import_of("greeting_module")
    with pytest.raises(ImportError, match="no library"):
        import_module("greeting_module")
    assert capfd.readouterr().err == "greetings\n"


def test_a_module_that_is_not_there_is_missing_as_ever() -> None:
    hush_import_of("greeting_module")
    with pytest.raises(ModuleNotFoundError):
        import_module("greeting_module")
