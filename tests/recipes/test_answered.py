"""Which outputs data has targets for."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.data.open import open_data
from keras_weld.data.split import Split
from keras_weld.errors import DataError
from keras_weld.recipes.answered import targets_by_output


def split_of(*names: str, unnamed: int = 0) -> Split:
    targets = {name: np.arange(4) for name in names} or [np.arange(4)] * unnamed
    return open_data((np.zeros((4, 2)), targets)).splits["all"]


@pytest.mark.parametrize(
    ("outputs", "targets", "found"),
    [
        (["shape", "colour"], ["colour", "shape"], {0: 1, 1: 0}),
        (["shape", "colour"], ["colour"], {1: 0}),
        (["colour"], ["shape", "colour"], {0: 1}),
        (["shape", "colour"], ["this", "that"], {0: 0, 1: 1}),
        (["shape"], ["kind"], {0: 0}),
    ],
)
def test_targets_belong_to_outputs_of_their_name_else_in_order(
    outputs: list[str], targets: list[str], found: dict[int, int]
) -> None:
    assert targets_by_output(outputs, split_of(*targets)) == found


def test_other_numbers_of_targets_than_outputs_are_refused() -> None:
    with pytest.raises(DataError, match="another number of targets") as caught:
        targets_by_output(["shape", "colour"], split_of("kind", "size", "age"))
    assert caught.value.found == "3: kind, size, age"
    assert "Outputs whose names are missing are left out" in str(caught.value.remedy)
    with pytest.raises(DataError, match="another number of targets") as one:
        targets_by_output(["shape"], split_of(unnamed=2))
    assert one.value.remedy == "Name the right one: FILE.npz:inputs,targets"


def test_a_target_whose_name_is_no_output_is_named() -> None:
    with pytest.raises(DataError, match="has a target called color, and the model has no output of that name") as one:
        targets_by_output(["shape", "colour"], split_of("shape", "color"))
    assert one.value.remedy == "Call it colour, or leave it out."
    with pytest.raises(DataError, match="targets called size, age, and") as two:
        targets_by_output(["shape", "colour"], split_of("colour", "size", "age"))
    assert two.value.expected == "shape, colour"
