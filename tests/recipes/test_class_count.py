"""How many classes a new head tells apart, by sources of every kind and by the data."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
import numpy as np  # noqa: E402
from custom_parts import Tower  # noqa: E402
from keras import layers  # noqa: E402
from zoo import ZOO  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.data import open_data  # noqa: E402
from keras_weld.errors import UsageError  # noqa: E402
from keras_weld.recipes.class_count import class_count  # noqa: E402
from keras_weld.recipes.sources import load_sources  # noqa: E402

X = np.zeros((6, 12), "float32")


def tower(loss: Any = None, classes: int = 4) -> keras.Model:
    model = Tower(classes=classes)
    model(X)
    if loss is not None:
        model.compile(loss=loss)
    return model


def open_ended(width: int) -> keras.Model:
    return keras.Sequential([keras.Input((12,)), layers.Dense(3, activation="relu"), layers.Dense(width)], name="open")


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", keras.losses.SparseCategoricalCrossentropy(from_logits=True)]
)
def test_the_loss_of_a_class_of_ones_own_tells_that_it_tells_classes_apart(loss: Any) -> None:
    made = weld.fuse([ZOO["mlp"](), tower(loss)])
    assert made.outputs[0].shape == (None, 4)
    assert not [note for note in (weld.lineage(made) or {})["notes"] if "classes" in note]
    assert class_count(load_sources([tower(loss), tower(loss)]), {}, "softmax") == (4, [])


def test_as_many_numbers_as_another_tells_classes_apart_are_taken_for_these_and_told() -> None:
    for other in (tower(), open_ended(4)):
        made = weld.fuse([ZOO["mlp"](), other], names=["mlp", "other"])
        assert made.outputs[0].shape == (None, 4)
        assert (weld.lineage(made) or {})["notes"][0] == (
            "other: that the 4 numbers are classes is not told, but taken."
        )


@pytest.mark.parametrize("other", [tower(classes=5), open_ended(5), tower("mean_squared_error")])
def test_other_numbers_and_values_are_no_classes(other: keras.Model) -> None:
    with pytest.raises(UsageError, match="How many classes") as caught:
        weld.fuse([ZOO["mlp"](), other], names=["mlp", "other"])
    said = "other: not told" if other.compiled else "other: 5 numbers, which may be no classes"
    assert caught.value.found == f"mlp: 4, {said}"


def test_numbers_that_no_source_calls_classes_are_none() -> None:
    with pytest.raises(UsageError, match="How many classes") as caught:
        weld.fuse([tower(), tower()], names=["a", "b"])
    assert caught.value.found == "a: 4 numbers, which may be no classes, b: 4 numbers, which may be no classes"
    assert caught.value.expected == "a number: --classes 10 (classes=10)"


@pytest.mark.parametrize(
    ("targets", "activation", "count"),
    [
        (np.array([0, 1, 2, 2, 1, 6]), "softmax", 7),
        (np.array([0.0, 1.0, 2.0, 2.0, 1.0, 0.0]), "softmax", 3),
        (np.eye(6)[:, :5], "softmax", 5),
        (np.array([0, 1, 0, 1, 0, 1]), "sigmoid", 1),
        (np.linspace(0, 1, 6), "linear", 1),
    ],
)
def test_the_data_tells_where_sources_do_not(targets: np.ndarray, activation: str, count: int) -> None:
    splits = list(open_data((X, targets)).splits.values())
    found, notes = class_count(load_sources([tower(), tower()]), {}, activation, splits)
    assert found == count
    assert notes[0].startswith(f"The new head gives {count} numbers, as the targets of the data ask for")


def test_the_data_does_not_tell_where_targets_are_values_or_a_stream() -> None:
    sources = load_sources([tower(), tower()])
    for data in ((X, np.linspace(0, 1, 6)), lambda: iter([(X, np.arange(6))])):
        with pytest.raises(UsageError, match="How many classes"):
            class_count(sources, {}, "softmax", list(open_data(data).splits.values()))


def test_all_examples_are_looked_at_for_the_largest_label() -> None:
    data = {"x_train": X, "y_train": np.arange(6) % 3, "x_val": X, "y_val": np.arange(6)}
    made = weld.fuse([tower(), tower()], data=data, stages="head:1@1e-3", names=["a", "b"])
    assert made.outputs[0].shape == (None, 6)


def test_what_all_sources_tell_apart_goes_before_the_data() -> None:
    splits = list(open_data((X, np.arange(6))).splits.values())
    assert class_count(load_sources([ZOO["mlp"](), ZOO["mlp"]()]), {}, "softmax", splits) == (4, [])
