"""Arguments of another kind are refused in words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import keras_weld as weld
from keras_weld.core.arguments import list_of_models
from keras_weld.core.importing import current_folder_importable
from keras_weld.errors import UsageError


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
