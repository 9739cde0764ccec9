"""Data out of live arrays: splits, batches, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.data import Dataset, open_data
from keras_weld.errors import DataError, UsageError

X = np.arange(40, dtype=np.float32).reshape(10, 4)
Y = np.arange(10)


def test_pair_is_one_split_in_batches_of_the_given_order():
    split = open_data((X, Y)).splits["all"]
    batches = list(split.batches(4))
    assert [len(x) for x, _ in batches] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in batches]), X)
    np.testing.assert_array_equal(np.concatenate([y for _, y in batches]), Y)
    np.testing.assert_array_equal(split.targets[0], Y)


def test_ranges_and_lists_are_arrays_too():
    for pair in ((X, range(10)), (X.tolist(), range(10)), (X.tolist(), Y.tolist())):
        np.testing.assert_array_equal(open_data(pair).splits["all"].targets[0], Y)


def test_keras_datasets_form_gives_train_and_test():
    splits = open_data(((X, Y), (X[:3], Y[:3]))).splits
    assert {name: split.count for name, split in splits.items()} == {"train": 10, "test": 3}


def test_dict_with_suffixes_gives_splits_under_their_one_name():
    found = open_data({"x_val": X, "y_val": Y, "x_test": X[:2], "y_test": Y[:2]})
    assert {name: split.count for name, split in found.splits.items()} == {"validation": 10, "test": 2}


def test_several_inputs_come_as_a_list_in_the_models_order():
    split = open_data(({"b": X, "a": X[:, :2]}, Y)).splits["all"].fitted({"a": (2,), "b": (4,)})
    x, y = next(split.batches(3))
    assert [part.shape for part in x] == [(3, 2), (3, 4)]
    assert y.shape == (3,)


def test_numbered_inputs_and_targets_are_taken_in_order():
    arrays = {"x10": X[:, :1], "x2": X, "y0": Y, "y1": Y + 1}
    split = open_data(arrays).splits["all"]
    x, y = next(split.batches(10))
    assert [part.shape[1] for part in x] == [4, 1]
    assert [int(part[0]) for part in y] == [0, 1]


def test_dataset_passes_through():
    dataset = open_data((X, Y))
    assert isinstance(dataset, Dataset)
    assert open_data(dataset) is dataset


def test_sample_is_drawn_by_its_seed_keeps_pairs_and_is_told():
    drawn = open_data((X, Y), sample=4, seed=3)
    split = drawn.splits["all"]
    x, y = next(split.batches(10))
    np.testing.assert_array_equal(x, X[y])
    assert len(set(y.tolist())) == 4
    assert list(y) == sorted(y)
    again = next(open_data((X, Y), sample=4, seed=3).splits["all"].batches(10))[1]
    np.testing.assert_array_equal(y, again)
    assert drawn.notes == ("Of the 10 examples of the split all, 4 were drawn (seed 3).",)
    with pytest.raises(UsageError, match="at least one example"):
        open_data((X, Y), sample=0)


def test_other_counts_of_inputs_and_targets_are_refused_with_both():
    with pytest.raises(DataError) as refused:
        open_data((X, Y[:9]))
    assert "'y' has another number of examples than 'x' (split all)" in str(refused.value)
    assert "expected: 10 examples, as in 'x'" in str(refused.value)
    assert "found:    9 examples" in str(refused.value)


def test_values_that_are_not_finite_are_refused_with_their_place():
    broken = X.copy()
    broken[7, 2] = np.nan
    with pytest.raises(DataError, match="'x' holds values that are not finite") as refused:
        open_data((broken, Y))
    assert refused.value.found == "nan in example 7"


def test_texts_no_examples_and_other_things_are_refused():
    with pytest.raises(DataError, match="does not hold numbers") as refused:
        open_data((X, np.array(list("abcdefghij"))))
    assert "labels as whole numbers from 0" in str(refused.value)
    with pytest.raises(DataError, match="holds no examples"):
        open_data((X[:0], Y[:0]))
    with pytest.raises(DataError, match="This is not data") as refused:
        open_data(5)
    assert refused.value.found == "int"


def test_shape_that_does_not_fit_names_both_shapes():
    split = open_data((X, Y)).splits["all"]
    with pytest.raises(DataError) as refused:
        split.fitted({"image": (8, 8, 1)})
    assert "The examples under 'x' do not fit the model's input 'image'" in str(refused.value)
    assert "expected: shape (8, 8, 1) for one example" in str(refused.value)
    assert "found:    shape (4)" in str(refused.value)
    with pytest.raises(DataError, match="another number of inputs") as refused:
        split.fitted({"a": (4,), "b": (4,)})
    assert refused.value.expected == "2: a (4), b (4)"


def test_last_axis_of_one_may_be_missing_or_too_many_as_keras_allows():
    images = np.zeros((2, 8, 8))
    assert open_data((images, Y[:2])).splits["all"].fitted({"i": (8, 8, 1)}).count == 2
    assert open_data((images[..., None], Y[:2])).splits["all"].fitted({"i": (8, None)}).count == 2
