"""PyTorch's data sets and loaders, where PyTorch is installed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data_sources import COUNT, X, Y, assert_ordered_by_number, assert_same_as_arrays

from keras_weld.data import open_data

pytestmark = pytest.mark.keras
torch = pytest.importorskip("torch")
data = pytest.importorskip("torch.utils.data")


def pairs():
    return data.TensorDataset(torch.tensor(X), torch.tensor(Y))


class Stream(data.IterableDataset):
    def __iter__(self):
        return iter(pairs())


@pytest.mark.parametrize("shuffle", [False, True])
def test_plain_loader_is_had_by_number_whatever_order_it_has(shuffle):
    split = open_data(data.DataLoader(pairs(), batch_size=5, shuffle=shuffle)).splits["all"]
    assert (split.count, split.positioned) == (COUNT, True)
    assert_same_as_arrays(split)
    assert_ordered_by_number(split)


def test_loaders_workers_read_what_is_asked_for(run_python):
    # In a process of its own: workers are forked, which JAX's threads do not bear.
    code = """
import sys; sys.path.insert(0, sys.argv[1])
import torch
from torch.utils.data import DataLoader, TensorDataset
from data_sources import X, Y, assert_ordered_by_number, assert_same_as_arrays
from keras_weld.data import open_data
pairs = TensorDataset(torch.tensor(X), torch.tensor(Y))
split = open_data(DataLoader(pairs, batch_size=5, num_workers=2, persistent_workers=True)).splits["all"]
assert_same_as_arrays(split)
assert_ordered_by_number(split)
"""
    run_python(code, Path(__file__).parent)


def test_map_style_data_set_is_had_by_number():
    for source in (pairs(), data.Subset(pairs(), range(COUNT)), data.ConcatDataset([pairs()])):
        split = open_data(source).splits["all"]
        assert_same_as_arrays(split)
        assert_ordered_by_number(split)
    train, validation = (open_data(pairs(), validation=0.2).splits[name] for name in ("train", "validation"))
    assert (train.count, validation.count) == (18, 5)


def test_other_loaders_are_streams():
    loaders = [
        (data.DataLoader(Stream(), batch_size=5), None),
        (data.DataLoader(Stream(), batch_size=None), None),
        (Stream(), None),
        (data.DataLoader(pairs(), batch_size=5, sampler=range(COUNT)), COUNT),
        (data.DataLoader(pairs(), batch_sampler=[range(20), range(20, COUNT)]), None),
    ]
    for loader, count in loaders:
        split = open_data(loader).splits["all"]
        assert (split.count, split.positioned) == (count, False)
        assert_same_as_arrays(split)


def test_loaders_own_collate_function_joins_the_examples():
    def doubled(examples):
        x, y = data.default_collate(examples)
        return {"image": 2 * x}, y

    split = open_data(data.DataLoader(pairs(), batch_size=5, collate_fn=doubled)).splits["all"].fitted({"image": (2,)})
    np.testing.assert_array_equal(next(split.batches(COUNT))[0], 2 * X)


def test_tensors_with_gradients_and_bfloat16_become_arrays():
    tensor = torch.tensor(X, requires_grad=True)
    x, _ = next(open_data([(tensor, torch.tensor(Y))]).splits["all"].batches(COUNT))
    np.testing.assert_array_equal(x, X)
    x, _ = next(open_data([(tensor.bfloat16(), torch.tensor(Y))]).splits["all"].batches(COUNT))
    np.testing.assert_array_equal(x, X)
