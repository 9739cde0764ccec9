"""Setting examples aside: each class gives its share, by a draw that depends on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_weld.data import divide, open_data, order_of, stream_split
from keras_weld.errors import DataError, UsageError


def whole(labels):
    labels = np.asarray(labels)
    return open_data((np.arange(len(labels), dtype=np.float32)[:, None], labels)).splits["all"]


@given(
    st.lists(st.integers(0, 5), min_size=2, max_size=200),
    st.floats(0.01, 0.99),
    st.integers(0, 1000),
)
def test_each_class_gives_its_share_within_one_example(labels, fraction, seed):
    wanted = round(len(labels) * fraction)
    if not 0 < wanted < len(labels):
        return
    train, validation = divide(whole(labels), fraction, seed)
    assert (train.count, validation.count) == (len(labels) - wanted, wanted)
    assert sorted([*train.rows, *validation.rows]) == list(range(len(labels)))
    assert train.rows.tolist() == sorted(train.rows)
    for label in set(labels):
        share = labels.count(label) * fraction
        assert abs((validation.targets[0] == label).sum() - share) < 1 + 1e-6
    again = divide(whole(labels), fraction, seed)[1]
    np.testing.assert_array_equal(again.rows, validation.rows)


def test_inputs_stay_with_their_targets_and_the_seed_decides():
    labels = np.arange(100) % 4
    draws = []
    for seed in range(3):
        train, validation = divide(whole(labels), 0.25, seed)
        for part in (train, validation):
            for x, y in part.batches(7):
                np.testing.assert_array_equal(labels[x[:, 0].astype(int)], y)
        draws.append(tuple(validation.rows))
    assert len(set(draws)) == 3
    assert (train.name, validation.name) == ("train", "validation")


def test_classes_of_one_example_have_no_order_of_advantage():
    # With one example a class it is a plain draw: the first classes must not come first.
    first = [divide(whole(np.arange(20)), 0.5, seed)[1].targets[0] for seed in range(200)]
    assert 0.35 < np.mean([0 in labels for labels in first]) < 0.65
    assert 0.35 < np.mean([19 in labels for labels in first]) < 0.65


def test_draw_is_not_the_order_of_an_epoch():
    validation = divide(whole(np.zeros(100, dtype=int)), 0.5, 3)[1]
    assert set(validation.rows) != set(order_of(3, 0, 100)[:50])
    with pytest.raises(UsageError, match="whole numbers from 0"):
        divide(whole([0, 1]), 0.5, -1)


def test_values_are_drawn_from_all_alike():
    train, validation = divide(whole(np.linspace(0, 1, 30)), 0.2, 1)
    assert (train.count, validation.count) == (24, 6)


def test_open_data_sets_aside_and_says_so():
    labels = np.arange(50) % 2
    x = np.zeros((50, 3))
    found = open_data((x, labels), validation=0.2, seed=7)
    assert {name: split.count for name, split in found.splits.items()} == {"train": 40, "validation": 10}
    note = "Of the 50 examples of the split all, 10 were set aside for validation (seed 7)."
    assert found.notes == (note,)
    found = open_data(((x, labels), (x[:4], labels[:4])), validation=0.2)
    assert {name: split.count for name, split in found.splits.items()} == {"train": 40, "validation": 10, "test": 4}
    own = open_data({"x_train": x, "y_train": labels, "x_val": x[:4], "y_val": labels[:4]}, validation=0.2)
    assert own.splits["validation"].count == 4
    assert own.notes == ()


def test_what_cannot_be_divided_is_refused():
    with pytest.raises(UsageError, match="above 0 and below 1"):
        divide(whole([0, 1]), 1.0, 0)
    with pytest.raises(DataError, match="too few examples") as refused:
        divide(whole([0, 1]), 0.1, 0)
    assert refused.value.found == "0 of 2 to set aside"
    with pytest.raises(DataError, match="Nothing can be set aside from a stream") as refused:
        divide(stream_split([(np.zeros((4, 1)), np.zeros(4))]), 0.5, 0)
    assert "data=(train, validation)" in refused.value.remedy
    with pytest.raises(DataError, match="no training examples to set some aside from"):
        open_data({"x_test": np.zeros((4, 1)), "y_test": np.arange(4)}, validation=0.5)
