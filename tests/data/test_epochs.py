"""Epochs: an order that can be rebuilt by hand, the same in every process, and a start in the middle."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.data import Preparation, chosen, open_data, order_of, prepared
from keras_weld.errors import DataError, UsageError

COUNT = 23


class Squares:
    """A source with random access, as PyTorch and Grain have them."""

    def __len__(self):
        return COUNT

    def __getitem__(self, index):
        return np.full((4, 4, 1), index, dtype=np.uint8), index


@pytest.fixture(params=["arrays", "mapped", "images", "rows", "chosen", "prepared"])
def split(request, tmp_path):
    """The numbers from 0 to 22 as small images, by every way to have them by number."""
    numbers = np.arange(COUNT)
    x = np.repeat(numbers, 16).reshape(COUNT, 4, 4, 1).astype(np.uint8)
    if request.param == "mapped":
        np.savez(tmp_path / "d.npz", x=x, y=numbers)
        return open_data(tmp_path / "d.npz").splits["all"]
    if request.param == "images":
        image = pytest.importorskip("PIL.Image")
        for number in numbers:
            folder = tmp_path / f"class{number:02}"
            folder.mkdir()
            image.fromarray(x[number, ..., 0]).save(folder / "image.png")
        return open_data(tmp_path).splits["all"]
    if request.param == "rows":
        return open_data(Squares()).splits["all"]
    if request.param == "chosen":
        double = np.repeat(numbers, 2)
        return chosen(open_data((np.repeat(x, 2, axis=0), double)).splits["all"], np.arange(0, 2 * COUNT, 2))
    whole = open_data((x, numbers)).splits["all"]
    return prepared(whole, Preparation(dtype="uint8")) if request.param == "prepared" else whole


def labels(batches):
    found = []
    for x, y in batches:
        np.testing.assert_array_equal(x[:, 0, 0, 0], y)
        found.append(y.tolist())
    return found


def joined(batches):
    return [label for batch in batches for label in batch]


def test_order_of_an_epoch_can_be_rebuilt_by_hand(split):
    assert split.positioned
    for epoch in (0, 5):
        bits = np.random.Philox(np.random.SeedSequence([3, epoch])).random_raw(COUNT)
        want = np.argsort(bits, kind="stable").tolist()
        batches = labels(split.epoch(5, seed=3, epoch=epoch))
        assert [len(batch) for batch in batches] == [5, 5, 5, 5, 3]
        assert joined(batches) == want
    assert joined(labels(split.epoch(5, seed=3, epoch=0, shuffle=False))) == list(range(COUNT))


@pytest.mark.parametrize("start", [0, 1, 3, 5, 9])
def test_start_is_what_is_left_after_skipping(split, start):
    whole = labels(split.epoch(5, seed=1, epoch=2))
    assert labels(split.epoch(5, seed=1, epoch=2, start=start)) == whole[start:]


def test_rows_are_taken_in_the_order_asked_for(split):
    x, y = split.take(np.array([7, 0, 7, 22]))
    assert y.tolist() == [7, 0, 7, 22]
    assert x[:, 0, 0, 0].tolist() == [7, 0, 7, 22]
    x, y = split.take(np.array([], dtype=int))
    assert x.shape == (0, 4, 4, x.shape[3])
    assert len(y) == 0
    with pytest.raises(DataError, match="has no such example") as refused:
        split.take(np.array([3, 23]))
    assert (refused.value.expected, refused.value.found) == ("numbers from 0 to 22", "23")
    with pytest.raises(DataError, match="by whole numbers"):
        split.take(np.array([0.5]))


def test_steps_count_the_last_smaller_batch(split):
    assert (split.steps(5), split.steps(23), split.steps(100)) == (5, 1, 1)
    assert split.count == split.counted() == COUNT
    np.testing.assert_array_equal(split.targets[0], np.arange(COUNT))


def test_batches_are_in_the_order_of_the_data(split):
    assert labels(split.batches(9)) == [list(range(9)), list(range(9, 18)), list(range(18, 23))]


def test_numbers_that_make_no_sense_are_refused(split):
    for wrong in ({"batch_size": 0}, {"start": -1}, {"seed": -1}, {"epoch": -1}):
        with pytest.raises(UsageError):
            list(split.epoch(**{"batch_size": 4, "seed": 0, "epoch": 0} | wrong))
    with pytest.raises(UsageError, match="A batch has at least one example"):
        list(split.batches(0))


def test_order_differs_by_seed_and_epoch_and_is_each_row_once():
    orders = {tuple(order_of(seed, epoch, 50)) for seed in range(4) for epoch in range(4)}
    assert len(orders) == 16
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert order_of(0, 0, 0).tolist() == []


def test_order_is_the_same_in_every_process(run_python):
    code = "from keras_weld.data import order_of; print(order_of(11, 4, 1000).tolist())"
    assert run_python(code).stdout == run_python(code).stdout == f"{order_of(11, 4, 1000).tolist()}\n"
    # Written down once: an order that changes with a version of NumPy would break every run that goes on.
    assert order_of(11, 4, 8).tolist() == [2, 5, 0, 3, 1, 6, 7, 4]


def test_mapped_arrays_stay_mapped(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.zeros((10, 3)), y=np.arange(10))
    found = open_data(tmp_path / "d.npz", validation=0.3)
    assert isinstance(found.splits["train"].whole.inputs["x"], np.memmap)
    assert found.splits["train"].count == 7
