"""The bootstrap: against a plain loop, against what is known of the binomial, and its coverage."""

from __future__ import annotations

import numpy as np
import pytest

from keras_weld.errors import UsageError
from keras_weld.judging import METRICS, Outcome, Task, bootstrap, interval, measure, outcome_of, resample
from keras_weld.judging.bootstrap import unseen


def right_or_wrong(right) -> Outcome:
    """An outcome of two classes in which exactly these examples are right."""
    targets = np.arange(len(right)) % 2
    shares = np.eye(2)[np.where(right, targets, 1 - targets)]
    # A little that tells outcomes apart without changing what they decide.
    return outcome_of(shares * 0.98 + 0.01, targets)


def share(values):
    return lambda counts: counts @ values / counts.sum(axis=1)


def test_resampled_values_are_those_of_a_plain_loop():
    random = np.random.default_rng(5)
    first, second = random.normal(size=(2, 23))
    found = resample([share(first), share(second)], 23, resamples=150, seed=9)
    draws = np.random.default_rng(9)
    for row in found:
        chosen = [int(draws.integers(0, 23)) for _ in range(23)]
        assert row[0] == pytest.approx(sum(first[index] for index in chosen) / 23)
        assert row[1] == pytest.approx(sum(second[index] for index in chosen) / 23)


def test_chunks_do_not_change_the_values(monkeypatch):
    values = np.random.default_rng(0).normal(size=40)
    whole = resample([share(values)], 40, resamples=120, seed=2)
    monkeypatch.setattr(bootstrap, "_CHUNK_BYTES", 7 * 40 * 8)
    np.testing.assert_allclose(resample([share(values)], 40, resamples=120, seed=2), whole, rtol=1e-12)


def test_spread_is_the_binomial_one():
    right = np.arange(400) < 320
    found = resample([share(right.astype(float))], 400, resamples=4000, seed=0)[:, 0]
    assert found.std() == pytest.approx(np.sqrt(0.8 * 0.2 / 400), rel=0.05)
    ends = interval(found)
    assert (ends.low, ends.high) == (pytest.approx(0.7608, abs=0.006), pytest.approx(0.8392, abs=0.006))


def test_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(11)
    inside = inside_difference = 0
    trials = 200
    for trial in range(trials):
        hard = random.random(150)
        first, second = right_or_wrong(hard < 0.85), right_or_wrong(random.random(150) < 0.75)
        found = measure([first, second], METRICS["accuracy"], reference=1, resamples=300, seed=trial)
        inside += found[0].interval.low <= 85 <= found[0].interval.high
        ends = found[0].compared.interval
        inside_difference += ends.low <= 10 <= ends.high
    assert 0.90 <= inside / trials <= 0.99
    assert 0.90 <= inside_difference / trials <= 0.99


def test_paired_difference_is_known_better_than_either_figure():
    random = np.random.default_rng(3)
    right = random.random(500) < 0.8
    other = right.copy()
    other[:10] = ~other[:10]
    found = measure([right_or_wrong(right), right_or_wrong(other)], METRICS["accuracy"], reference=1)
    own = found[0].interval.high - found[0].interval.low
    between = found[0].compared.interval.high - found[0].compared.interval.low
    assert between < own / 2
    assert found[1].compared is None


def test_what_was_never_seen_is_not_taken_as_impossible():
    every = np.ones(150, dtype=bool)
    first, second = right_or_wrong(every), right_or_wrong(every)
    second.outputs[:] = second.outputs * 0.5 + 0.25  # other outputs, the same decisions
    found = measure([first, second], METRICS["accuracy"], reference=1)
    assert (found[0].interval.low, found[0].interval.high) == (pytest.approx(98.0), 100.0)
    assert found[0].compared.interval.low == pytest.approx(-2.0)
    assert unseen(2) == 1.0


def test_same_outputs_differ_by_nothing_at_all():
    first = right_or_wrong(np.random.default_rng(0).random(50) < 0.7)
    found = measure([first, first], METRICS["accuracy"], reference=1)
    assert (found[0].compared.interval.low, found[0].compared.interval.high) == (0.0, 0.0)


def test_too_few_resamplings_are_refused():
    with pytest.raises(UsageError, match="at least 100 resamplings"):
        resample([share(np.ones(3))], 3, resamples=99)


def test_many_examples_take_bounded_memory():
    import tracemalloc

    outcome = Outcome(Task.VALUES, outcome_of(np.ones(1), np.ones(1) * 0.5).kind, np.ones(200_000), np.zeros(200_000))
    tracemalloc.start()
    measure([outcome], METRICS["mae"], resamples=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 250e6
