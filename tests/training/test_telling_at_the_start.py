"""What a training refuses and tells before its first step, of its options and its callbacks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import DataError, TrainingError, UsageError  # noqa: E402
from keras_weld.models.keras_private import random_seed  # noqa: E402
from keras_weld.training.callback_attributes import has_attributes  # noqa: E402
from keras_weld.training.resume import _order_of_tensorflow  # noqa: E402

DATA = np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32")


def build() -> keras.Model:
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    return model


def train(run: Path, epochs: Any = 1, **options: Any) -> keras.Model:
    return weld.fit(build, DATA, run=run, epochs=epochs, verbose=0, **options)


def test_numbers_of_another_kind_are_refused(tmp_path: Path) -> None:
    for options in ({"epochs": "3"}, {"batch_size": 2.0}, {"keep": None}):
        with pytest.raises(UsageError, match=f"The argument {next(iter(options))} is of another kind"):
            train(tmp_path / "run", **options)
    with pytest.raises(UsageError, match="The argument epochs is too small"):
        train(tmp_path / "run", 0)


def test_a_training_is_kept_in_one_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="A training is kept in one run"):
        train(tmp_path / "run", callbacks=[weld.Resume(tmp_path / "other")])
    several = [weld.Resume(tmp_path / "one"), weld.Resume(tmp_path / "two")]
    with pytest.raises(UsageError, match="A training is kept in one run"):
        build().fit(*DATA, callbacks=several, verbose=0)


def test_fewer_epochs_than_were_trained_are_told(tmp_path: Path) -> None:
    train(tmp_path / "run", 2)
    told: list[str] = []
    train(tmp_path / "run", 1, tell=told.append)
    assert told == ["The run has had 2 epochs already, more than the 1 asked for: its model is that of all 2."]


def test_whether_tensorflow_has_a_seed_is_told() -> None:
    assert "no seed was set" in _order_of_tensorflow(None)
    assert "from the seed 5" in _order_of_tensorflow(5)
    keras.utils.set_random_seed(5)
    assert random_seed() == 5


class Prints(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps nothing."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        print(epoch, logs)


class Sets(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps what it makes in the training."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.losses: list[float] = []


class Counts(keras.callbacks.Callback):  # type: ignore[misc]
    """Has a value of its class."""

    count = 0


def test_callbacks_that_keep_nothing_are_told_apart() -> None:
    given = Prints()
    given.given = 1
    assert [has_attributes(one) for one in (Prints(), Sets(), Counts(), given)] == [False, True, True, True]


class AsksTheModel(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps what its model tells."""

    def get_state(self) -> dict[str, Any]:
        return {"iterations": int(self.model.optimizer.iterations)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Nothing is needed of it."""


class Fails(AsksTheModel):
    """Keeps what there is not."""

    def get_state(self) -> dict[str, Any]:
        return {"rate": self.rate}


def test_a_callback_has_its_model_when_it_is_asked_for_its_state(tmp_path: Path) -> None:
    train(tmp_path / "run", callbacks=[AsksTheModel()])


def test_a_callback_that_cannot_tell_its_state_is_refused_before_the_first_step(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="What Fails knows cannot be kept") as refused:
        train(tmp_path / "run", callbacks=[Fails()])
    assert "AttributeError" in str(refused.value.found)
    assert not (tmp_path / "run" / "checkpoints").exists()


@pytest.mark.parametrize("name", ["validation_split", "class_weight", "steps_per_epoch", "nonsense"])
def test_options_of_keras_are_refused_with_the_new_way(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"weld.fit has no option {name}") as refused:
        train(tmp_path / "run", **{name: 0.1})
    assert ("help(weld.fit)" in str(refused.value.remedy)) == (name == "nonsense")


def test_targets_by_themselves_and_no_folder_are_refused_with_the_new_way(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes the data as one argument") as refused:
        weld.fit(build, *DATA, run=tmp_path / "run", epochs=1)
    assert "(x, y)" in str(refused.value.remedy)
    with pytest.raises(UsageError, match="keeps the training in a folder"):
        weld.fit(build, DATA, epochs=1)


def telling_apart() -> keras.Model:
    entry = keras.Input((2,))
    layers = {name: keras.layers.Dense(size, activation="softmax", name=name) for name, size in (("a", 2), ("b", 3))}
    model = keras.Model(entry, {name: layer(entry) for name, layer in layers.items()})
    sparse = keras.losses.SparseCategoricalCrossentropy(ignore_class=255)
    model.compile("sgd", {"a": "sparse_categorical_crossentropy", "b": sparse}, run_eagerly=True)
    return model


def test_labels_that_are_no_classes_are_refused_before_the_first_step(tmp_path: Path) -> None:
    labels = {"a": np.array([0, 1, 1, 0]), "b": np.array([0, 2, 255, 1])}
    for name, wrong in (("a", 2), ("b", 3), ("b", -1)):
        given = {**labels, name: np.array([0, 1, 1, wrong])}
        with pytest.raises(DataError, match="A label is not one of the model's classes") as refused:
            weld.fit(telling_apart, (DATA[0], given), run=tmp_path / "run", epochs=1, verbose=0)
        assert (refused.value.layer, refused.value.found) == (name, str(wrong))
    assert not (tmp_path / "run" / "run.json").exists()
    weld.fit(telling_apart, (DATA[0], labels), run=tmp_path / "run", epochs=1, verbose=0)
