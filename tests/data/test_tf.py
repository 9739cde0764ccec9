"""`tf.data.Dataset`."""

from __future__ import annotations

import numpy as np
import pytest
from data_sources import COUNT, X, Y, assert_same_as_arrays, rows_of_epoch

from keras_weld.data import open_data
from keras_weld.errors import DataError

pytestmark = pytest.mark.keras
tf = pytest.importorskip("tensorflow")


def slices():
    return tf.data.Dataset.from_tensor_slices((X, Y))


def test_batches_and_examples_come_to_the_arrays():
    counts = {
        "examples": (slices(), COUNT),
        "batches": (slices().batch(5), None),
        "all in one": (slices().batch(COUNT, drop_remainder=True), COUNT),
        "mapped": (slices().map(lambda x, y: (x, y)).batch(7).prefetch(1), None),
    }
    for name, (source, count) in counts.items():
        split = open_data(source).splits["all"]
        assert split.count == count, name
        assert not split.positioned
        assert_same_as_arrays(split)
        assert rows_of_epoch(split, start=3) == [Y[15:20].tolist(), Y[20:].tolist()]


def test_dicts_go_by_name():
    source = tf.data.Dataset.from_tensor_slices(({"b": X, "a": X[:, :1]}, Y)).batch(4)
    split = open_data(source).splits["all"].fitted({"a": (1,), "b": (2,)})
    x, _ = next(split.batches(6))
    assert [part.shape for part in x] == [(6, 1), (6, 2)]


def test_endless_data_is_known_as_such_and_taken_piece_by_piece():
    split = open_data(slices().batch(5).repeat()).splits["all"]
    assert split.endless
    assert split.steps(5) is None
    with pytest.raises(DataError, match="never ends") as refused:
        _ = split.targets
    assert "data.take(n)" in refused.value.remedy
    batches = split.epoch(5, seed=0, epoch=0)
    assert sum(len(next(batches)[1]) for _ in range(10)) == 50


def test_sample_weights_ragged_and_text_are_refused():
    weighted = tf.data.Dataset.from_tensor_slices((X, Y, np.ones(COUNT))).batch(4)
    with pytest.raises(DataError, match="sample weights, which are not taken into account"):
        list(open_data(weighted).splits["all"].batches(4))
    text = tf.data.Dataset.from_tensor_slices((np.array(["a"] * COUNT), Y)).batch(4)
    with pytest.raises(DataError, match="does not hold numbers"):
        list(open_data(text).splits["all"].batches(4))


def test_pair_is_train_and_validation():
    found = open_data((slices().skip(10).batch(5), slices().take(10).batch(5))).splits
    assert {name: split.counted() for name, split in found.items()} == {"train": 13, "validation": 10}
