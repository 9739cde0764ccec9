"""Configurations of Keras 2, said anew."""

from __future__ import annotations

import copy
import json

import pytest
from small_models import GOLDEN

pytestmark = pytest.mark.keras


def modernise(config):
    from keras_weld.models.older import modernise

    return modernise(config)


def test_the_original_is_left_alone():
    config = json.loads((GOLDEN / "keras2_15" / "nested.json").read_text())
    before = copy.deepcopy(config)
    modernise(config)
    assert config == before


def test_what_has_an_effect_is_kept():
    for dropped, kept in (("time_major", True), ("groups", 2)):
        layer = {"class_name": "DepthwiseConv2D", "config": {dropped: kept}}
        assert modernise(layer)["config"] == {dropped: kept}
    dense = {"class_name": "Dense", "config": {"kernel_initializer": "zeros", "groups": 1}}
    assert modernise(dense) == dense


def test_what_keras_3_no_longer_takes_is_dropped_where_it_has_no_effect():
    layer = {"class_name": "Conv2DTranspose", "config": {"filters": 2, "groups": 1}}
    assert modernise(layer)["config"] == {"filters": 2}
    layer = {"class_name": "Embedding", "config": {"input_dim": 2, "input_length": 6}}
    assert modernise(layer)["config"] == {"input_dim": 2}
    layer = {"class_name": "Conv2D", "config": {"groups": 1}}
    assert modernise(layer) == layer


def test_calls_of_nested_models_are_counted_from_zero():
    inner = {
        "class_name": "Functional",
        "name": "body",
        "config": {},
        "inbound_nodes": [[["a", 0, 0, {}]], [["b", 0, 0, {}]]],
    }
    last = {
        "class_name": "Add",
        "name": "sum",
        "config": {},
        "inbound_nodes": [[["body", 1, 0, {}], ["body", 2, 0, {}]]],
    }
    outer = {"layers": [inner, last], "input_layers": [], "output_layers": [["sum", 0, 0]]}
    found = modernise({"class_name": "Functional", "config": outer})["config"]["layers"][1]
    assert found["inbound_nodes"] == [[["body", 0, 0, {}], ["body", 1, 0, {}]]]


def test_calls_that_start_at_zero_already_stay():
    inner = {"class_name": "Sequential", "name": "body", "config": {}, "inbound_nodes": [[["a", 0, 0, {}]]]}
    last = {"class_name": "ReLU", "name": "r", "config": {}, "inbound_nodes": [[["body", 0, 0, {}]]]}
    outer = {"layers": [inner, last], "input_layers": [], "output_layers": [["r", 0, 0]]}
    found = modernise({"class_name": "Functional", "config": outer})["config"]["layers"][1]
    assert found["inbound_nodes"] == last["inbound_nodes"]


def test_tuples_and_policies_are_plain_again():
    layer = {
        "class_name": "InputLayer",
        "config": {
            "batch_input_shape": {"class_name": "__tuple__", "items": [None, 6]},
            "dtype": {"class_name": "Policy", "config": {"name": "mixed_float16"}},
        },
    }
    assert modernise(layer)["config"] == {"batch_input_shape": (None, 6), "dtype": "mixed_float16"}
