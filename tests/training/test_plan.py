"""Stages as text: what is read, what is refused, and that both ways agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_weld.errors import UsageError
from keras_weld.training.plan import DEFAULT_STAGES, Stage, format_stages, parse_stages


def test_the_default_is_the_head_first_then_the_last_layers_at_a_tenth_of_the_rate():
    first, second = parse_stages(DEFAULT_STAGES)
    assert (first.part, second.part) == ("head", "last-20")
    assert second.rate == pytest.approx(first.rate / 10)


@pytest.mark.parametrize(
    ("text", "stages"),
    [
        ("head:5@1e-3", [Stage("head", 5, 1e-3)]),
        (" head : 5 @ 1e-3 , all:2@0.00001 ", [Stage("head", 5, 1e-3), Stage("all", 2, 1e-5)]),
        ("last-20:3@1e-4", [Stage("last-20", 3, 1e-4)]),
        ("backbone/block_13*:1@1", [Stage("backbone/block_13*", 1, 1.0)]),
        ("a:b:3@.5", [Stage("a:b", 3, 0.5)]),
    ],
)
def test_what_is_read(text, stages):
    assert list(parse_stages(text)) == stages


@pytest.mark.parametrize(
    ("text", "problem", "found"),
    [
        ("", "There are no stages.", "nothing"),
        ("head", "This is not a stage.", "head"),
        ("head:5@1e-3,", "This is not a stage.", "nothing between two commas"),
        ("head:5", "This is not a stage.", "head:5"),
        ("head@1e-3", "This is not a stage.", "head@1e-3"),
        (":5@1e-3", "This is not a stage.", ":5@1e-3"),
        ("head:five@1e-3", "The epochs of the stage 'head:five@1e-3' are no whole number.", "five"),
        ("head:1.5@1e-3", "The epochs of the stage 'head:1.5@1e-3' are no whole number.", "1.5"),
        ("head:-1@1e-3", "The epochs of the stage 'head:-1@1e-3' are no whole number.", "-1"),
        ("head:0@1e-3", "A stage has at least one epoch.", "0"),
        ("head:5@fast", "The rate of the stage 'head:5@fast' is no number.", "fast"),
        ("head:5@0", "A learning rate is a number above 0.", "0.0"),
        ("head:5@nan", "A learning rate is a number above 0.", "nan"),
        ("head:5@inf", "A learning rate is a number above 0.", "inf"),
        ("last-0:5@1", "The last layers are counted.", "last-0"),
        ("last:5@1", "The last layers are counted.", "last"),
        ("last-2.5:5@1", "The last layers are counted.", "last-2.5"),
    ],
)
def test_what_is_no_stage_is_refused_and_named(text, problem, found):
    with pytest.raises(UsageError) as refused:
        parse_stages(text)
    assert refused.value.problem == problem
    assert refused.value.found == found
    assert refused.value.expected


def test_a_list_of_something_else_is_refused():
    with pytest.raises(UsageError, match="This is not a stage"):
        parse_stages([("head", 5, 1e-3)])


names = st.text(st.characters(codec="ascii", categories=("L", "N"), include_characters="_-/*.:@"), min_size=1)
stages = st.builds(
    Stage,
    part=names.filter(lambda name: not name.startswith("last")) | st.sampled_from(["head", "all", "last-3"]),
    epochs=st.integers(1, 10_000),
    rate=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)


@given(st.lists(stages, min_size=1))
def test_what_is_written_is_read_again(planned):
    assert list(parse_stages(format_stages(planned))) == planned
