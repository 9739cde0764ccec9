"""Optimizers and schedules of a calibration."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402

from keras_weld.errors import UsageError  # noqa: E402
from keras_weld.zipping.optimizing import optimizer_of, require_training, schedule_of  # noqa: E402


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("cosine", [1.0, 0.5, 0.0]),
        ("constant", [1.0, 1.0, 1.0]),
        ("0.9@2", [1.0, 0.9**2, 0.9**5]),  # an epoch has 10 steps, and the factor comes after every 20
        ("0.5@2.5", [1.0, 0.25, 0.0625]),
    ],
)
def test_the_rate_at_the_start_in_the_middle_and_at_the_end(schedule: str, rates: list[float]) -> None:
    made = schedule_of(schedule, 1.0, 100, lambda: 10)
    found = [float(made(step)) if callable(made) else made for step in (0, 50, 100)]
    assert found == pytest.approx(rates, abs=1e-6)


def test_a_schedule_of_ones_own_is_made_from_rate_and_steps() -> None:
    given = []
    schedule_of(lambda *both: given.append(both), 0.5, 100, lambda: 10)
    assert given == [(0.5, 100)]


@pytest.mark.parametrize("schedule", ["linear", "0.94@0", "1.5@2", "0.9@"])
def test_another_schedule_is_refused(schedule: str) -> None:
    with pytest.raises(UsageError, match="no such schedule") as refused:
        require_training("adam", schedule)
    assert "0.94@10" in str(refused.value.expected)


def test_an_optimizer_is_named_or_given_and_is_fresh_each_time() -> None:
    named: Any = optimizer_of("sgd", 0.25)
    assert isinstance(named, keras.optimizers.SGD)
    assert float(named.learning_rate) == 0.25
    own = keras.optimizers.Adam(0.125, beta_1=0.5)
    made: Any = optimizer_of(own, 0.25)
    assert made is not own
    assert (float(made.learning_rate), made.beta_1) == (0.125, 0.5)
    with pytest.raises(UsageError, match="no such optimizer"):
        require_training("adamm", "cosine")
