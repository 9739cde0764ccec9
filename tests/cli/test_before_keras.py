"""What the commands that run models refuse before they start Keras, which takes seconds: no test here may import it."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from keras_weld.cli.main import app

GOLDEN = Path(__file__).parents[1] / "golden" / "keras3_0"
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


@pytest.fixture
def nested(here: Path) -> Path:
    """Two real files beside them: one with a model in the model, one with two outputs."""
    for name in ("nested", "two_io"):
        shutil.copy(GOLDEN / f"{name}.keras", here / f"{name}.keras")
    return here


@pytest.mark.parametrize(
    ("words", "said", "known"),
    [
        (["fuse", "--at", "c:dense"], "An option is given for a model that there is not.", "nested, two_io"),
        (["branch", "--at", "c:dense"], "An option is given for a model that there is not.", "nested, two_io"),
        (["fuse", "--output", "c:x"], "An option is given for a model that there is not.", "nested, two_io"),
        (["fuse", "--range", "c:0..1"], "An option is given for a model that there is not.", "nested, two_io"),
        (["ensemble", "--range", "c:0..1"], "An option is given for a model that there is not.", "nested, two_io"),
        (["ensemble", "--outputs", "c:logits"], "An option is given for a model that there is not.", "nested, two_io"),
        (["branch", "--outputs", "c:logits"], "An option is given for a model that there is not.", "nested, two_io"),
        (["branch", "--backbone", "c"], "An option is given for a model that there is not.", "nested, two_io"),
        (["ensemble", "--outputs", "nested:odds"], "Outputs are not of such a kind.", "probabilities, logits"),
        (["fuse", "--range", "nested:0..9"], "There is no such range of pixels.", "0..255, 0..1, -1..1"),
        (["fuse", "--names", "x"], "Each model needs one name of its own.", "2 different names"),
        (["fuse", "--at", "nested:nothing"], "The model 'nested' has no layer 'nothing'.", "one of "),
        (["branch", "--at", "two_io.keras:nothing"], "has no layer 'nothing'.", "one of "),
        (["fuse", "--output", "two_io:nothing"], "The model has no such output.", ", "),
        (["ensemble", "--output", "nothing"], "The model has no such output.", ", "),
        (["ensemble", "--labels", "labels.txt", "--labels", "twice.txt"], "two classes of one name", "different"),
        (["ensemble", "--labels", "labels.txt", "--labels", "more.txt"], "not as many labels as the model", "3 labels"),
    ],
)
def test_names_that_there_are_not(nested: Path, words: list[str], said: str, known: str) -> None:
    (nested / "twice.txt").write_text("cat\ncat\n")
    (nested / "more.txt").write_text("cat\ndog\neel\n")
    command, *options = words
    shown = refusal(command, "nested.keras", "two_io.keras", "-o", "out.keras", *options)
    assert said in shown
    assert known in next(line for line in shown.splitlines() if line.strip().startswith("expected"))
    assert not (nested / "out.keras").exists()


def test_lists_of_labels_that_are_long_enough_must_know_the_same(nested: Path) -> None:
    (nested / "one.txt").write_text("cat\ndog\nhen\n")
    (nested / "more.txt").write_text("cat\ndog\neel\n")
    shutil.copy(nested / "nested.keras", nested / "other.keras")
    words = ("nested.keras", "other.keras", "-o", "out.keras", "--labels", "one.txt", "more.txt")
    shown = refusal("ensemble", *words)
    assert "known to some of the models only" in shown
    assert "nested does not know eel" in shown


def test_an_output_that_there_is_is_named_with_the_option(nested: Path) -> None:
    words = ("nested.keras", "two_io.keras", "-o", "out.keras", "--output")
    assert "Name one that it has: --output two_io:first" in refusal("fuse", *words, "two_io:nothing")
    assert "Name one that it has: --output first" in refusal("ensemble", *words, "nothing")


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
