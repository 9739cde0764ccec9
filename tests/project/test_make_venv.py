"""The environment is made when missing or stale, only as far as needed, and finished when interrupted."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

import make_venv


class Made:
    """Stands in for venv and pip, and notes what was asked of them."""

    def __init__(self, root: Path) -> None:
        self.folder = root / ".venv"
        self.steps: list[str] = []
        self.fail_at = ""

    def create(self, folder: Path, **_: Any) -> None:
        make_venv.python_of(folder).parent.mkdir(parents=True, exist_ok=True)
        make_venv.python_of(folder).touch()
        self.steps.append("create")

    def pip(self, folder: Path, *arguments: str) -> None:
        step = "project" if "--editable" in arguments else "constraints"
        if step == self.fail_at:
            raise subprocess.CalledProcessError(1, "pip")
        self.steps.append(step)

    def make(self) -> list[str]:
        self.steps.clear()
        make_venv.make(self.folder)
        return list(self.steps)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    fake = Made(tmp_path)
    for name in ("constraints.txt", "pyproject.toml"):
        (tmp_path / name).write_text("one")
    monkeypatch.setattr(make_venv, "ROOT", tmp_path)
    monkeypatch.setattr(make_venv, "CONSTRAINTS", tmp_path / "constraints.txt")
    monkeypatch.setattr(make_venv, "PROJECT", tmp_path / "pyproject.toml")
    monkeypatch.setattr(make_venv.venv, "create", fake.create)
    monkeypatch.setattr(make_venv, "pip_install", fake.pip)
    return fake


def test_a_missing_environment_is_made_once(made: Made) -> None:
    assert made.make() == ["create", "constraints", "project"]
    assert made.make() == []


def test_other_constraints_make_it_anew_and_another_project_file_only_installs_that(made: Made) -> None:
    made.make()
    make_venv.PROJECT.write_text("two")
    assert made.make() == ["project"]
    make_venv.CONSTRAINTS.write_text("two")
    assert made.make() == ["create", "constraints", "project"]
    assert made.make() == []


def test_an_interrupted_environment_is_finished(made: Made) -> None:
    for step, left in (("constraints", ["create", "constraints", "project"]), ("project", ["project"])):
        make_venv.CONSTRAINTS.write_text(step)
        made.fail_at = step
        with pytest.raises(subprocess.CalledProcessError):
            made.make()
        made.fail_at = ""
        assert made.make() == left
        assert made.make() == []


def test_an_interrupted_refresh_is_not_taken_for_the_old_state(made: Made) -> None:
    made.make()
    make_venv.PROJECT.write_text("two")
    made.fail_at = "project"
    with pytest.raises(subprocess.CalledProcessError):
        made.make()
    made.fail_at = ""
    make_venv.PROJECT.write_text("one")
    assert made.make() == ["project"]


def test_a_checkout_that_moved_or_lost_its_interpreter_gets_a_new_one(
    made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.make()
    make_venv.python_of(made.folder).unlink()
    assert made.make() == ["create", "constraints", "project"]
    monkeypatch.setattr(make_venv, "ROOT", tmp_path / "elsewhere")
    assert made.make() == ["create", "constraints", "project"]


def test_a_pip_that_fails_is_told_with_what_to_do(
    made: Made, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made.fail_at = "constraints"
    monkeypatch.setattr(make_venv.sys, "argv", ["make_venv.py", str(made.folder)])
    assert make_venv.main() == 1
    assert "run the same make command again" in capsys.readouterr().err
