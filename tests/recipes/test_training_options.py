"""The options of training, as the functions show them that take them."""

from __future__ import annotations

import inspect
from dataclasses import fields
from typing import Any

import pytest

import keras_weld as weld
from keras_weld.recipes.training_options import TrainingOptions
from keras_weld.recipes.tuning import Training

TAKING = [weld.tune, weld.fuse, weld.branch]


def test_they_are_the_fields_of_a_training() -> None:
    assert ["data", "validation", *TrainingOptions.__annotations__] == [one.name for one in fields(Training)]


@pytest.mark.parametrize("function", TAKING)
def test_each_is_shown_with_its_default_and_what_it_means(function: Any) -> None:
    shown, told = inspect.signature(function).parameters, inspect.getdoc(function) or ""
    for one in fields(Training)[2:]:
        assert shown[one.name].default == one.default
        assert f"\n    {one.name}: " in told
    assert "training" not in shown
    assert "**training" not in told
    assert "\n    stages: `PART:EPOCHS@RATE` with commas" in told
    assert "\n        last 20 layers with weights)" in told
    assert '10 minutes".\n\nReturns:\n' in told


@pytest.mark.parametrize("function", TAKING)
def test_another_keyword_is_refused_by_the_name_of_the_function(function: Any) -> None:
    with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) got an unexpected keyword argument 'epochs'$"):
        function(["a.keras"], data=None, epochs=3)
