"""`weld evaluate`: how sources are named, what is shown, and the exit code."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from keras_weld.cli.evaluate import spelled_out
from keras_weld.cli.main import app


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("m --against a b --data d", "m --against a --against b --data d"),
        ("m --against a --against b --data d", "m --against a --against b --data d"),
        ("--data d m --against a b c", "--data d m --against a --against b --against c"),
        ("m --data d --fail-if-worse", "m --data d --fail-if-worse 0"),
        ("m --fail-if-worse --data d", "m --fail-if-worse 0 --data d"),
        ("m --fail-if-worse 1.5 --data d", "m --fail-if-worse 1.5 --data d"),
        ("m --fail-if-worse=.5 --data d", "m --fail-if-worse=.5 --data d"),
        ("m --data d -- --against a b", "m --data d -- --against a b"),
        ("m --data d --against", "m --data d --against"),
    ],
)
def test_command_lines_are_read_as_they_are_meant(written, read):
    assert spelled_out(written.split()) == read.split()


@pytest.mark.parametrize(
    ("option", "problem"),
    [
        ("--margin=-1", "Invalid value for '--margin': -1.0 is not in the range x>=0.0."),
        ("--margin=nan", "Invalid value for '--margin': 'nan' is not a valid number."),
        ("--fail-if-worse=nan", "Invalid value for '--fail-if-worse': 'nan' is not a valid number."),
        ("--fail-if-worse=much", "Invalid value for '--fail-if-worse': 'much' is not a valid number."),
        ("--sample=0", "Invalid value for '--sample': 0 is not in the range x>=1."),
        ("--seed=x", "Invalid value for '--seed': 'x' is not a valid integer."),
    ],
)
def test_a_number_that_makes_no_sense_is_refused_in_plain_words(option, problem):
    refused = CliRunner().invoke(app, ["evaluate", "m.keras", "--data", "d.npz", "--against", "a.keras", option])
    assert refused.exit_code == 2
    assert refused.stderr.splitlines()[-1] == f"Error: {problem}"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A good model, a poor one, a copy of the good one, and digits that none has seen."""
    import keras
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("evaluate")
    found = load_digits()
    x, y = (found.data / 16).astype("float32"), found.target
    np.savez(folder / "digits.npz", x_val=x[1000:1300], y_val=y[1000:1300], x_test=x[1300:], y_test=y[1300:])
    for name, epochs in (("good", 20), ("poor", 1)):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(24, activation="relu"), keras.layers.Dense(10)]
        )
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        model.fit(x[:1000], y[:1000], epochs=epochs, verbose=0)
        model.save(folder / f"{name}.keras")
    (folder / "copy.keras").write_bytes((folder / "good.keras").read_bytes())
    return folder


@pytest.fixture
def weld(files, monkeypatch):
    monkeypatch.chdir(files)
    return lambda line: CliRunner().invoke(app, ["evaluate", *line.split()])


keras_files = pytest.mark.filterwarnings("ignore:__array__ implementation")


@pytest.mark.keras
@keras_files
def test_tables_then_notes_then_the_sentence_last(weld):
    done = weld("good.keras --against poor.keras copy.keras --data digits.npz")
    assert done.exit_code == 0, done.output
    lines = done.stdout.strip().splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[-1].startswith("good.keras is no worse than the best single source, copy.keras, within a margin")
    assert lines[-1].endswith("497 test examples).")
    assert any("validation, 300 examples" in line for line in lines)
    assert any("test, 497 examples" in line for line in lines)
    row = next(line for line in lines if "poor.keras" in line and "worse" in line)
    assert row.index("poor.keras") < row.index("-")
    assert any(line.startswith("Note: The outputs of good.keras, poor.keras, copy.keras are logits") for line in lines)


@pytest.mark.keras
@keras_files
@pytest.mark.parametrize(
    ("options", "code"),
    [
        ("", 0),
        ("--fail-if-worse", 1),
        ("--fail-if-worse 1", 1),
        ("--fail-if-worse=90", 0),
        ("--fail-if-worse 90", 0),
    ],
)
def test_exit_code_is_one_only_when_asked_for_and_worse(weld, options, code):
    done = weld(f"poor.keras --data digits.npz --against good.keras {options} --resamples 200")
    assert done.exit_code == code, done.output
    assert "poor.keras is worse than good.keras" in done.stdout


@pytest.mark.keras
@keras_files
def test_better_never_fails(weld):
    done = weld("good.keras --against poor.keras --data digits.npz --fail-if-worse")
    assert done.exit_code == 0, done.output
    assert "good.keras is better than poor.keras" in done.stdout


@pytest.mark.keras
@keras_files
def test_json_holds_every_figure(weld):
    done = weld("good.keras --against poor.keras copy.keras --data digits.npz --metric log-loss --json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["metric"], found["higher_is_better"], found["verdict"]) == ("log_loss", False, "no worse")
    assert [split["name"] for split in found["splits"]] == ["validation", "test"]
    assert [row["role"] for row in found["splits"][1]["rows"]] == ["model", "source", "best source"]
    assert found["splits"][1]["rows"][1]["difference"] > 0
    assert found["sentence"].startswith("good.keras is no worse")


@pytest.mark.keras
@keras_files
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("none.keras --data digits.npz", "no such file"),
        ("good.keras --data none.npz", "The data file is not there"),
        ("good.keras --data digits.npz --metric acurracy", "There is no metric called 'acurracy'"),
        ("good.keras --data digits.npz --limit inflated", "A limit is given as NAME=SIZE"),
        ("--data digits.npz --against good.keras", "MODEL"),
        ("good.keras", "--data"),
        ("good.keras --data digits.npz --fail-if-worse", "there is no source to compare it with"),
    ],
)
def test_refusals_say_what_to_do(weld, line, words):
    done = weld(line)
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.keras
@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_name_figure_or_verdict_is_cut_off_on_a_narrow_screen(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import keras
    from rich.console import Console

    import keras_weld as weld
    from keras_weld.cli import evaluation

    x = np.random.default_rng(0).normal(size=(120, 4)).astype("float32")
    models = [
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")], name=name)
        for name in ("a_rather_long_name", "b")
    ]
    found = weld.evaluate(models[0], models, data=(x, np.arange(120) % 3))
    monkeypatch.setattr(evaluation, "console", lambda: Console(width=width))
    monkeypatch.setattr(evaluation, "show_table", lambda table: Console(width=width).print(table))
    evaluation.show_evaluation(found)
    shown = capsys.readouterr().out
    for row in found.splits[0].rows:
        assert row.model in shown
        assert f"({row.low:.2f} to {row.high:.2f})" in shown
        if row.verdict:
            assert row.verdict in shown
    assert "…" not in shown
