"""What `keras_weld` promises by name can be had, whatever was imported before."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import check_public_names
import keras_weld

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_folder_does_not_take_the_place_of_a_function_of_its_name(run_python: RunPython) -> None:
    folders = {path.parent.name for path in check_public_names.PACKAGE.glob("*/__init__.py")}
    code = """
import importlib, inspect, sys, keras_weld
importlib.import_module(f"keras_weld.{sys.argv[1]}")
print(inspect.ismodule(getattr(keras_weld, sys.argv[1])))
"""
    for name in sorted(folders & set(keras_weld.__all__)):
        assert run_python(code, name).stdout == "False\n", f"weld.{name} is a module once it was imported"


@pytest.mark.keras
def test_every_name_can_be_had_is_documented_and_is_in_order(run_python: RunPython) -> None:
    scripts = Path(check_public_names.__file__).parent
    code = "import sys; sys.path.insert(0, sys.argv[1]); import check_public_names as c; sys.exit(c.main())"
    done = run_python(code, scripts, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_a_name_that_is_not_on_the_page_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "api.md"
    page.write_text("`WeldError`")
    monkeypatch.setattr(check_public_names, "PACKAGE", tmp_path)
    monkeypatch.setattr(keras_weld, "__all__", ["WeldError", "Limits", "nothing"])
    assert check_public_names.missing(page) == [
        "keras_weld.__all__ is not sorted at WeldError",
        "keras_weld.Limits is not in api.md",
        "keras_weld.nothing is in __all__ and cannot be had: module 'keras_weld' has no attribute 'nothing'",
    ]
