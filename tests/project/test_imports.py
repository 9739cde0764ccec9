"""What is not asked for is not imported: no backend for what reads files, little for a help text."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

RunPython = Callable[..., "subprocess.CompletedProcess[str]"]
GOLDEN = Path(__file__).parent.parent / "golden" / "keras3_0"
BACKENDS = {"keras", "tensorflow", "jax", "torch"}
HEAVY = {"numpy", "h5py", "rich", "ml_dtypes"}
COMMANDS = {"inspect", "check", "average", "fuse", "ensemble", "branch", "evaluate", "convert", "demo"}

COMMAND = """
import json, sys
from keras_weld.cli.main import run

sys.argv = ["weld", *sys.argv[1:]]
code = 0
try:
    run()
except SystemExit as end:
    code = end.code
tops = sorted({name.partition(".")[0] for name in sys.modules})
files = [name.rpartition(".")[2] for name in sys.modules if name.startswith("keras_weld.cli.")]
print(json.dumps({"code": code, "modules": tops, "files": files}))
"""


def modules_after(run_python: RunPython, *words: object) -> tuple[int, set[str]]:
    """The exit code of `weld WORDS`, and what the process had imported by then."""
    told = told_by(run_python, *words)
    return told["code"] or 0, set(told["modules"])


def told_by(run_python: RunPython, *words: object) -> dict[str, Any]:
    """What `COMMAND` tells of `weld WORDS`."""
    found: dict[str, Any] = json.loads(run_python(COMMAND, *words).stdout.splitlines()[-1])
    return found


@pytest.fixture
def two_models(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for path in paths:
        shutil.copyfile(GOLDEN / "mlp.keras", path)
    return paths


def test_importing_the_package_imports_no_backend(run_python: RunPython) -> None:
    code = "import sys, keras_weld; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    assert not set(run_python(code).stdout.split()) & (BACKENDS | HEAVY)


def test_the_lineage_of_a_file_is_read_without_a_backend(run_python: RunPython, two_models: list[Path]) -> None:
    code = (
        "import sys, keras_weld; print(keras_weld.lineage(sys.argv[1])); print(*{n.split('.')[0] for n in sys.modules})"
    )
    told, modules = run_python(code, two_models[0]).stdout.splitlines()
    assert told == "None"
    assert not set(modules.split()) & BACKENDS


def test_help_imports_nothing_heavy(run_python: RunPython) -> None:
    code, modules = modules_after(run_python, "--help")
    assert code == 0
    assert "click" in modules
    assert modules & (BACKENDS | HEAVY) == set()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_the_help_of_a_command_imports_nothing_heavy_and_shows_an_example(run_python: RunPython, command: str) -> None:
    code, modules = modules_after(run_python, command, "--help")
    assert code == 0
    assert modules & (BACKENDS | HEAVY) == set()
    assert f"weld {command}" in run_python(COMMAND, command, "--help").stdout.partition("Example")[2]


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_inspect_imports_no_backend(run_python: RunPython, two_models: list[Path], words: list[str]) -> None:
    code, modules = modules_after(run_python, "inspect", two_models[0], *words)
    assert code == 0
    assert "numpy" in modules
    assert modules & BACKENDS == set()


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_check_imports_no_backend(run_python: RunPython, two_models: list[Path], words: list[str]) -> None:
    code, modules = modules_after(run_python, "check", *two_models, *words)
    assert code in (0, 1)
    assert "numpy" in modules
    assert modules & BACKENDS == set()


def test_average_imports_no_backend_and_off_a_terminal_nothing_to_draw_with(
    run_python: RunPython, two_models: list[Path], tmp_path: Path
) -> None:
    code, modules = modules_after(run_python, "average", *two_models, "-o", tmp_path / "mean.keras")
    assert code == 0
    assert modules & (BACKENDS | {"rich"}) == set()


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_a_command_does_not_import_the_others(run_python: RunPython, command: str) -> None:
    assert set(told_by(run_python, command, "--help")["files"]) & COMMANDS == {command}
