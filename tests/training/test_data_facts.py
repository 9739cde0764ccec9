"""What is told of examples, and how two tellings differ in words; no backend is needed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from keras_weld.data.chosen import chosen
from keras_weld.data.open import open_data
from keras_weld.data.split import Split
from keras_weld.training import data_facts
from keras_weld.training.data_facts import ALL, SOME, data_of, labels_of
from keras_weld.training.data_words import same_data, words_of_data


def split_of(x: Any, y: Any) -> Split:
    return open_data((x, y)).splits["all"]


def examples(count: int = 1000) -> tuple[np.ndarray, np.ndarray]:
    found = np.random.default_rng(0)
    return found.normal(size=(count, 4)).astype("float32"), found.integers(0, 3, count)


def test_all_of_arrays_is_told_whatever_the_pieces_and_however_they_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = examples()
    whole = data_of(split_of(x, y))
    assert (whole["count"], whole["compared"]) == (1000, ALL)
    assert whole["x"][0]["means"] == pytest.approx(x.mean(0, dtype="f8"))
    assert whole["x"][0]["mean"] == pytest.approx(x.mean(dtype="f8"))
    assert whole["labels"] == [{str(label): int((y == label).sum()) for label in range(3)}]
    monkeypatch.setattr(data_facts, "_PIECE", 100)
    assert same_data(data_of(split_of(np.asfortranarray(x), y)), whole)
    assert same_data(data_of(chosen(split_of(x[::-1], y[::-1]), np.arange(999, -1, -1))), whole)
    other = x.copy()
    other[-1, -1] = 7
    assert not same_data(data_of(split_of(other, y)), whole)


def test_of_larger_arrays_pieces_from_all_over_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_facts, "_PIECE", 240)  # ten examples
    monkeypatch.setattr(data_facts, "_LARGEST", 2400)
    x, y = examples()
    whole = data_of(split_of(x, y))
    assert whole["compared"] == SOME
    for row, seen in ((0, True), (999, True), (15, False)):
        other = x.copy()
        other[row] += 1
        assert same_data(data_of(split_of(other, y)), whole) is not seen


def test_of_a_stream_the_first_examples_are_looked_at() -> None:
    def batches(late: float) -> Any:
        def give() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            x, y = examples()
            x[999] += late
            for first in range(0, 1000, 100):
                yield x[first : first + 100], y[first : first + 100]

        return give

    told = [data_of(open_data(batches(late)).splits["all"]) for late in (0, 1)]
    assert (told[0]["count"], told[0]["compared"]) == (None, SOME)
    assert same_data(*told)


class Rows:
    """What a `PyDataset` offers; three of its ten batches are not looked at between the first and the fourth."""

    def __init__(self, changed: int) -> None:
        self.changed = changed

    def __len__(self) -> int:
        return 10

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        return np.full((8, 2), number + (number == self.changed), "float32"), np.zeros(8, "int64")

    def on_epoch_end(self) -> None:
        raise AssertionError


@pytest.mark.parametrize(("number", "seen"), [(0, True), (3, True), (6, True), (9, True), (1, False)])
def test_of_a_data_set_batches_from_all_over_are_looked_at(number: int, seen: bool) -> None:
    one, other = (data_of(open_data(Rows(changed)).splits["all"]) for changed in (-1, number))
    assert same_data(one, other) is not seen


def test_labels_are_counted_and_what_are_none_is_not() -> None:
    assert labels_of(np.array([[3, -1], [3, 3]])) == {"-1": 1, "3": 3}
    assert labels_of(np.array([True, False, True])) == {"0": 1, "1": 2}
    assert labels_of(np.array([0, 1 << 40])) is None
    assert labels_of(np.arange(1001)) is None
    assert labels_of(np.array([0.5])) is None


def test_what_differs_is_told_in_words() -> None:
    x, y = examples()
    one = data_of(split_of(x, y))
    old, new = words_of_data(one, data_of(split_of(x[:600], y[:600])))
    assert old.startswith("1000 examples; input: 4 of float32, mean ")
    assert new.startswith("600 examples; input: 4 of float32, mean ")
    moved = y.copy()
    moved[np.flatnonzero(y == 0)[0]] = 2
    old, new = words_of_data(one, data_of(split_of(x, moved)))
    counts = np.bincount(y)
    assert old.endswith(f"; {counts[0]} of label 0, {counts[2]} of label 2")
    assert new.endswith(f"; {counts[0] - 1} of label 0, {counts[2] + 1} of label 2")
    old, new = words_of_data(None, one)
    assert old == "none"
    assert new.startswith("1000 examples; inputs 4 of float32, mean ")
    assert words_of_data({"shuffle": True}, {"shuffle": False}) == ("shuffle True", "shuffle False")


def test_images_in_folders_are_told_by_their_labels_and_a_sample(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    for number in range(6):
        folder = tmp_path / f"class{number % 2}"
        folder.mkdir(exist_ok=True)
        image.fromarray(np.full((4, 4, 3), number, "uint8")).save(folder / f"{number}.png")
    one = data_of(open_data(tmp_path).splits["all"])
    assert one["labels"] == [{"0": 3, "1": 3}]
    image.fromarray(np.full((4, 4, 3), 99, "uint8")).save(tmp_path / "class1" / "5.png")
    assert not same_data(one, data_of(open_data(tmp_path).splits["all"]))
