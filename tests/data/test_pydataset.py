"""`keras.utils.PyDataset`, and judging a Keras model on live data."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from data_sources import COUNT, X, Y, assert_same_as_arrays

import keras_weld as weld
from keras_weld.data import open_data

pytestmark = pytest.mark.keras


class Batches(keras.utils.PyDataset):
    def __init__(self, endless=False):
        super().__init__()
        self.endless, self.ended = endless, 0

    @property
    def num_batches(self):
        return None if self.endless else 5

    def __getitem__(self, index):
        rows = slice(5 * index, 5 * index + 5)
        return keras.ops.convert_to_tensor(X[rows]), keras.ops.convert_to_tensor(Y[rows])

    def on_epoch_end(self):
        self.ended += 1


def test_batches_come_to_the_arrays_and_the_end_of_an_epoch_is_told():
    source = Batches()
    split = open_data(source).splits["all"]
    assert (split.count, split.positioned, split.endless) == (None, False, False)
    assert_same_as_arrays(split)
    assert source.ended == 0
    assert len(list(split.epoch(5, seed=0, epoch=0, start=2))) == 3
    assert source.ended == 0
    assert len(list(split.epoch(5, seed=0, epoch=1))) == 5
    assert source.ended == 1
    next(split.epoch(5, seed=0, epoch=4))  # as when a training goes on there
    assert source.ended == 4


def test_data_set_without_an_end_is_known_as_such():
    split = open_data(Batches(endless=True)).splits["all"]
    assert split.endless
    assert len(next(split.epoch(4, seed=0, epoch=0))[1]) == 4


def test_models_are_judged_on_it_as_on_the_arrays():
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(COUNT, activation="softmax")])
    other = keras.models.clone_model(model)
    found = weld.evaluate(model, [other], data=Batches(), batch_size=6)
    assert found.splits == weld.evaluate(model, [other], data=(X, Y), batch_size=6).splits
    assert np.isfinite(found.splits[0].rows[0].value)
