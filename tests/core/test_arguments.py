"""Arguments of another kind are refused in words."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

import keras_weld as weld
from keras_weld.core.arguments import list_of_models
from keras_weld.core.importing import current_folder_importable
from keras_weld.errors import DataError, UsageError


def test_any_iterable_of_models_will_do():
    assert list_of_models(name for name in "ab") == ["a", "b"]


@pytest.mark.parametrize(
    ("models", "found"),
    [("a.keras", "'a.keras'"), (Path("a.keras"), f"a single {type(Path()).__name__}"), (None, "a single NoneType")],
)
def test_single_model_is_no_list(models, found):
    with pytest.raises(UsageError, match="The models are given as a list") as refused:
        weld.check(models)
    assert refused.value.found == found
    assert refused.value.remedy == "Give a list, even of one model."


def test_inspecting_what_is_no_path_says_to_save_it_first():
    with pytest.raises(UsageError, match="This is not the path of a model") as refused:
        weld.inspect(object())
    assert refused.value.found == "object"
    assert refused.value.remedy.endswith("save a live one first: weld.save(model, 'model.keras')")


def test_current_folder_is_searched_first_and_only_inside_the_block(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    with current_folder_importable():
        assert sys.path == [str(tmp_path), *before]
    assert sys.path == before


ONE = ["a.keras"]
DATA = (np.zeros((2, 3)), np.zeros(2))


@pytest.mark.parametrize(
    ("call", "found"),
    [
        (lambda: weld.average(ONE, "o.keras", weights="1"), "'1' (str)"),
        (lambda: weld.average(ONE, "o.keras", weights=["a"]), "'a' (str)"),
        (lambda: weld.average(ONE, "o.keras", weights=1.0), "1.0 (float)"),
        (lambda: weld.average(ONE, "o.keras", last="x"), "'x' (str)"),
        (lambda: weld.average(ONE, "o.keras", last=0), "0"),
        (lambda: weld.average(ONE, "o.keras", limits={"ratio": 3}), "{'ratio': 3} (dict)"),
        (lambda: weld.average(ONE, "o.keras", architecture=3), "int"),
        (lambda: weld.average(ONE, None), "NoneType"),
        (lambda: weld.average(ONE, 3), "int"),
        (lambda: weld.average(ONE, ""), "an empty text"),
        (lambda: weld.inspect(""), "an empty text"),
        (lambda: weld.inspect("a.keras", limits={}), "{} (dict)"),
        (lambda: weld.evaluate("a.keras", ONE, data=DATA, batch_size="x"), "'x' (str)"),
        (lambda: weld.evaluate("a.keras", ONE, data=DATA, resamples=True), "True (bool)"),
        (lambda: weld.evaluate("a.keras", ONE, data=DATA, seed=-1), "-1"),
        (lambda: weld.evaluate("a.keras", ONE, data=DATA, limits={}), "{} (dict)"),
        (lambda: weld.evaluate("a.keras", ONE, data=DATA, pixels="foo"), "foo"),
    ],
)
def test_what_is_of_another_kind_is_refused_before_anything_is_read(call, found):
    with pytest.raises(UsageError) as refused:
        call()
    assert str(refused.value.found) == found
    assert refused.value.expected


def test_the_folder_one_is_in_is_no_data_without_a_name():
    with pytest.raises(DataError, match="The name of the data is empty"):
        weld.evaluate("a.keras", ONE, data="")
