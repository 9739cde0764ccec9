"""Classes of several models in one list."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_weld.compose.labels import align
from keras_weld.errors import IncompatibleModelsError, UsageError

LISTS = st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1, unique=True), min_size=1, max_size=4)


@given(LISTS)
def test_every_class_is_found_where_the_model_has_it(lists: list[list[str]]) -> None:
    found = align(lists, [f"m{number}" for number in range(len(lists))], "zero")
    assert set(found.labels) == {label for own in lists for label in own}
    assert list(found.labels[: len(lists[0])]) == lists[0]
    for own, places in zip(lists, found.places, strict=True):
        assert [None if place is None else own[place] for place in places] == [
            label if label in own else None for label in found.labels
        ]
    assert found.complete == all(set(own) == set(lists[0]) for own in lists)
    assert not found.moved(0) or len(found.labels) > len(lists[0])


def test_a_class_that_one_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(IncompatibleModelsError, match="known to some of the models only") as caught:
        align([["cat", "dog"], ["dog", "cow", "hen", "pig", "ape"]], ["pets", "farm"])
    assert (caught.value.file, caught.value.expected) == (None, "all 6 classes")
    assert caught.value.found == "pets does not know cow, hen, pig and 1 more"
    assert "--unknown zero" in str(caught.value.remedy)
    assert "--unknown known" in str(caught.value.remedy)


def test_what_makes_no_sense_is_told() -> None:
    with pytest.raises(UsageError, match="no such rule for classes"):
        align([["a"]], ["m"], "spread")
    with pytest.raises(UsageError, match="two classes of one name") as caught:
        align([["a", "b"], ["a", "a"]], ["m", "n"])
    assert caught.value.found == "a"
