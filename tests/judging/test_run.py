"""Running models that are only shaped like Keras models."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from keras_weld.data import open_data
from keras_weld.errors import DataError, UsageError
from keras_weld.judging import predict

X = np.arange(20, dtype=np.float32).reshape(10, 2)


class Doubler:
    """Doubles its input and remembers the sizes of its batches."""

    name = "doubler"

    def __init__(self, width=2, keep=None):
        self.inputs = [SimpleNamespace(name="x", shape=(None, width))]
        self.sizes = []
        self.keep = keep

    def predict_on_batch(self, x):
        self.sizes.append(len(x))
        return {"twice": (2 * x)[: self.keep], "first": x[:, 0][: self.keep]}


def test_outputs_of_all_examples_in_order_from_batches_of_one_size():
    model, told = Doubler(), []
    found = predict(model, open_data((X, X)).splits["all"], batch_size=4, tell=told.append)
    twice, first = found.outputs
    np.testing.assert_array_equal(found.targets[0], X)
    np.testing.assert_array_equal(twice, 2 * X)
    np.testing.assert_array_equal(first, X[:, 0])
    assert model.sizes == [4, 4, 4]  # the last one is filled up, so that nothing is compiled twice
    assert told == [4, 4, 2]


def test_what_does_not_fit_is_refused_before_it_runs():
    model = Doubler(width=3)
    with pytest.raises(DataError, match="do not fit the model's input 'x'"):
        predict(model, open_data((X, X)).splits["all"])
    assert model.sizes == []
    with pytest.raises(UsageError, match="A batch has at least one example"):
        predict(Doubler(), open_data((X, X)).splits["all"], batch_size=0)


def test_failure_inside_the_model_names_model_shape_and_reason():
    model = Doubler()
    model.predict_on_batch = lambda x: x @ np.zeros((5, 5))
    with pytest.raises(DataError, match="The model 'doubler' cannot take the examples") as refused:
        predict(model, open_data((X, X)).splits["all"])
    assert "shape (10, 2), float32; Keras says: matmul" in refused.value.found


def test_model_that_gives_fewer_outputs_is_refused():
    with pytest.raises(DataError, match="one output for each example"):
        predict(Doubler(keep=3), open_data((X, X)).splits["all"], batch_size=5)
