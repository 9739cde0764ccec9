"""Every optimizer on every kind of data, with all layers and callbacks at once: all pairs are among them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import matrix  # noqa: E402
from interrupted import Outcome, interrupted, outcome  # noqa: E402


@cache
def reused(optimizer: str) -> matrix.Reused:
    return matrix.Reused(optimizer, matrix.all_layers)


@pytest.mark.parametrize("source", matrix.SOURCES)
@pytest.mark.parametrize("optimizer", matrix.OPTIMIZERS)
def test_interrupted_between_epochs_inside_one_and_during_a_save_it_ends_with_the_same_bits(
    optimizer: str, source: str, tmp_path: Path
) -> None:
    build = reused(optimizer)

    def left(run: str, moments: list[dict[str, int]]) -> Outcome:
        build.wrong = False

        def start(moment: dict[str, int] | None) -> object:
            try:
                swap = optimizer == "SwapEMAWeights"
                return matrix.train(build, tmp_path / run, source, list(matrix.CALLBACKS), moment, swap=swap)
            finally:
                build.wrong = True

        return outcome(*interrupted(start, moments))

    whole, resumed = left("whole", []), left("resumed", list(matrix.MOMENTS.values()))
    assert whole.differences(resumed) == []
    for name in ("history.json", "history.csv", "log.csv"):
        assert (tmp_path / "whole" / name).read_text() == (tmp_path / "resumed" / name).read_text()
