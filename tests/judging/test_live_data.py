"""Judging on data that is read from its beginning: one pass a model, and no other order for the next."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from keras_weld.data import open_data, stream_split
from keras_weld.data.source import Source
from keras_weld.data.streams import StreamSplit
from keras_weld.errors import DataError
from keras_weld.recipes.evaluate import evaluate

RANDOM = np.random.default_rng(5)
LABELS = RANDOM.integers(0, 4, 230)
X = np.eye(4, dtype=np.float32)[LABELS] + RANDOM.normal(0, 0.4, (230, 4)).astype(np.float32)


class Model:
    """Takes the largest of four numbers for the class, with some bias."""

    def __init__(self, name, bias=0.0):
        self.name, self.bias = name, np.array([bias, 0, 0, 0])
        self.inputs = [SimpleNamespace(name="x", shape=(None, 4))]

    def predict_on_batch(self, x):
        return x + self.bias


MODELS = (Model("merged"), [Model("a", 0.3), Model("b", 1.0)])


class Counted:
    """Batches that count how often they are gone through."""

    def __init__(self, size=17, shuffles=False):
        self.size, self.passes, self.random = size, 0, np.random.default_rng(1) if shuffles else None

    def __iter__(self):
        self.passes += 1
        rows = np.arange(230) if self.random is None else self.random.permutation(230)
        return ((X[part], LABELS[part]) for part in np.split(rows, range(self.size, 230, self.size)))


def test_stream_gives_the_figures_of_the_arrays():
    source = Counted()
    told = []
    found = evaluate(*MODELS, data=source, batch_size=50, progress=lambda *now: told.append(now))
    want = evaluate(*MODELS, data=(X, LABELS), batch_size=50)
    assert found.splits == want.splits
    assert found.sentence == want.sentence
    assert source.passes == 1 + 3  # a look at the first batch, then once for each model
    assert told[-1] == (690, None, "b")


def test_inputs_and_targets_are_from_the_same_pass():
    found = evaluate(MODELS[0], data=Counted(shuffles=True))
    want = evaluate(MODELS[0], data=(X, LABELS))
    assert found.splits[0].rows[0].value == pytest.approx(want.splits[0].rows[0].value)


def test_source_that_shuffles_is_refused_for_several_models_with_the_remedy():
    with pytest.raises(DataError, match="another order each time") as refused:
        evaluate(*MODELS, data=Counted(shuffles=True))
    assert refused.value.found == "other targets for a than for the model before it (split all)"
    assert "reshuffle_each_iteration=False" in refused.value.remedy
    assert "DataLoader(..., shuffle=False)" in refused.value.remedy


def test_source_that_shrinks_is_refused_too():
    class Shrinks(Counted):
        def __iter__(self):
            for batch in super().__iter__():
                yield batch
                if self.passes > 2:
                    return

    with pytest.raises(DataError, match="another order each time"):
        evaluate(*MODELS, data=Shrinks())


def test_endless_source_and_one_without_targets_are_refused():
    endless = StreamSplit("all", "mine", None, Source(Counted, "mine", endless=True))
    for call in (lambda: evaluate(MODELS[0], data=endless), lambda: endless.targets, endless.counted):
        with pytest.raises(DataError, match="never ends, and all of its examples are needed") as refused:
            call()
        assert "data.take(n)" in refused.value.remedy
    assert endless.steps(4) is None
    with pytest.raises(DataError, match="has inputs and no targets") as refused:
        evaluate(MODELS[0], data=stream_split([X]))
    assert "a live data set gives (x, y)" in refused.value.remedy


def test_validation_and_test_streams_are_judged_as_such():
    parts = {"validation": (X[:100], LABELS[:100]), "test": [(X[100:], LABELS[100:])]}
    found = evaluate(*MODELS, data=parts)
    assert [(split.name, split.count) for split in found.splits] == [("validation", 100), ("test", 130)]
    pair = evaluate(*MODELS, data=(Counted(), [(X[:100], LABELS[:100])]))
    assert [(split.name, split.count) for split in pair.splits] == [("validation", 100)]


def test_judging_a_divided_split_and_a_sample():
    whole = open_data((X, LABELS), validation=0.5)
    assert evaluate(*MODELS, data=whole).splits[0].count == 115
    sample = evaluate(*MODELS, data=Counted(), sample=60, seed=2)
    assert sample.splits == evaluate(*MODELS, data=(X, LABELS), sample=60, seed=2).splits
