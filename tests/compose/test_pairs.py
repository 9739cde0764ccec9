"""Every pair of small models of all kinds: what is composed loads and predicts the same, or is refused."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import custom_parts  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
from zoo import ZOO, batch_for, outputs_of  # noqa: E402

import keras_weld as weld  # noqa: E402

KINDS = ("mlp", "cnn", "lstm", "transformer", "two_inputs", "subclassed")
"""The large ones are paired in benchmarks/bench_pairs.py."""

SETTINGS: dict[str, dict[str, Any]] = {"fuse": {"classes": 4}, "ensemble": {}, "branch": {}}


@pytest.fixture(scope="module")
def live() -> dict[str, keras.Model]:
    return {kind: ZOO[kind]() for kind in KINDS}


SHARING = {("mlp", "subclassed"), ("lstm", "transformer")}
"""Pairs of different kinds that take the same."""


@pytest.mark.parametrize("verb", list(SETTINGS))
@pytest.mark.parametrize("pair", list(combinations_with_replacement(KINDS, 2)), ids="-".join)
def test_a_pair_is_composed_or_refused(verb: str, pair: tuple[str, str], live: Any, tmp_path: Path) -> None:
    compose: Callable[..., keras.Model] = getattr(weld, verb)
    models, settings = [live[kind] for kind in pair], {**SETTINGS[verb], "names": ["a", "b"]}

    def refused(words: str) -> None:
        with pytest.raises(weld.WeldError, match=words):
            compose(models, **settings)

    if verb == "branch" and pair[0] == "subclassed":
        refused("in its own code, so it cannot be cut into a backbone and a head")
        return
    if verb == "ensemble" and "subclassed" in pair:
        refused("What the output means is not told by the file")
        settings["outputs"] = {
            name: "probabilities" for name, kind in zip("ab", pair, strict=True) if kind == "subclassed"
        }
    if verb != "branch" and pair[0] != pair[1] and pair not in SHARING:
        refused("different numbers of inputs" if "two_inputs" in pair else "cannot share an input")
        settings["inputs"] = "separate"
    made = compose(models, **settings)
    made.save(tmp_path / "made.keras")
    again = keras.saving.load_model(tmp_path / "made.keras", custom_objects={"Tower": custom_parts.Tower})
    batch = batch_for(made)
    for one, other in zip(outputs_of(made, batch), outputs_of(again, batch), strict=True):
        np.testing.assert_array_equal(one, other)
