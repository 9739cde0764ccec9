"""What a file tells of how it was made: read by itself, and brought back by loading."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import keras_weld as weld
from keras_weld.errors import MissingFileError, UsageError

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from custom_parts import Tower  # noqa: E402
from keras import layers  # noqa: E402


def make(seed: int, activation: str | None = "softmax") -> keras.Model:
    keras.utils.set_random_seed(seed)
    stack = [layers.Dense(5, activation="tanh"), layers.Dense(3, activation=activation, name="kind")]
    return keras.Sequential([keras.Input((6,), name="x"), *stack], name=f"m{seed}")


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """An ensemble whose file alone knows that it gives logits, and what its classes are called."""
    path = tmp_path / "team.keras"
    labels = [["cat", "dog", "eel"], ["dog", "cat", "eel"]]
    weld.ensemble([make(0, None), make(1, None)], outputs="logits", reduce="logit-mean", labels=labels, out=path)
    return path


def test_a_file_and_the_model_loaded_from_it_tell_the_same(team: Path) -> None:
    told = weld.lineage(team)
    assert told is not None
    assert (told["method"], told["labels"]) == ("ensemble", ["cat", "dog", "eel"])
    assert weld.lineage(weld.load(team)) == told
    assert weld.lineage(str(team)) == told


def test_a_loaded_model_that_is_saved_again_keeps_its_lineage(team: Path, tmp_path: Path) -> None:
    model = weld.load(team)
    for name in ("again.keras", "again.weights.h5", "again.weights.json"):
        weld.save(model, tmp_path / name)
        assert weld.lineage(tmp_path / name) == weld.lineage(team), name


def test_a_loaded_ensemble_is_a_member_with_all_that_its_file_tells(team: Path) -> None:
    third = make(2)
    for member in (team, weld.load(team)):
        made = weld.ensemble([member, third])
        known = weld.lineage(made) or {}
        assert list(known["parameters"]["outputs"]["kind"].values()) == ["logits", "probabilities"]
        assert known["labels"] == ["cat", "dog", "eel"]


def test_tuning_keeps_what_outputs_mean(team: Path) -> None:
    x = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
    tuned = weld.tune(weld.load(team), (x, np.arange(60) % 3), stages="all:1@1e-3")
    known = weld.lineage(tuned) or {}
    assert known["gives"] == {"kind": "class logits"}
    assert known["labels"] == ["cat", "dog", "eel"]
    assert known["earlier"]["method"] == "ensemble"


def test_what_a_model_was_trained_for_tells_what_it_gives() -> None:
    x, y = np.random.default_rng(0).normal(size=(60, 6)).astype("float32"), np.arange(60) % 3
    own = Tower(classes=3)
    own(x)
    linear = keras.Sequential([keras.Input((6,)), keras.layers.Dense(3, name="kind")], name="linear")
    own.compile(loss=keras.losses.SparseCategoricalCrossentropy())  # which tuning goes by, and does not keep
    tuned = [weld.tune(one, (x, y), stages="all:1@1e-3") for one in (own, linear)]
    assert [(weld.lineage(one) or {})["gives"] for one in tuned] == [
        {"output": "class probabilities"},
        {"kind": "class logits"},
    ]
    made = weld.ensemble(tuned, names=["own", "linear"])
    assert list((weld.lineage(made) or {})["parameters"]["outputs"]["output"].values()) == ["probabilities", "logits"]


def test_with_another_architecture_the_lineage_is_that_of_the_weights(team: Path, tmp_path: Path) -> None:
    plain = weld.load(team)
    plain.save_weights(tmp_path / "plain.weights.h5")
    assert weld.lineage(weld.load(tmp_path / "plain.weights.h5", architecture=team)) is None
    weld.save(plain, tmp_path / "told.weights.h5")
    (tmp_path / "model.json").write_text(plain.to_json())
    loaded = weld.load(tmp_path / "told.weights.h5", architecture=tmp_path / "model.json")
    assert (weld.lineage(loaded) or {})["method"] == "ensemble"


def test_what_has_no_lineage_tells_none_and_what_is_no_model_is_refused(tmp_path: Path) -> None:
    make(0).save(tmp_path / "plain.keras")
    assert weld.lineage(tmp_path / "plain.keras") is None
    assert weld.lineage(weld.load(tmp_path / "plain.keras")) is None
    with pytest.raises(UsageError, match="This is not a model") as caught:
        weld.lineage(json)  # type: ignore[arg-type]
    assert caught.value.found == "module"
    with pytest.raises(MissingFileError):
        weld.lineage(tmp_path / "none.keras")
