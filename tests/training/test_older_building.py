"""Models that are built and compiled as for an older Keras: refused with the new way, before anything is trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import UsageError  # noqa: E402

DATA = np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32")


def compiled(*more: Any) -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(), "mse", *more, run_eagerly=True)
    return model


def rate_set() -> keras.Model:
    model = compiled()
    model.optimizer.lr = 0.5
    return model


def wrapped() -> keras.Model:
    model = compiled()
    model.compile(keras.optimizers.LossScaleOptimizer(model.optimizer), "mse")
    model.optimizer.inner_optimizer.decay = 0.1
    return model


@pytest.mark.parametrize(
    ("build", "problem", "remedy"),
    [
        (rate_set, "Optimizers of Keras 3 have no lr.", "optimizer.learning_rate = "),
        (wrapped, "Optimizers of Keras 3 have no decay.", "schedules.InverseTimeDecay("),
        (lambda: compiled().optimizer.lr, "Optimizers of Keras 3 have no lr.", "optimizer.learning_rate = "),
        (lambda: keras.optimizers.Adam(lr=0.1), "Optimizers of Keras 3 have no lr.", "Adam(learning_rate="),
        (lambda: compiled(["accuracy"]), "The weights of the losses are texts.", "metrics=['accuracy']"),
    ],
)
def test_the_new_way_is_told(build: Callable[[], Any], problem: str, remedy: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        weld.fit(build, DATA, run=tmp_path / "run", epochs=1, verbose=0)
    assert refused.value.problem == problem
    assert remedy in str(refused.value.remedy)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_rate_without_effect_is_refused_by_the_callback_too(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="have no lr"):
        rate_set().fit(*DATA, callbacks=[weld.Resume(tmp_path / "run")], verbose=0)


def test_other_errors_of_what_builds_are_raised_as_they_are(tmp_path: Path) -> None:
    class Settings:
        pass

    with pytest.raises(AttributeError, match="lr"):
        weld.fit(lambda: Settings().lr, DATA, run=tmp_path / "run", epochs=1)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="not recognized"):
        weld.fit(lambda: keras.optimizers.Adam(speed=1), DATA, run=tmp_path / "run", epochs=1)
