"""What is trained, for how long and how fast: `head:30@1e-3,last-20:15@1e-4` as stages."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from keras_weld.errors import UsageError

HEAD, ALL = "head", "all"
DEFAULT_STAGES = "head:30@1e-3,last-20:15@1e-4"
"""The safe order: a new head first, then the last layers at a tenth of the rate.

So many epochs are for small data; stages of large data end early, when nothing gets better any more."""

_FORM = "PART:EPOCHS@RATE, such as head:5@1e-3"
_LAST = re.compile(r"last-(\d+)")
_LOOKS_LIKE_LAST = re.compile(r"last-?[-+.\d]*")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of training.

    Attributes:
        part: what is trained: `head`, `last-20`, `all`, or the name, path or glob of layers (`backbone/block_1*`).
        epochs: how often all examples are seen, 1 or more.
        rate: the learning rate, above 0.

    Raises:
        UsageError: for a value that makes no sense.
    """

    part: str
    epochs: int
    rate: float

    def __post_init__(self) -> None:
        if not self.part or self.part != self.part.strip() or "," in self.part:
            raise UsageError("A stage names what it trains.", expected=_PARTS, found=repr(self.part))
        if _LOOKS_LIKE_LAST.fullmatch(self.part) and not self.last:
            raise UsageError("The last layers are counted.", expected="last-N, such as last-20", found=self.part)
        if self.epochs < 1:
            raise UsageError("A stage has at least one epoch.", expected="1 or more", found=self.epochs)
        if not (self.rate > 0 and math.isfinite(self.rate)):
            raise UsageError("A learning rate is a number above 0.", expected="such as 1e-3", found=self.rate)

    @property
    def last(self) -> int | None:
        """How many of the last layers are trained, if it is asked for by their number."""
        match = _LAST.fullmatch(self.part)
        return int(match[1]) if match else None

    @property
    def named(self) -> bool:
        """Whether layers are asked for by their names."""
        return self.part not in (HEAD, ALL) and self.last is None

    def __str__(self) -> str:
        """The form that `parse_stages` reads."""
        return f"{self.part}:{self.epochs}@{self.rate!r}"


_PARTS = "head, last-N, all, or the name, path or glob of layers, such as backbone/block_13*"


def parse_stages(stages: str | Sequence[Stage]) -> tuple[Stage, ...]:
    """Stages out of `PART:EPOCHS@RATE`, with commas between them.

    Args:
        stages: the text; stages themselves are passed through.

    Raises:
        UsageError: naming the piece of the text that is not of that form.

    Example:
        >>> parse_stages("head:5@1e-3, all:2@1e-5")[1]
        Stage(part='all', epochs=2, rate=1e-05)
    """
    if not isinstance(stages, str):
        found = tuple(stages)
        for one in found:
            if not isinstance(one, Stage):
                raise UsageError("This is not a stage.", expected=f"a Stage, or a text: {_FORM}", found=repr(one))
    else:
        found = tuple(_parse(piece.strip()) for piece in stages.split(",")) if stages.strip() else ()
    if not found:
        raise UsageError("There are no stages.", expected=_FORM, found="nothing")
    return found


def format_stages(stages: Sequence[Stage]) -> str:
    """The text that `parse_stages` reads as these stages."""
    return ",".join(map(str, stages))


def _parse(piece: str) -> Stage:
    front, at, rate = piece.rpartition("@")
    part, colon, epochs = front.rpartition(":")
    if not (at and colon and part.strip()):
        raise UsageError(
            "This is not a stage.",
            expected=_FORM,
            found=piece or "nothing between two commas",
            remedy=f"Write what is trained, for how many epochs, at which rate: {DEFAULT_STAGES}",
        )
    if not re.fullmatch(r"\d+", epochs.strip()):
        raise UsageError(f"The epochs of the stage {piece!r} are no whole number.", expected=_FORM, found=epochs)
    try:
        value = float(rate)
    except ValueError:
        raise UsageError(f"The rate of the stage {piece!r} is no number.", expected=_FORM, found=rate) from None
    return Stage(part.strip(), int(epochs), value)
