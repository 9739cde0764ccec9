"""Data that a function makes."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from keras_weld.data import open_data
from keras_weld.data.function import dataset_of
from keras_weld.errors import DataError

MODULE = """
import numpy as np

def pair():
    return np.zeros((5, 2)), np.arange(5)

def splits():
    validation = {"x_val": np.zeros((3, 2)), "y_val": np.arange(3)}
    return validation | {"x_test": np.ones((4, 2)), "y_test": np.arange(4)}

def weighted():
    return np.zeros((5, 2)), np.arange(5), np.ones(5)

def weighted_splits():
    return weighted(), weighted()

def weighted_by_name():
    return {"train": weighted(), "val": pair()}

def fails():
    raise RuntimeError("no such camera")

thing = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "weld_test_feed.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    sys.modules.pop("weld_test_feed", None)


@pytest.mark.usefixtures("module")
def test_function_of_a_module_in_the_current_folder_is_called():
    before = list(sys.path)
    assert open_data("weld_test_feed:pair").splits["all"].count == 5
    assert sys.path == before
    found = open_data("weld_test_feed:splits")
    assert {name: split.count for name, split in found.splits.items()} == {"validation": 3, "test": 4}
    assert found.origin == "weld_test_feed:splits"


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("name", ["weighted", "weighted_splits", "weighted_by_name"])
def test_sample_weights_are_refused_in_words(name):
    with pytest.raises(DataError, match="comes with sample weights, which are not taken into account") as refused:
        open_data(f"weld_test_feed:{name}")
    assert refused.value.file == f"weld_test_feed:{name}"
    assert refused.value.remedy == "Leave the weights out, where the data is made: return x, y."


@pytest.mark.usefixtures("module")
def test_what_goes_wrong_is_told():
    with pytest.raises(DataError, match="The function weld_test_feed:fails failed") as refused:
        open_data("weld_test_feed:fails")
    assert refused.value.found == "RuntimeError: no such camera"
    with pytest.raises(DataError, match="has no 'nothing'"):
        open_data("weld_test_feed:nothing")
    with pytest.raises(DataError, match="is not a function"):
        open_data("weld_test_feed:thing")
    with pytest.raises(DataError, match="There is no module 'weld_test_absent'"):
        open_data("weld_test_absent:pair")


@pytest.mark.parametrize(
    "made",
    [
        lambda x, y: (x, y),
        lambda x, y: (tuple(x), y),
        lambda x, y: {"x": x, "y": y},
        lambda x, y: {"x": tuple(x), "y": y},
        lambda x, y: {"x": {"x0": x[0], "x1": x[1]}, "y": y},
        lambda x, y: {"x_test": x, "y_test": y},
        lambda x, y: ((tuple(x), y), (tuple(x), y)),
    ],
)
def test_several_inputs_of_other_shapes_are_a_list_a_tuple_or_a_dict(made):
    x, y = [np.zeros((6, 4)), np.ones((6, 2))], np.arange(6)
    for split in dataset_of(made(x, y), "here").splits.values():
        assert {name: values.shape for name, values in split.inputs.items()} == {"x0": (6, 4), "x1": (6, 2)}
        assert split.targets[0].tolist() == list(range(6))
