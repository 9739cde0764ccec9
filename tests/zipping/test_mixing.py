"""Batches of several tasks: every example as often as any other, the same batch for the same step, read when due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from itertools import chain
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.keras

from keras_weld.data.arrays import array_split  # noqa: E402
from keras_weld.data.split import Split  # noqa: E402
from keras_weld.data.streams import StreamSplit, stream_split  # noqa: E402
from keras_weld.errors import DataError  # noqa: E402
from keras_weld.zipping.mixing import Examples, Mixed  # noqa: E402


def mixed_of(splits: dict[str, Split], batch_size: int, steps: int, **settings: Any) -> Mixed:
    """Of tasks with one output, called as they are."""
    examples = {task: Examples(split, {task: 0} if split.labelled else {}) for task, split in splits.items()}
    return Mixed(examples, batch_size, steps, **settings)


def numbered(count: int, *, labelled: bool = True) -> Split:
    """Examples that are their own numbers."""
    x = np.arange(count, dtype="float32")[:, None]
    return array_split("train", "a.npz", {"x": x}, {"y": np.arange(count)} if labelled else {})


def stream(count: int, read: list[int]) -> Split:
    """The same out of a source without numbers, in batches of three; notes what was read of it."""

    def batches() -> Iterator[Any]:
        for first in range(0, count, 3):
            rows = np.arange(first, min(first + 3, count))
            read.extend(rows.tolist())
            yield rows.astype("float32")[:, None], rows

    return stream_split(batches, origin="stream", batched=True)


def test_each_task_gives_as_many_and_all_of_its_examples_before_one_comes_again() -> None:
    mixed = mixed_of({"few": numbered(6), "many": numbered(16, labelled=False)}, 4, 6)
    batches = [mixed[step] for step in range(6)]
    assert all(inputs.shape == (8, 1) and list(targets) == ["few"] for inputs, targets in batches)
    few = list(chain.from_iterable(targets["few"].tolist() for _, targets in batches))
    assert [sorted(few[first : first + 6]) for first in range(0, 24, 6)] == [list(range(6))] * 4
    assert few[:6] != few[6:12]
    many = np.concatenate([inputs[4:, 0] for inputs, _ in batches])
    assert sorted(many[:16]) == list(range(16))
    for inputs, targets in batches:
        assert inputs[:4, 0].tolist() == targets["few"].tolist()


def test_inputs_of_their_own_come_side_by_side_and_targets_under_their_outputs() -> None:
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6)
    two = array_split("train", "a.npz", {"a": x, "b": x[:, :1]}, {"first": y, "second": y * 2})
    several = {"two": Examples(two, {"two_second": 1, "two_first": 0}), "one": Examples(numbered(6), {"one": 0})}
    inputs, targets = Mixed(several, 4, 1, separate=True)[0]
    assert [one.shape for one in inputs] == [(4, 2), (4, 1), (4, 1)]
    assert list(targets) == ["two_second", "two_first", "one"]
    assert (targets["two_second"] == 2 * targets["two_first"]).all()
    assert inputs[0][:, 0].tolist() == (2 * targets["two_first"]).tolist()
    inputs, _ = Mixed({"one": several["two"], "other": several["two"]}, 4, 1)[0]
    assert [one.shape for one in inputs] == [(8, 2), (8, 1)]


class Counted(StreamSplit):
    """A stream that tells how many there are."""

    @property
    def count(self) -> int:
        return 10


@pytest.mark.parametrize("kind", ["numbered", "stream", "counted stream"])
def test_begun_at_a_step_it_goes_on_as_if_it_had_been_there(kind: str) -> None:
    def made(start: int) -> Mixed:
        split = numbered(10) if kind == "numbered" else stream(10, [])
        if kind == "counted stream":
            split = Counted(*(getattr(split, field.name) for field in fields(split)))
        return mixed_of({"one": split, "other": numbered(7)}, 4, 5, seed=3, start=start)

    whole, rest = made(0), made(6)  # in the third time round, after four of its examples
    expected = [whole[step] for step in range(10)]
    for (inputs, targets), step in zip(expected[6:], range(4), strict=True):
        found, of_tasks = rest[step]
        np.testing.assert_array_equal(found, inputs)
        assert {task: y.tolist() for task, y in of_tasks.items()} == {task: y.tolist() for task, y in targets.items()}
    np.testing.assert_array_equal(whole[2][0], expected[2][0])  # out of turn too


def test_a_stream_is_read_as_far_as_it_is_needed_and_again_from_its_beginning() -> None:
    read: list[int] = []
    mixed = mixed_of({"one": stream(10, read)}, 4, 4)
    read.clear()
    assert mixed[0][1]["one"].tolist() == [0, 1, 2, 3]
    assert max(read) < 9
    assert [mixed[step][1]["one"].tolist() for step in (1, 2)] == [[4, 5, 6, 7], [8, 9, 0, 1]]


def test_what_cannot_be_read_is_told_as_it_was() -> None:
    def broken() -> Iterator[Any]:
        yield np.zeros((4, 1), "float32"), np.zeros(4)
        raise RuntimeError("the disk is gone")

    mixed = mixed_of({"one": stream_split(broken, origin="stream", batched=True)}, 4, 4)
    mixed[0]
    with pytest.raises(DataError):
        mixed[1]
    with pytest.raises(DataError, match="failed while it was read") as refused:
        mixed.raise_refusal()
    assert "the disk is gone" in str(refused.value.found)
