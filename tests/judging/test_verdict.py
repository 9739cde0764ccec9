"""From an interval to a word and a sentence."""

from __future__ import annotations

import pytest

from keras_weld.errors import UsageError
from keras_weld.judging import METRICS, Interval, Verdict, judge
from keras_weld.judging.verdict import Compared, margin_for, sentence, show, show_difference

ACCURACY, LOSS = METRICS["accuracy"], METRICS["log_loss"]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 2.0, Verdict.BETTER),
        (-2.0, -0.1, Verdict.WORSE),
        (-0.5, -0.1, Verdict.WORSE),
        (-1.0, 3.0, Verdict.NO_WORSE),
        (0.0, 0.0, Verdict.NO_WORSE),
        (-1.1, 3.0, Verdict.CANNOT_TELL),
    ],
)
def test_verdict_of_an_interval(low, high, verdict):
    compared = Compared((low + high) / 2, Interval(low, high))
    assert judge(compared, higher_is_better=True, margin=1.0) is verdict
    turned = Compared(-(low + high) / 2, Interval(-high, -low))
    assert judge(turned, higher_is_better=False, margin=1.0) is verdict


def test_margin_is_points_or_percent_of_the_sources_figure():
    assert margin_for(ACCURACY, 1.0, 97.0) == 1.0
    assert margin_for(LOSS, 1.0, 0.25) == pytest.approx(0.0025)
    with pytest.raises(UsageError, match="margin cannot be negative"):
        margin_for(ACCURACY, -1, 97.0)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (
            Verdict.BETTER,
            "merged.keras is better than the best single source, a.keras: accuracy 97.80 % against ",
        ),
        (Verdict.WORSE, "merged.keras is worse than the best single source, a.keras: "),
        (
            Verdict.NO_WORSE,
            "merged.keras is no worse than the best single source, a.keras, within a margin of 1 point: ",
        ),
        (
            Verdict.CANNOT_TELL,
            "Cannot tell whether merged.keras is better or worse than the best single source",
        ),
    ],
)
def test_sentence_says_verdict_figures_and_examples(verdict, words):
    compared = Compared(0.9, Interval(-0.2, 1.6))
    text = sentence(
        "merged.keras",
        "a.keras",
        ACCURACY,
        (97.8, 96.9),
        compared,
        verdict,
        margin=1.0,
        count=540,
        split="test",
    )
    assert text.startswith(words)
    assert text.endswith("difference +0.90 points (95 % interval -0.20 to +1.60, 540 test examples).")


def test_one_source_is_not_called_the_best():
    compared = Compared(-0.01, Interval(-0.02, -0.005))
    text = sentence(
        "m", "a", LOSS, (0.1, 0.11), compared, Verdict.BETTER, margin=0.001, count=20, split="all", sources=1
    )
    assert text == (
        "m is better than a: log loss 0.1 against 0.11, difference -0.01 (95 % interval -0.02 to -0.005, 20 examples)."
    )


def test_figures_are_short_and_nothing_has_no_sign_of_its_own():
    assert show(ACCURACY, 97.777) == "97.78 %"
    assert show(LOSS, 0.123456) == "0.1235"
    assert show_difference(ACCURACY, -0.001) == "+0.00"
    assert show_difference(LOSS, -0.00012345) == "-0.000123"
