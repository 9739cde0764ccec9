"""What the demo gives back, and what it says on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Kind(StrEnum):
    """What a line of the demo is."""

    STEP = "step"
    COMMAND = "command"
    RESULT = "result"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Line:
    """One line that the demo says.

    Attributes:
        kind: the heading of a step, the `weld` command that does the same, what came of it, or a warning.
        text: the line.
    """

    kind: Kind
    text: str


Say = Callable[[Line], None]
"""Called with each line."""

Progress = Callable[[int, int | None, str], None]
"""Called with what is done, what there is to do in this step, and what is being done."""


@dataclass(frozen=True, slots=True)
class Row:
    """One model of the table, judged on the test images.

    Attributes:
        file: its name in the folder.
        what: what it is, in a few words.
        merge: whether it is a merge; else it was trained.
        accuracy: percent of the test images that it reads right.
        low: lower end of the 95 % interval.
        high: upper end.
        best_source: the best single source, chosen on the validation images, that it is compared with.
        difference: its accuracy minus the best source's, in points; None for the best source itself.
        difference_low: lower end of the difference's 95 % interval.
        difference_high: upper end.
        verdict: `better`, `no worse`, `worse` or `cannot tell`, against the best source; None for the best
            source itself, and where there is nothing to compare with.
    """

    file: str
    what: str
    merge: bool
    accuracy: float
    low: float
    high: float
    best_source: str | None
    difference: float | None
    difference_low: float | None
    difference_high: float | None
    verdict: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """What the check said before an average was made.

    Attributes:
        models: the files that were checked together.
        possible: whether they can be averaged.
        warnings: why the result is doubtful; empty if nothing speaks against it.
        notes: what else is good to know.
    """

    models: tuple[str, ...]
    possible: bool
    warnings: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A command to try after the demo.

    Attributes:
        command: the command, ready to be copied.
        why: what it shows.
    """

    command: str
    why: str


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What happened in the demo.

    Attributes:
        folder: where the files are.
        seed: what everything random was drawn by.
        backend: what Keras ran on.
        seconds: how long it took.
        checks: the checks before the merges.
        rows: the table: every model on the test images.
        sentences: what happened, in words: one for each merge, and the sum of it.
        files: everything that was written, relative to the folder.
        commands: the `weld` commands that do the same; they all end with exit code 0.
        next: three more to try.
    """

    folder: Path
    seed: int
    backend: str
    seconds: float
    checks: tuple[Checked, ...]
    rows: tuple[Row, ...]
    sentences: tuple[str, ...]
    files: tuple[str, ...]
    commands: tuple[str, ...]
    next: tuple[Suggestion, ...]
