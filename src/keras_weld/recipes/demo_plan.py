"""What the demo trains and merges, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

DIGITS = "digits.npz"
START, ODD = "start.keras", "odd.keras"
THREE = ("a.keras", "b.keras", "c.keras")
RUN = "run"
"""The folder of the one run's checkpoints."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of training.

    Attributes:
        part: which of the four parts of the training images; None for all of them.
        epochs: how often to go through them.
        learning_rate: constant.
    """

    part: int | None
    epochs: int
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Training:
    """One model to train.

    Attributes:
        file: where it is saved; for a run that is saved after every epoch, its folder.
        what: what it is, in a few words.
        phases: how it is trained.
        draw: number of the random weights that it sets out from; None if it goes on from `START`.
    """

    file: str
    what: str
    phases: tuple[Phase, ...]
    draw: int | None = None


class Verb(StrEnum):
    """How models are merged, by the name of the command."""

    AVERAGE = "average"
    ENSEMBLE = "ensemble"
    FUSE = "fuse"


@dataclass(frozen=True, slots=True)
class Merge:
    """One merge to make and to judge.

    Attributes:
        file: where it is saved.
        what: what it is, in a few words.
        sources: what goes in; `RUN` stands for all its checkpoints.
        verb: how they are merged.
        weights: the share of each in an average; equal shares if None.
        last: average only the last so many.
    """

    file: str
    what: str
    sources: tuple[str, ...]
    verb: Verb = Verb.AVERAGE
    weights: tuple[float, ...] | None = None
    last: int | None = None


_FIRST = Phase(0, 25, 0.001)
TRAININGS: tuple[Training, ...] = (
    Training(START, "the common start", (_FIRST,), draw=1),
    *(
        Training(file, f"start, then part {part}", (Phase(part, 20, 0.003),))
        for part, file in enumerate(THREE, start=1)
    ),
    # All that a sees, in the same order; only the random weights before it differ.
    Training(ODD, "as a, another start", (_FIRST, Phase(1, 20, 0.003)), draw=2),
    # The learning rate stays high, so that the weights keep swinging around what they are looking for.
    Training(RUN, "one run from start, all parts", (Phase(None, 15, 0.015),)),
)

MERGES: tuple[Merge, ...] = (
    Merge("soup.keras", "mean of a, b, c", THREE),
    Merge("weighted.keras", "0.5 a, 0.3 b, 0.2 c", THREE, weights=(0.5, 0.3, 0.2)),
    Merge("run-mean.keras", "mean, last 5 epochs", (RUN,), last=5),
    Merge("a-odd.keras", "mean of a and odd", (THREE[0], ODD)),
    Merge("team.keras", "a and odd, ensemble", (THREE[0], ODD), Verb.ENSEMBLE),
    Merge("fused.keras", "a and odd, new head", (THREE[0], ODD), Verb.FUSE),
)


def checkpoint(epoch: int) -> str:
    """The file of the run after an epoch, counted from 1."""
    return f"{RUN}/epoch-{epoch:02}.keras"
