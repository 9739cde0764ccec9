"""Every training of the matrix, interrupted and resumed, against the same training left alone.

    KERAS_BACKEND=jax python benchmarks/bench_resume.py --all
    KERAS_BACKEND=jax python benchmarks/bench_resume.py --sample 50 --seed 1

Optimizers x layers x data x callbacks x moments of interruption. A model of one optimizer and one kind of layers is
compiled once; before a resume all its variables are set wrong, so that what is not put back shows. Data and callbacks
are made anew for each start. All variables, metrics, the history and the state of callbacks are compared bit by bit.
The trainings are those of tests/training/matrix.py; new processes are what bench_kills.py is for. Prints tables in
Markdown.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "training"))

import keras
import matrix
from interrupted import Interruption, Outcome, outcome


@dataclass(frozen=True)
class Case:
    """One training and the moment at which it breaks off."""

    optimizer: str
    layers: str
    data: str
    callback: str
    moment: str


@dataclass(frozen=True)
class Result:
    """What came of a case: the names of what differs."""

    case: Case
    differences: Sequence[str]


@lru_cache(maxsize=1)
def built(optimizer: str, layers: str) -> matrix.Reused:
    """The model of the cases that follow each other."""
    keras.backend.clear_session()
    return matrix.Reused(optimizer, matrix.LAYERS[layers])


def start(case: Case, run: Path, moment: dict[str, int] | None, *, wrong: bool = False) -> Outcome | None:
    """One start; None if it broke off.

    Args:
        case: what to train.
        run: the folder of the run.
        moment: when it breaks off; None for never.
        wrong: begin with variables that are all wrong, as a resume may.
    """
    build = built(case.optimizer, case.layers)
    build.wrong = wrong
    swap = case.optimizer == "SwapEMAWeights"
    try:
        return outcome(*matrix.train(build, run, case.data, [case.callback], moment, swap=swap))
    except Interruption:
        return None


def compared(case: Case, whole: Outcome, run: Path) -> Result:
    """Break it off, go on, and compare."""
    try:
        if start(case, run, matrix.MOMENTS[case.moment]) is not None:
            return Result(case, ["it was not interrupted"])
        found = start(case, run, None, wrong=True)
        return Result(case, whole.differences(found) if found else ["it broke off again"])
    except Exception as error:  # told in the table, and the others go on
        return Result(case, [f"{type(error).__name__}: {str(error).splitlines()[0]}"])


def table(results: Sequence[Result], down: str, across: str) -> list[str]:
    """How many of how many were the same, by two of the factors."""
    rows, columns = (list(dict.fromkeys(getattr(one.case, name) for one in results)) for name in (down, across))
    lines = [f"| {down} | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for row in rows:
        cells = []
        for column in columns:
            those = [one for one in results if (getattr(one.case, down), getattr(one.case, across)) == (row, column)]
            cells.append(f"{sum(not one.differences for one in those)} of {len(those)}")
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return lines


def chosen(sample: int | None, seed: int) -> list[Case]:
    """All cases, or some drawn by a seed; those of one training follow each other."""
    factors: list[Any] = [matrix.OPTIMIZERS, matrix.LAYERS, matrix.SOURCES, matrix.CALLBACKS, matrix.MOMENTS]
    cases = [Case(*names) for names in product(*factors)]
    if sample is None:
        return cases
    numbers = sorted(random.Random(seed).sample(range(len(cases)), min(sample, len(cases))))
    return [cases[number] for number in numbers]


def main() -> int:
    """Train all of them, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=24, help="so many cases, drawn by the seed")
    parser.add_argument("--all", action="store_true", help="every case; this takes an hour or more")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    results: list[Result] = []
    began, training, whole = time.monotonic(), None, None
    for case in chosen(None if given.all else given.sample, given.seed):
        with tempfile.TemporaryDirectory() as folder:
            this = (case.optimizer, case.layers, case.data, case.callback)
            if this != training:
                training, whole = this, start(case, Path(folder) / "whole", None)
            if whole is None:
                raise SystemExit(f"{case} broke off by itself.")
            results.append(compared(case, whole, Path(folder) / "resumed"))
        if results[-1].differences:
            print(f"{case}: {', '.join(results[-1].differences[:4])}", file=sys.stderr, flush=True)
    same = sum(not one.differences for one in results)
    took = time.monotonic() - began
    print(f"{keras.backend.backend()}: {same} of {len(results)} end with the same bits ({took:.0f} s)\n")
    for down, across in (("optimizer", "data"), ("layers", "callback"), ("moment", "data")):
        print("\n".join(table(results, down, across)) + "\n")
    return int(same < len(results))


if __name__ == "__main__":
    sys.exit(main())
