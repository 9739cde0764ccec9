"""The arrays that live sources are made of in these tests, and whether a source gives them back."""

from __future__ import annotations

import numpy as np

from keras_weld.data import open_data

COUNT = 23
X = np.arange(2 * COUNT, dtype=np.float32).reshape(COUNT, 2)
Y = np.arange(COUNT)


def assert_same_as_arrays(split, batch_size=4):
    """The split gives the batches that the arrays give, as often as it is asked, and their targets."""
    want = list(open_data((X, Y)).splits["all"].batches(batch_size))
    for _ in range(2):
        found = list(split.batches(batch_size))
        assert len(found) == len(want)
        for (x, y), (want_x, want_y) in zip(found, want, strict=True):
            assert isinstance(x, np.ndarray)
            np.testing.assert_array_equal(x, want_x)
            np.testing.assert_array_equal(y, want_y)
    np.testing.assert_array_equal(split.targets[0], Y)
    assert split.counted() == COUNT


def rows_of_epoch(split, **given):
    """The labels of an epoch, batch by batch."""
    return [y.tolist() for _, y in split.epoch(5, **{"seed": 3, "epoch": 1} | given)]


def assert_ordered_by_number(split):
    """An epoch has the order that seed, epoch and count make, from any batch on."""
    bits = np.random.Philox(np.random.SeedSequence([3, 1])).random_raw(COUNT)
    whole = rows_of_epoch(split)
    assert [row for batch in whole for row in batch] == np.argsort(bits, kind="stable").tolist()
    assert [rows_of_epoch(split, start=start) for start in (0, 2, 5)] == [whole[0:], whole[2:], whole[5:]]
    assert split.take(np.array([5, 5, 0]))[1].tolist() == [5, 5, 0]
