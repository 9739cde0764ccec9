"""`weld inspect`, as a person and as a program see it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from keras_weld.cli.inspect import shape, size
from keras_weld.cli.main import app
from keras_weld.errors import MissingFileError
from keras_weld.recipes.inspect import _size, inspect

GOLDEN = Path(__file__).parent.parent / "golden"
MODEL = GOLDEN / "keras3_0" / "mlp.keras"


@pytest.fixture
def weld(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(app, ["inspect", *map(str, arguments)])


def test_a_model_of_keras_3(weld):
    shown = weld(MODEL)
    assert shown.exit_code == 0
    lines = [line.strip() for line in shown.stdout.splitlines()]
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    for expected in (
        "goes in     input_layer (batch, 6) float32",
        'comes out   dense_1 (batch, 3) float32: probabilities of 3 classes (softmax in layer "dense_1")',
        "parameters  115 (99 trainable, 16 not), 460 bytes, float32",
        "compiled    loss categorical_crossentropy; metrics accuracy",
        f"sha-256     {digest}",
    ):
        assert expected in lines
    assert any(line.startswith("optimizer   Adam, learning rate 0.002, step 4 (") for line in lines)
    assert any(line.startswith("written by  Keras 3.0.5") for line in lines)


def test_no_line_ends_in_spaces(weld):
    lines = weld(MODEL, "--layers").stdout.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []


def test_layers(weld):
    lines = [line.split() for line in weld(MODEL, "--layers").stdout.splitlines()]
    assert ["dense", "Dense", "56"] in lines
    assert ["batch_normalization", "BatchNormalization", "32"] in lines


def test_json_says_the_same(weld):
    found = json.loads(weld(MODEL, "--json").stdout)
    assert found["kind"] == "keras"
    assert found["bytes"] == MODEL.stat().st_size
    summary = found["summary"]
    assert summary["inputs"] == [{"name": "input_layer", "shape": [None, 6], "dtype": "float32", "meaning": None}]
    assert summary["outputs"][0]["meaning"]["kind"] == "class probabilities"
    assert summary["outputs"][0]["meaning"]["classes"] == 3
    assert summary["parameters"]["total"] == 115
    assert summary["optimizer"]["step"] == 4


def test_weights_alone(weld):
    shown = weld(GOLDEN / "keras2_15" / "mlp_w.h5").stdout
    assert "note        The file holds weights alone: what goes in and comes out is not told." in shown


def test_several_files_are_all_shown_and_the_exit_code_tells_of_the_bad_one(weld, tmp_path):
    broken = tmp_path / "broken.keras"
    broken.write_bytes(b"PK\x03\x04 and no more")
    shown = weld(MODEL, broken, GOLDEN / "keras1_2" / "mlp.h5")
    assert shown.exit_code == 2
    assert f"{broken}  cannot be read" in shown.stdout
    assert "Keras 3.0.5" in shown.stdout
    assert "Keras 1.2.2" in shown.stdout
    found = json.loads(weld(MODEL, broken, "--json").stdout)
    assert found[0]["kind"] == "keras"
    assert found[1]["file"] == str(broken)


def test_a_file_that_is_not_there(weld, tmp_path):
    shown = weld(tmp_path / "nothing.keras")
    assert shown.exit_code == 2
    assert "There is no such file." in shown.stderr
    with pytest.raises(MissingFileError, match="no such file"):
        inspect(tmp_path / "nothing.keras")


def test_the_digest_can_be_left_out():
    assert inspect(MODEL, sha256=False).sha256 is None


def test_a_folder_has_the_size_of_its_files():
    folder = GOLDEN / "keras2_15" / "mlp.savedmodel"
    assert _size(folder, ()) == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def test_words_for_sizes_and_shapes():
    assert [size(999), size(1_000), size(999_960_000), size(1_000_000_000_000)] == [
        "999 bytes",
        "1.0 KB",
        "1.0 GB",
        "1000.0 GB",
    ]
    assert shape((None, None, 3)) == "(batch, any, 3)"
    assert shape((2, 3)) == "(2, 3)"
    assert shape(None) == "(unknown shape)"


def test_no_backend_is_imported(run_python):
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from keras_weld.cli.main import app\n"
        "found = CliRunner().invoke(app, ['inspect', sys.argv[1]])\n"
        "print(found.exit_code, sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))\n"
    )
    assert run_python(code, MODEL).stdout.strip() == "0 []"


def test_a_file_cannot_command_the_terminal(weld, tmp_path):
    text = (GOLDEN / "keras3_0" / "mlp.json").read_text()
    hostile = tmp_path / "hostile.json"
    hostile.write_text(text.replace('"dense_1"', r'"dense\u001b[2J\u202e\n1"'))
    shown = weld(hostile, "--layers").stdout
    assert "dense\\x1b[2J\\u202e\\n1 (batch, 3)" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_lineage_is_shown(weld, tmp_path):
    from keras_weld.recipes.average import average

    older = GOLDEN / "keras3_0" / "mlp.keras"
    average([older, GOLDEN / "keras2_15" / "mlp.h5"], tmp_path / "mean.keras")
    shown = " ".join(weld(tmp_path / "mean.keras").stdout.split())
    assert "linear of 2 models" in shown
    assert f"{older}, share 0.5, sha-256 {inspect(older).sha256[:12]}..." in shown


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_letters_that_the_terminal_lacks_are_written_out(more, tmp_path, monkeypatch, run_weld):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    done = run_weld("inspect", tmp_path / "mödel.keras", *more)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    if more:
        assert json.loads(done.stdout)["file"].endswith("mödel.keras")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path, run_weld):
    os.mkfifo(tmp_path / "pipe.keras")
    done = run_weld("inspect", tmp_path / "pipe.keras")
    assert done.returncode == 2
    assert "This is neither a file nor a folder." in done.stderr
