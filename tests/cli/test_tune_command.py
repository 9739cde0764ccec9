"""`weld tune`: the table of stages, the verdict, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from keras_weld.cli.main import app
from keras_weld.cli.training import parse_losses
from keras_weld.errors import UsageError
from keras_weld.io.read import open_model

keras_files = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.mark.parametrize(
    ("texts", "losses"),
    [
        ([], None),
        (["mse"], "mse"),
        (["a=mse"], {"a": "mse"}),
        (["a=mse", "b=binary_crossentropy:logits"], {"a": "mse", "b": "binary_crossentropy:logits"}),
    ],
)
def test_losses_are_for_all_outputs_or_by_output(texts, losses):
    assert parse_losses(texts) == losses


@pytest.mark.parametrize("texts", [["mse", "mae"], ["a=mse", "mae"], ["=mse"], ["a="]])
def test_losses_that_say_nothing_are_refused(texts):
    with pytest.raises(UsageError, match="Several losses are given by output"):
        parse_losses(texts)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--stages head:5", "This is not a stage."),
        ("--batch-size 0", "Invalid value for '--batch-size': 0 is not in the range x>=1."),
        ("--patience 0", "Invalid value for '--patience': 0 is not in the range x>=1."),
        ("--seed -1", "Invalid value for '--seed': -1 is not in the range x>=0."),
    ],
)
def test_options_that_make_no_sense_are_refused_before_anything_starts(options, words):
    done = CliRunner().invoke(app, ["tune", "m.keras", "-o", "o.keras", "--data", "d.npz", *options.split()])
    assert done.exit_code == 2
    assert words in done.stderr


def test_the_model_is_not_written_over(tmp_path):
    (tmp_path / "m.keras").touch()
    line = ["tune", str(tmp_path / "m.keras"), "-o", str(tmp_path / "m.keras"), "--data", "d.npz"]
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 2
    assert "would be written over one of its sources" in done.stderr


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    import keras
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("tune")
    found = load_digits()
    x, y = (found.data / 16).astype("float32"), found.target
    splits = {"train": slice(0, 600), "val": slice(600, 800), "test": slice(800, 1200)}
    np.savez(
        folder / "digits.npz",
        **{f"x_{name}": x[rows] for name, rows in splits.items()},
        **{f"y_{name}": y[rows] for name, rows in splits.items()},
    )
    np.savez(folder / "wrong.npz", x=x[:200], y=y[:200] + 1)
    for name in ("model", "other"):
        keras.utils.set_random_seed(len(name))
        keras.Sequential(
            [
                keras.Input((64,)),
                keras.layers.Dense(24, activation="relu", name="hidden"),
                keras.layers.Dense(10, activation="softmax", name="digit"),
            ]
        ).save(folder / f"{name}.keras")
    return folder


@pytest.fixture
def weld(files, monkeypatch):
    monkeypatch.chdir(files)
    return lambda line: CliRunner().invoke(app, line.split())


@pytest.mark.keras
@keras_files
def test_a_table_of_stages_then_notes_then_the_verdict(weld):
    done = weld("tune model.keras -o tuned.keras --data digits.npz --stages head:2@1e-2,all:2@1e-2")
    assert done.exit_code == 0, done.output
    lines = done.stdout.strip().splitlines()
    assert lines[0] == "Wrote tuned.keras: the weights after epoch 2 of stage 2 (all)."
    assert any(line.split()[:5] == ["1", "head", "1", "2", "0.01"] and "→" in line for line in lines)
    assert any(line.split()[:5] == ["2", "all", "2", "2", "0.01"] for line in lines)
    assert any(line.startswith("Note: The loss of digit is sparse_categorical_crossentropy") for line in lines)
    assert lines[-1].startswith("tuned.keras is better than model.keras: accuracy")
    assert lines[-1].endswith("400 test examples).")
    epochs = [line.partition(", loss ") for line in done.stderr.splitlines()]
    assert [epoch for epoch, _, _ in epochs] == [
        f"Stage {number} of 2, {part}: epoch {epoch}" for number, part in ((1, "head"), (2, "all")) for epoch in (1, 2)
    ]
    assert all(", validation loss " in figures for _, _, figures in epochs)


@pytest.mark.keras
@keras_files
def test_json_holds_stages_metrics_and_verdict(weld):
    done = weld("tune model.keras -o as_json.keras --data digits.npz --stages all:1@1e-2 --json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["path"] == "as_json.keras"
    assert done.stderr == ""
    assert found["stages"][0]["part"] == "all"
    assert found["metrics"]["best"] == [1, 1]
    assert found["evaluations"][0]["judged_on"] == "test"
    with open_model("as_json.keras") as state:
        assert state.metadata["lineage"]["evaluations"] == found["evaluations"]


@pytest.mark.keras
@keras_files
def test_refusals_leave_no_file(weld, files):
    done = weld("tune model.keras -o never.keras --data wrong.npz")
    assert done.exit_code == 2
    assert "A label is not one of the model's classes." in done.stderr
    assert not (files / "never.keras").exists()


@pytest.mark.keras
@keras_files
def test_fuse_takes_the_same_options(weld):
    done = weld("fuse model.keras other.keras -o fused.keras --data digits.npz --stages head:2@1e-2 --sample 300")
    assert done.exit_code == 0, done.output
    assert "Wrote fused.keras: the features of 2 models" in done.stdout
    assert any(line.split()[:5] == ["1", "head", "1", "2", "0.01"] for line in done.stdout.splitlines())
    assert "untrained" not in done.stdout
