"""What outputs and targets are about."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.errors import DataError
from keras_weld.judging import Kind, Task, outcome_of

SHARES = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]])
ONES = np.array([0, 1, 1, 0])


@pytest.mark.parametrize(
    ("outputs", "targets", "task", "kind"),
    [
        (SHARES, [0, 2], Task.CLASSES, Kind.PROBABILITIES),
        (SHARES, [[0], [2]], Task.CLASSES, Kind.PROBABILITIES),
        (SHARES, [[1, 0, 0], [0, 0, 1]], Task.CLASSES, Kind.PROBABILITIES),
        (SHARES.astype("float16"), [0.0, 2.0], Task.CLASSES, Kind.PROBABILITIES),
        (10 * SHARES - 3, [0, 2], Task.CLASSES, Kind.LOGITS),
        (np.array([[0.2], [0.9], [0.4], [0.0]]), ONES, Task.BINARY, Kind.PROBABILITIES),
        (np.array([-3.0, 2.0, 1.0, 0.0]), ONES, Task.BINARY, Kind.LOGITS),
        (np.array([[0.2, 0.9], [0.9, 0.9]]), [[0, 1], [1, 1]], Task.LABELS, Kind.PROBABILITIES),
        (np.array([[0.2], [0.9]]), [1.5, 0.3], Task.VALUES, Kind.VALUES),
        (np.array([[0.2, 3.0], [0.9, 1.0]]), [[1.5, 0.3], [1.0, 2.0]], Task.VALUES, Kind.VALUES),
        (
            np.tile(SHARES, (1, 4, 1)).reshape(2, 2, 2, 3),
            np.zeros((2, 2, 2)),
            Task.CLASSES,
            Kind.PROBABILITIES,
        ),
    ],
)
def test_task_and_kind(outputs, targets, task, kind):
    found = outcome_of(outputs, np.asarray(targets))
    assert (found.task, found.kind) == (task, kind)
    if task is not Task.CLASSES:
        assert found.outputs.shape == found.targets.shape


def test_logits_become_the_probabilities_that_keras_gives():
    logits = np.array([[1.0, 2.0, 4.0], [500.0, 0.0, -500.0]])
    found = outcome_of(logits, np.array([0, 1])).probabilities()
    want = np.exp(logits[0]) / np.exp(logits[0]).sum()
    np.testing.assert_allclose(found, [want, [1, 0, 0]], atol=1e-12)
    binary = outcome_of(np.array([-1000.0, 0.0, 1000.0, 2.0]), ONES).probabilities()
    np.testing.assert_allclose(binary, [0, 0.5, 1, 1 / (1 + np.exp(-2))])


def test_label_out_of_range_names_the_classes():
    with pytest.raises(DataError) as refused:
        outcome_of(SHARES, np.array([0, 3]), file="digits.npz", classes=["a", "b", "c"])
    assert "A label is not one of the model's classes" in str(refused.value)
    assert "file:     digits.npz" in str(refused.value)
    assert "whole numbers from 0 to 2: the model has 3 classes" in str(refused.value)
    assert "3 in example 1; the data has the 3 classes a, b, c" in str(refused.value)
    for label in (-1, 0.5):
        with pytest.raises(DataError, match="not one of the model's classes"):
            outcome_of(SHARES, np.array([0, label]))


def test_three_classes_are_not_judged_as_the_value_of_one_column():
    with pytest.raises(DataError, match="more classes than the model tells apart") as refused:
        outcome_of(np.array([[0.1], [0.9]]), np.array([0, 2]), classes=["a", "b", "c"])
    assert refused.value.expected == "at most 2 classes"


def test_outputs_that_are_not_finite_and_shapes_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match="gives values that are not finite") as refused:
        outcome_of(np.array([[0.5, 0.5], [np.nan, 1]]), np.array([0, 1]))
    assert "for example 1" in refused.value.found
    with pytest.raises(DataError, match="targets do not fit what the model gives") as refused:
        outcome_of(SHARES, np.zeros((2, 5)))
    assert refused.value.expected == "shape (2, 3), or (2,) with whole-number labels"


def test_probabilities_against_probabilities_are_about_the_likeliest_class():
    outputs, targets = np.array([[0.7, 0.3], [0.6, 0.4]]), np.array([[0.9, 0.1], [0.25, 0.75]])
    found = outcome_of(outputs, targets)
    assert (found.task, found.kind) == (Task.CLASSES, Kind.PROBABILITIES)
    assert found.targets.tolist() == [0, 1]
    assert outcome_of(outputs * 3, targets).task is Task.VALUES
    assert outcome_of(outputs, targets * 3).task is Task.VALUES
