"""A run keeps the vocabularies that layers have learnt, so that a model out of it has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import keras_weld as weld
from keras_weld.training.run_architecture import told_architecture, write_architecture

pytestmark = [
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore:__array__ implementation"),
    pytest.mark.filterwarnings("ignore:.*holds the architecture alone"),
]

WORDS = np.array(["a b", "b c", "b d", "c"])


def lookup(mode: str) -> Any:
    layer = keras.layers.TextVectorization(output_mode=mode, **({"output_sequence_length": 3} if mode == "int" else {}))
    layer.adapt(WORDS)
    return layer


def numbers() -> Any:
    layer = keras.layers.IntegerLookup()
    layer.adapt(np.array([[7], [7], [5]]))
    return layer


def tagged() -> Any:
    layer = keras.layers.StringLookup(num_oov_indices=2)
    layer.adapt(np.array([["x"], ["y"], ["x"]]))
    return layer


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (lambda: lookup("int"), WORDS),
        (lambda: lookup("tf_idf"), np.array(["b c", "none a"])),
        (numbers, np.array([[5], [7], [9]])),
        (tagged, np.array([["x"], ["y"], ["z"]])),
    ],
    ids=["words", "weighed", "numbers", "tags"],
)
def test_what_was_learnt_is_in_the_architecture(make: Any, given: Any, tmp_path: Path) -> None:
    layer = make()
    shape, dtype = given.shape[1:], "string" if given.dtype.kind == "U" else "int64"
    model = keras.Sequential([keras.Input(shape, dtype=dtype), layer])
    before = layer.get_config()
    write_architecture(tmp_path, told_architecture(model))
    assert layer.get_config() == before
    again = weld.load(tmp_path / "architecture.json").layers[-1]
    assert list(again.get_vocabulary()) == list(layer.get_vocabulary())
    np.testing.assert_array_equal(np.asarray(again(given)), np.asarray(layer(given)))
