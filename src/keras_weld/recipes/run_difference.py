"""Where two trainings of the same run part: the earliest step, and the piece of state that differs in it first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from keras_weld.recipes.state_pieces import DATA, KINDS, Piece, of_checkpoints, of_results
from keras_weld.recipes.trace import RunTrace
from keras_weld.training.checkpoints import Checkpoints
from keras_weld.training.run_folder import CHECKPOINTS

_FEED = "training"


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two trainings part.

    Attributes:
        step: batches trained at the first moment at which they differ.
        epoch: number of the epoch that it lies in, from 1; None for the end, after the last checkpoint.
        piece: the kind of what differs, such as "variable of the model".
        name: which one: a variable's path, a callback's class and attribute, a batch.
        whole: its value in the training that was not interrupted.
        interrupted: its value in the other.
        others: what else differs at that moment, the first of each other kind.
        unkept: what callbacks remember that no checkpoint keeps, and that differs by then.
        before_kills: whether nothing had been taken up again by then, so that the training differs from itself.
    """

    step: int
    epoch: int | None
    piece: str
    name: str
    whole: str
    interrupted: str
    others: tuple[str, ...]
    unkept: tuple[str, ...]
    before_kills: bool


def first_difference(
    whole: Path, interrupted: Path, traces: tuple[RunTrace, RunTrace]
) -> tuple[Difference | None, int]:
    """The first difference between a run that was not interrupted and the same run that was.

    Args:
        whole: the folder of the one.
        interrupted: the folder of the other.
        traces: what was seen of the two.

    Returns:
        The difference, None if there is none, and how many checkpoints were compared.

    Raises:
        DamagedFileError: if a checkpoint or a model is damaged.
    """
    sides = Checkpoints(whole / CHECKPOINTS), Checkpoints(interrupted / CHECKPOINTS)
    steps = sorted(set(sides[0].steps()) & set(sides[1].steps()))
    number, batch = _first_batch(*traces)
    for count, step in enumerate(steps, 1):
        one, other = (side.read(step) for side in sides)
        pieces = of_checkpoints(one, other)
        epoch = one.facts["epoch"] + (one.facts["batch"] > 0)  # at an epoch's end, the place is the next one's begin
        if batch is not None and number < step:
            # What was trained on comes before all that it does; the epoch is that of the checkpoint.
            return _difference(traces, number + 1, epoch, [batch, *pieces]), count
        if pieces:
            return _difference(traces, step, epoch, pieces), count
    pieces = of_results(whole, interrupted)
    return (_difference(traces, traces[0].steps, None, pieces) if pieces else None), len(steps)


def _difference(traces: tuple[RunTrace, RunTrace], step: int, epoch: int | None, pieces: list[Piece]) -> Difference:
    first, *rest = pieces
    others = {piece.kind: piece.text for piece in reversed(rest) if piece.kind != first.kind}
    taken_up = [begun for begun in traces[1].begun[1:] if begun > 0]
    return Difference(
        step=step,
        epoch=epoch,
        piece=KINDS[first.kind],
        name=first.name,
        whole=first.values[0],
        interrupted=first.values[1],
        others=tuple(reversed(others.values())),
        unkept=_unkept(*traces, step),
        before_kills=step <= min(taken_up, default=step),
    )


def _first_batch(whole: RunTrace, interrupted: RunTrace) -> tuple[int, Piece | None]:
    """The first batch of the training examples that was another, and its number."""
    for (feed, number), digest in sorted(whole.batches.items(), key=lambda item: item[0][1]):
        found = interrupted.batches.get((feed, number), digest)
        if feed == _FEED and found != digest:
            name = f"batch {number + 1} of the training examples"
            return number, Piece(DATA, name, (f"SHA-256 {digest}…", f"SHA-256 {found}…"))
    return 0, None


def _unkept(whole: RunTrace, interrupted: RunTrace, step: int) -> tuple[str, ...]:
    """What callbacks remember that differs at the first checkpoint, up to a step, at which something of it does."""
    for at in sorted(whole.callbacks):
        known, found = whole.callbacks[at], interrupted.callbacks.get(at)
        if found is not None and at <= max(step, min(whole.callbacks)):
            names = tuple(name for name, digest in known.items() if found.get(name, digest) != digest)
            if names:
                return names
    return ()
