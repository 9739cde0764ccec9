"""What the commands that run models refuse before they start Keras, which takes seconds: no test here may import it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from keras_weld.cli.main import app

COMPOSING = ["fuse", "ensemble", "branch"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two files that could be models, for all that their first bytes tell."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.keras", "b.keras"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("config.json", "{}")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    return tmp_path


def refusal(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 2
    return done.stderr


@pytest.mark.parametrize("command", COMPOSING)
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.keras", "c.keras", "-o", "out.keras"], "There is no such file."),
        (["a.keras", "labels.txt", "-o", "out.keras"], "This is not a file that Keras saves."),
        (["a.keras", "b.keras", "-o", "out.h5"], "A composed model is written whole"),
        (["a.keras", "b.keras", "-o", "b.keras"], "The result would be written over one of its sources."),
        (["a.keras", "b.keras", "-o", "missing/out.keras"], "The folder to write into is not there."),
        (["a.keras", "b.keras", "-o", "out.keras", "--data", "none.npz"], "The data file is not there."),
        (["a.keras", "b.keras", "-o", "out.keras", "--data", "no_such_module:make"], "There is no module"),
        (["a.keras", "b.keras", "-o", "out.keras", "--data", "pictures"], "The data is not there."),
    ],
)
def test_compositions(here: Path, command: str, words: list[str], said: str) -> None:
    assert said in refusal(command, *words)
    assert sorted(path.name for path in here.iterdir()) == ["a.keras", "b.keras", "labels.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels", "labels.txt"], "There are not as many lists of labels as models."),
        (["--labels", "labels.txt", "--labels", "other.txt"], "There is no such file of labels."),
        (["--fit-weights", "none.npz"], "The data file is not there."),
        (["--calibrate", "none.npz"], "The data file is not there."),
    ],
)
def test_ensembles(here: Path, words: list[str], said: str) -> None:
    assert said in refusal("ensemble", "a.keras", "b.keras", "-o", "out.keras", *words)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tune", "c.keras", "-o", "out.keras", "--data", "labels.txt"], "There is no such file."),
        (["tune", "a.keras", "-o", "missing/out.keras", "--data", "x.npz"], "The folder to write into is not there."),
        (["tune", "a.keras", "-o", "out.keras", "--data", "x.npz"], "The data file is not there."),
        (["evaluate", "c.keras", "--data", "labels.txt"], "There is no such file."),
        (["evaluate", "a.keras", "--data", "x.npz"], "The data file is not there."),
    ],
)
def test_tuning_and_evaluating(here: Path, words: list[str], said: str) -> None:
    assert said in refusal(*words)
