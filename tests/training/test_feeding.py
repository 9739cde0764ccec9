"""The row of batches that Keras is given."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.data import open_data
from keras_weld.data.arrays import array_split
from keras_weld.errors import DataError

pytestmark = pytest.mark.keras

import keras  # noqa: E402


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


class Rows(keras.utils.PyDataset):
    """Batches of two, three, four, two, … examples, noted when they are read."""

    sizes = (2, 3, 4, 2, 3, 4)

    def __init__(self):
        super().__init__()
        self.read = []

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        self.read.append(index)
        first = sum(self.sizes[:index])
        values = np.arange(first, first + self.sizes[index])
        return values[:, None], values


def grain_rows():
    import grain

    return grain.MapDataset.source([(np.array([n]), n) for n in range(18)]).to_iter_dataset().batch(4)


def grain_examples():
    import grain

    return grain.MapDataset.source([(np.array([n]), n) for n in range(18)]).shuffle(seed=2).to_iter_dataset()


def grain_batches():
    import grain

    return grain.MapDataset.source([(np.array([n]), n) for n in range(18)]).shuffle(seed=2).batch(4)


@pytest.mark.parametrize("make", [Rows, grain_rows, grain_examples, grain_batches])
def test_a_source_with_places_is_gone_on_with_from_each_of_them(make):
    def row(**options):
        return feed(open_data(make()).splits["all"], 5, steps=4, **options)

    whole = row(placed=True)
    expected = labels(whole, 8)
    for batch in range(1, 4):
        place = whole.place_after(0, batch)
        assert labels(row(start=batch, placed=True, place=place), 8 - batch) == expected[batch:]
    assert whole.place_after(1, 0) is None  # it begins anew


def test_what_lies_before_a_place_is_not_read():
    whole = feed(open_data(Rows()).splits["all"], 5, steps=4, placed=True)
    expected = labels(whole, 4)
    source = Rows()
    split = open_data(source).splits["all"]
    rest = feed(split, 5, steps=4, start=3, placed=True, place=whole.place_after(0, 3))
    source.read.clear()
    assert labels(rest, 1) == expected[3:]
    assert source.read == [0, 5]  # the first one tells what they look like


def test_a_source_without_an_end_is_gone_on_with_between_epochs_too():
    import grain

    def row(**options):
        data = grain.MapDataset.source([(np.array([n]), n) for n in range(7)]).repeat().batch(3)
        return feed(open_data(data).splits["all"], 3, steps=2, **options)

    whole = row(placed=True)
    expected = labels(whole, 8)
    place = whole.place_after(2, 0)
    assert labels(row(first=2, placed=True, place=place), 4) == expected[4:]


def test_each_evaluation_is_an_epoch():
    class Counted(Rows):
        ended = 0

        def on_epoch_end(self):
            self.ended += 1

    source = Counted()
    row = feed(open_data(source).splits["all"], 5, first=2, evaluated=True)
    assert row.num_batches == 4
    assert [len(labels(row, 4)) and source.ended for _ in range(3)] == [2, 3, 4]
