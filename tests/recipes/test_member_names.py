"""What models are called in a merged model, and options for some of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_weld.errors import UsageError
from keras_weld.recipes.member_names import by_member, member_names


def test_models_are_called_after_their_files_each_once() -> None:
    files = ["run/a.keras", "other/a.keras", "b.weights.h5", "2 big (new).keras", ".keras", "_x.h5"]
    assert member_names(files) == ["a", "a_2", "b", "2_big_new_", "model.keras", "model_x"]


@given(st.lists(st.text(max_size=12), min_size=1, max_size=6))
def test_any_file_gives_a_name_that_keras_takes(files: list[str]) -> None:
    names = member_names([f"{file.replace('/', '')}.keras" for file in files])
    assert len(set(names)) == len(files)
    assert all(name == member_names([name])[0] or name.endswith((".keras", ".h5", ".hdf5", ".json")) for name in names)
    assert not any("/" in name or not name[0].isalnum() for name in names)


def test_given_names_have_to_fit() -> None:
    assert member_names(["a.keras", "b.keras"], ["x", "y"]) == ["x", "y"]
    for names in (["x"], ["x", "x"]):
        with pytest.raises(UsageError, match="one name of its own") as caught:
            member_names(["a.keras", "b.keras"], names)
        assert caught.value.expected == "2 different names"
    with pytest.raises(UsageError, match="cannot be the name of a layer") as caught:
        member_names(["a.keras"], ["a/b"])
    assert caught.value.remedy == "Take a_b"


def test_an_option_goes_by_name_or_by_path() -> None:
    models, names = ["run/a.keras", "b.keras"], ["a", "b"]
    assert by_member({"run/a.keras": "x", "b": "y"}, models, names) == {"a": "x", "b": "y"}
    assert by_member(None, models, names) == {}
    with pytest.raises(UsageError, match="a model that there is not") as caught:
        by_member({"c": "x"}, models, names)
    assert (caught.value.expected, caught.value.found) == ("a, b", "c")
