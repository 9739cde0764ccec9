"""Blocks and costs, against the figures that the paper prints."""

from __future__ import annotations

import itertools

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from zip_models import made  # noqa: E402

from keras_weld.errors import UsageError  # noqa: E402
from keras_weld.zipping.blocks import blocks_of  # noqa: E402
from keras_weld.zipping.costs import costs_of  # noqa: E402
from keras_weld.zipping.lockstep import trunk_of  # noqa: E402
from keras_weld.zipping.sharing import rule_of  # noqa: E402
from keras_weld.zipping.trace import trace  # noqa: E402
from keras_weld.zipping.walk import zipped  # noqa: E402

COMPRESSION = (1.000, 1.000, 1.002, 1.004, 1.009, 1.020, 1.042, 1.089, 1.140, 1.196, 1.258, 1.326, 1.489, 1.972)
"""Table 1 of the paper; rows 11 to 13 by its own formula, since it prints row 10 again there."""
MEMORY = (1.00, 1.09, 1.14, 1.19, 1.23, 1.27, 1.28, 1.30, 1.32, 1.34, 1.37)
"""Table 1, rows 0 to 10."""


def test_the_columns_of_the_papers_table_for_two_mobilenets() -> None:
    made_twice = [
        keras.applications.MobileNet(weights=None, include_top=False, input_shape=(224, 224, 3)) for _ in "ab"
    ]
    trunk = trunk_of([trace(one) for one in made_twice])
    blocks = blocks_of(trunk)
    assert len(blocks) == 13
    costs = [
        costs_of(trunk, zipped(trunk, ("a", "b"), until=end, rule=rule_of("pointwise")))
        for end in (0, *(block.end for block in blocks))
    ]
    assert [round(one.compression, 3) for one in costs] == list(COMPRESSION)
    for one, printed in zip(costs, MEMORY, strict=False):
        assert one.activations == pytest.approx(printed, rel=0.03)


@pytest.mark.parametrize(
    ("kind", "count"),
    [("mlp", 2), ("cnn", 3), ("mobile", 3), ("residual", 2), ("lstm", 2), ("transformer", 4), ("nested", 3)],
)
def test_blocks_are_found_from_the_graph(kind: str, count: int) -> None:
    one = trace(made(kind))
    trunk = trunk_of([one, one])
    blocks = blocks_of(trunk)
    assert len(blocks) == count
    assert blocks[0].start == 0
    assert blocks[-1].end == trunk.length
    assert all(before.end == after.start for before, after in itertools.pairwise(blocks))


def test_blocks_can_be_given_by_names() -> None:
    one = trace(made("mobile"))
    trunk = trunk_of([one, one])
    ends = [block.end for block in blocks_of(trunk, "(?:depth|point)wise_([0-9])")]
    assert ends == [block.end for block in blocks_of(trunk)]
    with pytest.raises(UsageError, match="no blocks"):
        blocks_of(trunk, "squeeze")
    with pytest.raises(UsageError, match="regular expression"):
        blocks_of(trunk, "(")
