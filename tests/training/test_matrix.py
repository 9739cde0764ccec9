"""Every optimizer on every kind of data, with all layers and callbacks at once.

All pairs are among them, those with a moment of the interruption too; benchmarks/bench_resume.py goes through the rest.
"""

from __future__ import annotations

from functools import cache
from itertools import product
from pathlib import Path

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import matrix  # noqa: E402
from interrupted import Outcome, interrupted, outcome  # noqa: E402


@cache
def reused(optimizer: str) -> matrix.Reused:
    return matrix.Reused(optimizer, matrix.all_layers)


def in_turn() -> list[tuple[str, str, str]]:
    """Each optimizer on each kind of data, and a moment, so that each moment comes with each of either."""
    moments = list(matrix.MOMENTS)
    return [
        (optimizer, source, moments[(row + column) % len(moments)])
        for row, optimizer in enumerate(matrix.OPTIMIZERS)
        for column, source in enumerate(matrix.SOURCES)
    ]


def test_all_pairs_are_among_them() -> None:
    for place, names in enumerate((matrix.OPTIMIZERS, matrix.SOURCES)):
        assert {(case[place], case[2]) for case in in_turn()} == set(product(names, matrix.MOMENTS))


@pytest.mark.parametrize(("optimizer", "source", "moment"), in_turn())
def test_interrupted_it_ends_with_the_same_bits(optimizer: str, source: str, moment: str, tmp_path: Path) -> None:
    build = reused(optimizer)

    def left(run: str, moments: list[dict[str, int]]) -> Outcome:
        build.wrong = False

        def start(broken: dict[str, int] | None) -> object:
            try:
                swap = optimizer == "SwapEMAWeights"
                return matrix.train(build, tmp_path / run, source, list(matrix.CALLBACKS), broken, swap=swap)
            finally:
                build.wrong = True

        return outcome(*interrupted(start, moments))

    whole, resumed = left("whole", []), left("resumed", [matrix.MOMENTS[moment]])
    assert whole.differences(resumed) == []
    for name in ("history.json", "history.csv", "log.csv"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "resumed" / name).read_text()
