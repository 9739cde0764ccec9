"""Sources that are read from their beginning: rebatching, names, what cannot be read twice, what never ends."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_weld.data import open_data, stream_split
from keras_weld.errors import DataError

X = np.arange(46, dtype=np.float32).reshape(23, 2)
Y = np.arange(23)


def pieces(*sizes):
    """Batches of these sizes, and one of what is left."""
    ends = [0, *itertools.accumulate(sizes), 23]
    return [(X[a:b], Y[a:b]) for a, b in itertools.pairwise(ends) if a < b]


def same_as_arrays(split, batch_size=4):
    want = list(open_data((X, Y)).splits["all"].batches(batch_size))
    found = list(split.batches(batch_size))
    assert [len(x) for x, _ in found] == [len(x) for x, _ in want]
    for (x, y), (want_x, want_y) in zip(found, want, strict=True):
        np.testing.assert_array_equal(x, want_x)
        np.testing.assert_array_equal(y, want_y)


@given(st.lists(st.integers(1, 8), max_size=8), st.integers(1, 30))
def test_batches_of_any_sizes_become_batches_of_one_size(sizes, batch_size):
    sizes = [size for index, size in enumerate(sizes) if sum(sizes[: index + 1]) <= 23]
    same_as_arrays(stream_split(pieces(*sizes)), batch_size)


def test_function_and_list_and_object_give_what_the_arrays_give():
    class Again:
        def __iter__(self):
            return iter(pieces(5, 10))

    for source in (pieces(5, 10), Again(), lambda: iter(pieces(5, 10)), lambda: (pair for pair in pieces(7))):
        found = open_data(source)
        assert list(found.splits) == ["all"]
        same_as_arrays(found.splits["all"])
        same_as_arrays(found.splits["all"])  # a second time


def test_examples_one_by_one_are_made_batches():
    same_as_arrays(open_data(lambda: zip(X, Y, strict=True)).splits["all"])
    ambiguous = stream_split([(x, x) for x in X], batched=False)
    assert [len(x) for x, _ in ambiguous.batches(10)] == [10, 10, 3]


def test_count_is_learnt_by_reading_and_only_targets_are_kept():
    split = stream_split(pieces(5, 10))
    assert (split.count, split.steps(5), split.positioned, split.endless) == (None, None, False, False)
    assert split.labelled
    assert split.counted() == 23
    np.testing.assert_array_equal(split.targets[0], Y)


def test_epoch_is_the_sources_own_order_and_start_skips():
    split = stream_split(pieces(5, 10))
    for start in (0, 2, 5, 9):
        found = [y.tolist() for _, y in split.epoch(5, seed=0, epoch=3, start=start)]
        assert found == [part.tolist() for part in np.split(Y, range(5, 23, 5))][start:]


def test_dicts_go_by_name_and_lists_by_their_order():
    source = [({"b": X[:3], "a": X[:3, :1]}, {"left": Y[:3], "right": Y[:3] + 1})]
    split = open_data(lambda: source).splits["all"].fitted({"a": (1,), "b": (2,)})
    (a, b), (left, right) = next(split.batches(3))
    assert (a.shape, b.shape) == ((3, 1), (3, 2))
    assert right.tolist() == (left + 1).tolist()
    split = open_data([([X[:3], X[:3, :1]], Y[:3])]).splits["all"].fitted({"p": (2,), "q": (1,)})
    assert [part.shape for part in next(split.batches(3))[0]] == [(3, 2), (3, 1)]


def test_inputs_alone_have_no_targets():
    split = stream_split([X[:5], X[5:]])
    assert not split.labelled
    assert split.targets == ()
    assert next(split.batches(4))[1] is None


def test_what_can_be_read_once_only_is_refused_with_the_remedy():
    with pytest.raises(DataError, match="can be read once only") as refused:
        open_data(iter(pieces(5)))
    assert refused.value.remedy == "Pass the function that makes it: data=make_batches, not data=make_batches()."
    same = iter(pieces(5))
    split = open_data(lambda: same).splits["all"]
    with pytest.raises(DataError, match="can be read once only"):  # the first element went for a look at it
        list(split.batches(4))


def test_source_that_gives_nothing_or_fails_is_told():
    with pytest.raises(DataError, match="gave no examples") as refused:
        list(stream_split(lambda: iter(())).batches(4))
    assert "pass a function that makes a new one" in refused.value.remedy

    def broken():
        yield pieces(5)[0]
        raise OSError("disk gone")

    with pytest.raises(DataError, match="failed while it was read") as refused:
        list(open_data(broken).splits["all"].batches(4))
    assert refused.value.found == "OSError: disk gone"

    def unplugged():
        raise RuntimeError("no such camera")

    with pytest.raises(DataError, match=r"The function .*unplugged failed") as refused:
        open_data(unplugged)
    assert refused.value.found == "RuntimeError: no such camera"


@pytest.mark.parametrize(
    ("batches", "problem", "part"),
    [
        ([(X, Y, np.ones(23))], "sample weights, which are not taken into account", "Leave the weights out"),
        ([(X, Y, None, 1)], "not examples with their targets", "4 parts: ndarray, ndarray, NoneType, int"),
        ([(X, Y[:5])], "The elements of the data are not batches", "x (23, 2), y (5)"),
        ([(X, Y), (X, Y[:5])], "hold different numbers of examples", "x (23, 2), y (5)"),
        ([(X, Y), (X,)], "differ in what they hold", "expected: x, y, as in the first one"),
        ([(X, Y), (X[:, :1], Y)], "differently shaped examples cannot be joined", "Pad or resize"),
        ([(X, Y), (X + np.nan, Y)], "values that are not finite", "nan in example 23"),
        ([(np.array(["a", "b"]), Y[:2])], "does not hold numbers", "dtype <U1"),
    ],
)
def test_what_does_not_fit_together_is_refused(batches, problem, part):
    with pytest.raises(DataError) as refused:
        list(stream_split(batches).batches(30))
    assert problem in str(refused.value)
    assert part in str(refused.value)


def test_shapes_are_held_against_the_models():
    with pytest.raises(DataError, match="do not fit the model's input 'image'") as refused:
        stream_split(pieces()).fitted({"image": (8, 8, 1)})
    assert refused.value.found == "shape (2)"
    with pytest.raises(DataError, match="another number of inputs"):
        stream_split(pieces()).fitted({"a": (2,), "b": (2,)})


def test_sample_of_a_stream_is_picked_while_it_passes():
    found = open_data(lambda: iter(pieces(5, 10)), sample=6, seed=4)
    split = found.splits["all"]
    drawn = np.sort(np.random.default_rng(4).choice(23, size=6, replace=False))
    (x, y), (rest, _) = split.batches(4)
    np.testing.assert_array_equal(np.concatenate([x, rest]), X[drawn])
    np.testing.assert_array_equal(split.targets[0], drawn)
    assert len(y) == 4
    assert found.notes == ("Of the 23 examples of the split all, 6 were drawn (seed 4).",)


def test_examples_of_a_stream_cannot_be_had_by_number():
    with pytest.raises(DataError, match="cannot be had by number") as refused:
        stream_split(pieces()).take(np.array([0]))
    assert "random access" in refused.value.expected


def test_pairs_and_dicts_of_sources_are_splits():
    streams = (stream_split(pieces(4)), pieces(6))
    assert list(open_data((lambda: iter(pieces(4)), lambda: iter(pieces(6)))).splits) == ["train", "validation"]
    assert list(open_data((streams[0], (X, Y), lambda: iter(pieces(6)))).splits) == ["train", "validation", "test"]
    found = open_data({"train": streams[0], "val": (X, Y), "test": pieces(4)}).splits
    assert {name: split.name for name, split in found.items()} == {
        "train": "train",
        "validation": "validation",
        "test": "test",
    }
    for split in found.values():
        same_as_arrays(split)


def test_function_may_return_any_of_these(tmp_path, monkeypatch):
    text = "import numpy as np\ndef batches():\n    yield np.zeros((3, 2)), np.arange(3)\n"
    (tmp_path / "weld_test_live.py").write_text(text + "def both():\n    return batches, batches\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    split = open_data("weld_test_live:batches").splits["all"]
    assert [split.counted(), split.counted()] == [3, 3]
    assert split.origin == "weld_test_live:batches"
    assert list(open_data("weld_test_live:both").splits) == ["train", "validation"]


@pytest.mark.parametrize("thing", [5, None, np.zeros((3, 2)), (1, 2, 3, 4), [1, 2]])
def test_what_is_no_data_is_refused(thing):
    with pytest.raises(DataError, match="This is not data"):
        open_data(thing)


def test_legacy_sequence_is_read_by_its_batches_and_told_of_the_end_of_an_epoch():
    class Sequence:
        ended = 0

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return pieces(10, 10)[index]

        def on_epoch_end(self):
            self.ended += 1

    source = Sequence()
    split = open_data(source).splits["all"]
    same_as_arrays(split)
    assert source.ended == 0
    assert len(list(split.epoch(4, seed=0, epoch=1))) == 6
    assert source.ended == 1
