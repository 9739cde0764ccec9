"""Presets, and what can be chosen of a calibration."""

from __future__ import annotations

import pytest

from keras_weld.errors import UsageError
from keras_weld.recipes.zip_presets import PRESETS, chosen


def test_all_presets_choose_the_same_things() -> None:
    assert len({frozenset(preset) for preset in PRESETS.values()}) == 1


def test_what_is_given_stands_before_the_preset() -> None:
    found = chosen("paper", {"steps": 10, "rate": None, "hard": 0.0})
    assert (found["steps"], found["rate"], found["hard"]) == (10, 1e-3, 0.0)


@pytest.mark.parametrize(
    ("given", "layers", "inputs"),
    [
        ({}, 1.0, "separate"),
        ({"merge": "features"}, 1.0, "auto"),
        ({"merge": "features", "inputs": "separate"}, 1.0, "separate"),
    ],
)
def test_the_papers_inputs_go_with_what_is_merged(given: dict[str, str], layers: float, inputs: str) -> None:
    found = chosen("paper", given)
    assert (found["layers"], found["inputs"]) == (layers, inputs)


@pytest.mark.parametrize(("merge", "layers"), [("weights", 1.0), ("features", 0.0)])
def test_feature_maps_count_by_weights_where_nothing_is_said(merge: str, layers: float) -> None:
    assert chosen("default", {"merge": merge})["layers"] == layers


def test_another_preset_is_refused() -> None:
    with pytest.raises(UsageError, match="no preset called 'papers'") as refused:
        chosen("papers", {})
    assert refused.value.expected == "one of default, paper"
