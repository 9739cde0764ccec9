"""The row of batches that Keras is given."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.data.arrays import array_split
from keras_weld.errors import DataError

pytestmark = pytest.mark.keras


def split(count=10):
    return array_split("train", "made", {"x": np.arange(count)[:, None]}, {"y": np.arange(count)})


def feed(data, size, **options):
    from keras_weld.training.feeding import Feed

    return Feed(data, size, lambda y: y, **options)


def labels(row, count):
    return [row[number][1].tolist() for number in range(count)]


def test_epochs_follow_each_other_in_the_order_of_the_data():
    data = split()
    row = feed(data, 4, seed=5, shuffle=True)
    assert row.steps == 2
    expected = [y.tolist() for epoch in (0, 1) for _, y in list(data.epoch(4, seed=5, epoch=epoch))[:2]]
    assert labels(row, 4) == expected
    assert expected[:2] != expected[2:]


def test_a_batch_depends_on_its_number_alone():
    row = feed(split(), 3, seed=1, shuffle=True)
    in_order = labels(row, 9)
    assert [row[number][1].tolist() for number in (7, 0, 1, 4, 3)] == [in_order[n] for n in (7, 0, 1, 4, 3)]


def test_the_first_epoch_can_be_another():
    data = split()
    assert labels(feed(data, 5, shuffle=True, first=1), 2) == labels(feed(data, 5, shuffle=True), 4)[2:]


def test_without_shuffling_the_rest_is_given_too():
    assert labels(feed(split(), 4), 4) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [0, 1, 2, 3]]


def test_fewer_examples_than_a_batch_are_one_batch():
    assert feed(split(3), 8, shuffle=True).steps == 1


def test_examples_that_end_too_early_are_refused():
    row = feed(split(), 5, steps=3)
    with pytest.raises(DataError, match="ended before the epoch did"):
        labels(row, 3)
    with pytest.raises(DataError, match="ended before the epoch did"):
        row.raise_refusal()
