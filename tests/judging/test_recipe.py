"""The whole evaluation over models that are only shaped like Keras models."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from keras_weld.data.split import Split
from keras_weld.errors import DataError, UsageError
from keras_weld.recipes.evaluate import evaluate

CLASSES = 4


class Answers:
    """A model whose input is the number of the example and whose output is the answer written down for it."""

    inputs = None

    def __init__(self, name, decisions, logits=False):
        self.name = name
        self.table = np.eye(CLASSES)[decisions] * 0.9 + 0.025
        if logits:
            self.table = np.log(self.table) + 3

    def predict_on_batch(self, x):
        return self.table[x[:, 0].astype(int)]


def truth(count, seed=0):
    return np.random.default_rng(seed).integers(0, CLASSES, count)


def wrong_at(labels, share, seed):
    """The labels with this share of them changed."""
    random = np.random.default_rng(seed)
    changed = random.random(len(labels)) < share
    return np.where(changed, (labels + 1) % CLASSES, labels)


def numbers(count):
    return np.arange(count)[:, None]


LABELS = truth(600)
DATA = (numbers(600), LABELS)


def test_better_says_so_with_figures_that_add_up():
    merged = Answers("merged", wrong_at(LABELS, 0.02, 1))
    sources = [Answers("a", wrong_at(LABELS, 0.10, 2)), Answers("b", wrong_at(LABELS, 0.30, 3))]
    found = evaluate(merged, sources, data=DATA, batch_size=100)
    assert (found.verdict, found.best_source, found.metric, found.unit) == ("better", "a", "accuracy", "%")
    own, best, other = found.splits[0].rows
    assert own.value == pytest.approx(100 * (merged.table.argmax(1) == LABELS).mean())
    assert own.difference == pytest.approx(own.value - best.value)
    assert own.difference_low < own.difference < own.difference_high
    assert own.low < own.value < own.high
    assert (own.role, best.role, other.role) == ("model", "best source", "source")
    assert best.difference is None
    assert other.verdict == "worse"
    assert found.sentence.startswith("merged is better than the best single source, a: accuracy ")
    assert found.worse_by == 0
    assert not found.fails()


def test_worse_fails_and_only_beyond_the_points_allowed():
    merged = Answers("merged", wrong_at(LABELS, 0.30, 1))
    found = evaluate(merged, [Answers("a", wrong_at(LABELS, 0.05, 2))], data=DATA)
    assert found.verdict == "worse"
    assert 20 < found.worse_by < 30
    assert found.fails()
    assert found.fails(20)
    assert not found.fails(30)
    assert "merged is worse than a:" in found.sentence


def test_itself_is_no_worse_and_few_examples_cannot_tell():
    same = Answers("a", wrong_at(LABELS, 0.1, 2))
    assert evaluate(same, [same], data=DATA).verdict == "no worse"
    few = (numbers(30), LABELS[:30])
    found = evaluate(Answers("m", wrong_at(LABELS, 0.2, 1)), [same], data=few)
    assert found.verdict == "cannot tell"
    assert found.sentence.startswith("Cannot tell whether m is better or worse than a: ")
    assert "Fewer than 100 examples: all (30). The intervals are rough." in found.notes


def test_margin_decides_between_no_worse_and_cannot_tell():
    model, source = Answers("m", wrong_at(LABELS, 0.1, 1)), Answers("a", wrong_at(LABELS, 0.1, 2))
    assert evaluate(model, [source], data=DATA, margin=0.01).verdict == "cannot tell"
    assert evaluate(model, [source], data=DATA, margin=15).verdict == "no worse"


def test_best_source_is_chosen_on_validation_and_judged_on_test():
    labels = np.concatenate([LABELS, LABELS])
    data = {"x_val": numbers(600), "y_val": LABELS, "x_test": 600 + numbers(600), "y_test": LABELS}
    # a is better on validation, b on test: b must not be picked after the fact.
    a = Answers("a", np.concatenate([wrong_at(LABELS, 0.05, 1), wrong_at(LABELS, 0.20, 2)]))
    b = Answers("b", np.concatenate([wrong_at(LABELS, 0.20, 3), wrong_at(LABELS, 0.05, 4)]))
    found = evaluate(Answers("m", wrong_at(labels, 0.1, 5)), [a, b], data=data)
    assert (found.best_source, found.chosen_on, found.judged_on) == ("a", "validation", "test")
    assert [split.name for split in found.splits] == ["validation", "test"]
    assert [row.role for row in found.splits[1].rows] == ["model", "best source", "source"]
    assert "test examples" in found.sentence
    assert found.verdict == "better"
    assert not any("favours it" in note for note in found.notes)


def test_choosing_on_the_judged_examples_is_told():
    sources = [Answers("a", wrong_at(LABELS, 0.1, 1)), Answers("b", wrong_at(LABELS, 0.1, 2))]
    found = evaluate(sources[0], sources, data=DATA)
    assert any("chosen on the same examples that it is judged on" in note for note in found.notes)


def test_training_data_is_judged_only_without_other_and_that_is_told():
    model = Answers("m", LABELS)
    both = {"x_train": numbers(600), "y_train": LABELS, "x_test": numbers(50), "y_test": LABELS[:50]}
    assert [split.name for split in evaluate(model, data=both).splits] == ["test"]
    alone = evaluate(model, data={"x_train": numbers(600), "y_train": LABELS})
    assert alone.judged_on == "train"
    assert any("learnt them by heart" in note for note in alone.notes)


def test_logits_and_probabilities_are_judged_alike_and_told():
    decisions = wrong_at(LABELS, 0.1, 1)
    found = evaluate(Answers("m", decisions, logits=True), [Answers("a", decisions)], data=DATA, metric="log_loss")
    assert found.splits[0].rows[0].value == pytest.approx(found.splits[0].rows[1].value)
    assert any(note.startswith("The outputs of m are logits") for note in found.notes)
    assert not found.higher_is_better


def test_lower_is_better_for_losses():
    model = Answers("m", wrong_at(LABELS, 0.02, 1))
    source = Answers("a", wrong_at(LABELS, 0.2, 2))
    found = evaluate(model, [source], data=DATA, metric="log_loss")
    assert found.verdict == "better"
    assert found.splits[0].rows[0].difference < 0
    assert evaluate(source, [model], data=DATA, metric="log_loss").fails(0.1)


def test_without_sources_there_are_figures_and_no_verdict():
    found = evaluate(Answers("m", wrong_at(LABELS, 0.1, 1)), data=DATA)
    assert found.verdict is None
    assert found.best_source is None
    assert found.sentence.startswith("m: accuracy 9")
    with pytest.raises(UsageError, match="there is no source to compare it with"):
        found.fails()


@pytest.mark.parametrize(("against", "found"), [("a.keras", "'a.keras'"), (Answers("a", LABELS), "a single Answers")])
def test_single_source_is_no_list_of_sources(against, found):
    with pytest.raises(UsageError, match="The models are given as a list") as refused:
        evaluate(Answers("m", LABELS), against, data=DATA)
    assert refused.value.found == found
    assert refused.value.expected == "a list, such as ['a.keras', 'b.keras']"


def test_what_is_no_model_is_refused():
    with pytest.raises(UsageError, match="This is not a model") as refused:
        evaluate(None, data=DATA)
    assert refused.value.found == "None (NoneType)"


@dataclass(frozen=True)
class Numbered(Split):
    """Examples that know the names of their classes, as a folder of images does."""

    classes: tuple[str, ...] | None
    name: str = "all"
    origin: str = "photos"
    count: int = 200
    targets: tuple[np.ndarray, ...] = (LABELS[:200] % 2,)

    def batches(self, batch_size):
        for start in range(0, self.count, batch_size):
            yield numbers(self.count)[start : start + batch_size], self.targets[0][start : start + batch_size]

    def fitted(self, shapes):
        return self

    def sampled(self, count, seed):
        return self


def test_data_with_fewer_classes_than_the_model_is_told():
    found = evaluate(Answers("m", LABELS), data=Numbered(("ant", "bee")))
    (note,) = [note for note in found.notes if "class" in note]
    assert note.startswith("The data has 2 classes (ant, bee) and the models tell 4 apart: ")
    assert "taken for the models' first 2" in note
    all_four = evaluate(Answers("m", LABELS), data=Numbered(("ant", "bee", "cat", "dog")))
    assert [note for note in all_four.notes if "class" in note] == []


def test_data_with_more_classes_than_the_model_is_refused_even_where_their_labels_do_not_occur():
    with pytest.raises(DataError, match="The data has more classes than the model tells apart") as refused:
        evaluate(Answers("m", LABELS), data=Numbered(("a", "b", "c", "d", "e")))
    assert (refused.value.expected, refused.value.found) == ("at most 4 classes", "5: a, b, c, d, e")


def test_same_seed_same_intervals():
    model, source = Answers("m", wrong_at(LABELS, 0.1, 1)), Answers("a", wrong_at(LABELS, 0.1, 2))
    first, again = (evaluate(model, [source], data=DATA, seed=4) for _ in range(2))
    assert first == again
    assert first.splits != evaluate(model, [source], data=DATA, seed=5).splits


def test_models_of_one_name_are_told_apart_and_progress_is_told():
    told = []
    same = Answers("m", LABELS)
    found = evaluate(same, [same], data=DATA, batch_size=400, progress=lambda *now: told.append(now))
    assert [row.model for row in found.splits[0].rows] == ["m (#1)", "m (#2)"]
    assert told == [
        (400, 1200, "m (#1)"),
        (600, 1200, "m (#1)"),
        (1000, 1200, "m (#2)"),
        (1200, 1200, "m (#2)"),
    ]


def test_models_of_other_tasks_and_data_without_targets_are_refused():
    model = Answers("m", LABELS)
    other = Answers("n", LABELS)
    other.table = other.table @ np.eye(CLASSES, CLASSES + 1)
    with pytest.raises(DataError, match="n gives another kind of output than m"):
        evaluate(model, [other], data=DATA)
    with pytest.raises(DataError, match="inputs and no targets"):
        evaluate(model, data={"x": numbers(600)})
    with pytest.raises(UsageError, match="has no output number 2"):
        evaluate(model, data=DATA, output=2)
    with pytest.raises(UsageError, match="There is no metric called 'acc'"):
        evaluate(model, data="missing.npz", metric="acc")  # before anything is opened


def test_one_example_decides_nothing() -> None:

    class Certain:
        inputs = None

        def __init__(self, name: str, says: int) -> None:
            self.name, self.output_names, self._says = name, [], says

        def predict_on_batch(self, x: np.ndarray) -> np.ndarray:
            return np.eye(2, dtype="float32")[[self._says] * len(x)]

    found = evaluate(Certain("wrong", 0), [Certain("right", 1)], data=(np.zeros((1, 3), "float32"), np.array([1])))
    assert found.verdict == "cannot tell"
    assert not found.fails()
