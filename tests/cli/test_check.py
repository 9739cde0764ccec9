"""`weld check`, as a person and as a program see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from keras_weld.cli.main import app
from keras_weld.errors import MissingFileError, UsageError
from keras_weld.recipes.check import check, read_labels

GOLDEN = Path(__file__).parent.parent / "golden"
MODEL = GOLDEN / "keras3_0" / "mlp.keras"
OLDER = GOLDEN / "keras2_15" / "mlp.h5"
OTHER = GOLDEN / "keras3_0" / "cnn.keras"


@pytest.fixture
def weld(monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    return lambda *arguments: CliRunner().invoke(app, ["check", *map(str, arguments)])


def test_models_of_one_architecture_from_two_versions(weld):
    shown = weld(MODEL, OLDER)
    assert shown.exit_code == 0
    table = [line.split()[:2] for line in shown.stdout.splitlines()[:5]]
    assert table == [
        ["merge", "possible"],
        *([name, "yes,"] for name in ("average",)),
        ["fuse", "yes"],
        ["ensemble", "yes"],
        ["zip", "yes,"],
    ]
    assert "The models were saved by different versions of Keras: 2.15.0, 3.0.5. [average]" in shown.stdout


def test_the_exit_code_answers_for_the_merge_that_was_asked_for(weld):
    assert weld(MODEL, OTHER, "--for", "average").exit_code == 1
    assert weld(MODEL, OLDER, "--for", "average").exit_code == 0
    assert weld(MODEL, OTHER).exit_code == 1


def test_reasons_come_with_file_layer_expected_found_and_remedy(weld):
    shown = weld(MODEL, OTHER, "--for", "average").stdout
    assert "average  no" in shown
    assert "refusal     " in shown
    for label in ("  file      ", "  layer     ", "  expected  ", "  found     ", "  remedy    "):
        assert label in shown
    assert "Only models of one architecture can be averaged.\n" in shown  # neither fuse nor ensemble takes these two
    assert [line for line in shown.splitlines() if line != line.rstrip()] == []


def test_many_findings_of_one_kind_are_gathered(weld):
    whole = json.loads(weld(MODEL, OTHER, "--for", "average", "--json").stdout)
    (average,) = [one for one in whole["merges"] if one["purpose"] == "average"]
    shown = weld(MODEL, OTHER, "--for", "average").stdout
    assert shown.count("  remedy    ") < len(average["findings"])
    assert "(--json tells more)" in shown or "more (--json lists all)" in shown


def test_json(weld):
    found = json.loads(weld(MODEL, OLDER, "--json").stdout)
    assert found["models"] == [str(MODEL), str(OLDER)]
    assert found["possible"] is True
    assert [one["purpose"] for one in found["merges"]] == ["average", "fuse", "ensemble", "zip"]
    severities = {finding["severity"] for one in found["merges"] for finding in one["findings"]}
    assert severities <= {"refusal", "warning", "note"}


def test_labels(weld, tmp_path):
    (tmp_path / "a.txt").write_text("cat\ndog\nhorse\n")
    (tmp_path / "b.txt").write_text("dog\ncat\nhorse\n\n")
    shown = weld(MODEL, OLDER, "--for", "ensemble", "--labels", tmp_path / "a.txt", "--labels", tmp_path / "b.txt")
    assert shown.exit_code == 0
    assert "yes, with care" in shown.stdout
    assert "The models have the same labels in another order" in shown.stdout
    assert "class 0 is cat" in shown.stdout
    assert read_labels(tmp_path / "b.txt") == ["dog", "cat", "horse"]


def test_refusals(weld, tmp_path):
    alone = weld(MODEL)
    assert alone.exit_code == 2
    assert "There is nothing to compare." in alone.stderr
    missing = weld(MODEL, tmp_path / "nothing.keras")
    assert missing.exit_code == 2
    assert "nothing.keras" in missing.stderr
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="There are not as many files of labels as models"):
        check([MODEL, OLDER], labels=[tmp_path / "a.txt"])
    with pytest.raises(UsageError, match="The file of labels is not text"):
        check([MODEL, OLDER], labels=[tmp_path / "a.txt"] * 2)
    with pytest.raises(MissingFileError, match="There is no such file of labels"):
        check([MODEL, OLDER], labels=[tmp_path / "b.txt"] * 2)
    with pytest.raises(UsageError, match="There is no such merge") as caught:
        check([MODEL, OLDER], purpose="stitch")
    assert caught.value.expected == "one of average, fuse, ensemble, zip"


def test_every_format_of_one_model_is_the_same_model():
    """Files that one version of Keras wrote of one model hold the same weights, whatever the format."""
    for version in ("keras2_15", "keras3_0"):
        report = check([GOLDEN / version / "cnn.keras", GOLDEN / version / "cnn.h5"])
        notes = [one.text for one in report.merge("average").findings]
        assert "The models hold the same weights to the last bit: merging them changes nothing." in notes


def test_no_backend_is_imported(run_python):
    code = (
        "import sys\n"
        "from click.testing import CliRunner\n"
        "from keras_weld.cli.main import app\n"
        "found = CliRunner().invoke(app, ['check', *sys.argv[1:]])\n"
        "print(found.exit_code, sorted({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules)))\n"
    )
    assert run_python(code, MODEL, OLDER).stdout.strip() == "0 []"


@pytest.mark.keras
def test_live_models():
    import keras

    models = [keras.Sequential([keras.Input((8,)), keras.layers.Dense(16)]) for _ in range(2)]
    report = check(models, purpose="average")
    assert report.possible
    assert "not trained from one start" in report.merge("average").findings[0].text


def test_a_merge_that_is_none_is_refused_in_plain_words(weld):
    done = weld(MODEL, OTHER, "--for", "foo")
    assert done.exit_code == 2
    assert "Invalid value for '--for': 'foo' is not one of 'average', 'fuse', 'ensemble', 'zip'." in done.stderr
    found = json.loads(weld(MODEL, OTHER, "--for", "foo", "--json").stdout)
    assert found["remedy"] == "weld check --help shows the options and an example."
