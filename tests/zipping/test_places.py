"""Where feature maps are compared, and the sharing rule of the paper's code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.keras

sys.path.insert(0, str(Path(__file__).parent))

from zip_models import made  # noqa: E402

from keras_weld.errors import UsageError  # noqa: E402
from keras_weld.zipping.blocks import blocks_of  # noqa: E402
from keras_weld.zipping.lockstep import Trunk, trunk_of  # noqa: E402
from keras_weld.zipping.places import places_of  # noqa: E402
from keras_weld.zipping.sharing import facts_of, rule_of  # noqa: E402
from keras_weld.zipping.trace import trace  # noqa: E402


@pytest.fixture
def trunk() -> Trunk:
    return trunk_of([trace(made("mobile", 3, number)) for number in range(2)])


def names(trunk: Trunk, at: str) -> list[str]:
    return [trunk.steps[slot.step].name for slot in places_of(trunk, blocks_of(trunk), at)]


def before(trunk: Trunk, name: str, steps: int) -> str:
    """The layer that so many steps further on gives the tensor."""
    number = [step.name for step in trunk.steps].index(name)
    return trunk.steps[number + steps].name


def test_after_pointwise_layers_with_the_normalization_and_activation_that_follow(trunk: Trunk) -> None:
    assert names(trunk, "pointwise") == [before(trunk, f"pointwise_{number}", 2) for number in (1, 2, 3)]


def test_a_pattern_names_layers_and_blocks_their_ends(trunk: Trunk) -> None:
    assert names(trunk, "depthwise_2") == [before(trunk, "depthwise_2", 2)]
    assert names(trunk, "blocks")[:2] == names(trunk, "pointwise")[:2]
    with pytest.raises(UsageError, match="No layer is held"):
        names(trunk, "nothing")


def test_normalization_after_pointwise_layers_is_shared_and_no_other(trunk: Trunk) -> None:
    rule = rule_of("pointwise+norm")
    found = [step.name for number, step in enumerate(trunk.steps) if rule(facts_of(trunk.steps, number))]
    wanted = [name for number in (1, 2, 3) for name in (f"pointwise_{number}", before(trunk, f"pointwise_{number}", 1))]
    assert found == wanted
