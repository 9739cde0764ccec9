"""How often a checkpoint is taken: at every epoch's end, and besides after so many steps or minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from keras_weld.errors import UsageError

_FORM = re.compile(r"(\d+(?:\.\d+)?) +(steps?|seconds?|minutes?|hours?)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


@dataclass(frozen=True, slots=True)
class Every:
    """When a checkpoint is due between the ends of epochs.

    Attributes:
        steps: after so many batches; None for never.
        seconds: after so much time; None for never.
    """

    steps: int | None = None
    seconds: float | None = None

    def due(self, step: int, passed: float) -> bool:
        """Whether one is due.

        Args:
            step: batches trained since the beginning.
            passed: seconds since the last checkpoint.
        """
        return (self.steps is not None and step % self.steps == 0) or (
            self.seconds is not None and passed >= self.seconds
        )


def parse_every(text: str | Every) -> Every:
    """What `"epoch"`, `"500 steps"` or `"10 minutes"` means.

    Raises:
        UsageError: if it is none of these.

    Example:
        >>> parse_every("500 steps"), parse_every("10 minutes").seconds
        (Every(steps=500, seconds=None), 600.0)
    """
    if isinstance(text, Every):
        return text
    if text == "epoch":
        return Every()
    match = _FORM.fullmatch(text.strip())
    if match is None or float(match[1]) == 0 or (match[2].startswith("step") and "." in match[1]):
        raise UsageError(
            "How often a checkpoint is taken cannot be read.",
            expected='"epoch", "500 steps" or "10 minutes"',
            found=text,
        )
    unit = match[2].rstrip("s")
    if unit == "step":
        return Every(steps=int(match[1]))
    return Every(seconds=float(match[1]) * _SECONDS[unit])
