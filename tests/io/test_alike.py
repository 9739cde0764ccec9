"""What describes models that are alike is read once; what differs is never taken for the same."""

from __future__ import annotations

import json
from pathlib import Path

import handmade

from keras_weld.io import keras_file
from keras_weld.io.alike import made_once, remembering
from keras_weld.io.hdf5_structure import files_alike
from keras_weld.io.keras_file import without_addresses
from keras_weld.io.read import open_model


def test_a_thing_is_made_once_inside_the_block_and_each_time_outside() -> None:
    made: list[str] = []

    def make(name: str) -> list[str]:
        made.append(name)
        return [name]

    with remembering():
        first = made_once("a", lambda: make("a"), kind=list)
        assert made_once("a", lambda: make("a"), kind=list) is first
        assert made_once("b", lambda: make("b"), kind=list) == ["b"]
        assert made_once("a", lambda: ("other",), kind=tuple) == ("other",)
    made_once("a", lambda: make("a"), kind=list)
    assert made == ["a", "b", "a"]


def test_shared_objects_are_numbered_in_the_order_in_which_they_come() -> None:
    def text(*numbers: int) -> bytes:
        return json.dumps([{"shared_object_id": number} for number in numbers]).encode()

    assert without_addresses(text(70, 80, 70)) == without_addresses(text(9, 1, 9)) == text(0, 1, 0)
    assert without_addresses(text(70, 80, 80)) == text(0, 1, 1)


def test_a_text_that_looks_like_a_number_of_a_shared_object_is_left_alone() -> None:
    for value in ('"shared_object_id": 7', '\\"shared_object_id": 7'):
        said = json.dumps({"name": value, value: 5}).encode()
        assert without_addresses(said) == said


def test_files_of_one_configuration_share_what_was_read_of_it(tmp_path: Path) -> None:
    paths = [handmade.make_keras(tmp_path / f"{seed}.keras", handmade.tensors(seed)) for seed in range(3)]
    with files_alike(), open_model(paths[0]) as first, open_model(paths[1]) as second:
        assert second.graph is first.graph
        assert second.specs == first.specs
    with open_model(paths[0]) as first, open_model(paths[1]) as second:
        assert second.graph is not first.graph


def test_another_configuration_is_read_for_itself(tmp_path: Path) -> None:
    one = handmade.make_keras(tmp_path / "one.keras", handmade.tensors(1))
    other = handmade.make_keras(tmp_path / "other.keras", handmade.tensors(1, hidden=7))
    with files_alike(), open_model(one) as first, open_model(other) as second:
        assert first.specs != second.specs
    assert keras_file.made_once is made_once
