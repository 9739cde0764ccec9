"""Which epoch of a run was its best: the metric that tells, and its direction."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_weld.errors import UsageError
from keras_weld.training.run_history import measured

_LOSS = "loss"
_FORM = re.compile(r"(lowest|highest) +(\S+)")


@dataclass(frozen=True, slots=True)
class Criterion:
    """What makes an epoch the best.

    Attributes:
        metric: name of the metric, as in the history; None for `val_loss`, or `loss` where nothing is validated.
        highest: whether more of it is better.
    """

    metric: str | None = None
    highest: bool = False

    @property
    def text(self) -> str:
        """The words for it that `parse_best` reads."""
        return _LOSS if self.metric is None else f"{'highest' if self.highest else 'lowest'} {self.metric}"

    def step(self, history: Sequence[Mapping[str, Any]]) -> int | None:
        """The step at which the best epoch ended, the first of equals; None if no epoch has a finite value."""
        values = [(value, entry["step"]) for entry in history if (value := self._value(entry)) is not None]
        if not values:
            return None
        choose = max if self.highest else min
        return int(choose(values, key=lambda one: one[0])[1])

    def check(self, entry: Mapping[str, Any]) -> None:
        """Refuse a metric that an epoch was not measured by.

        Raises:
            UsageError: naming the metrics that there are.
        """
        if self.metric is not None and self.metric not in entry:
            raise UsageError(
                f"The best checkpoint is to be told by {self.metric!r}, which is not measured.",
                expected=", ".join(measured(entry)),
                found=self.metric,
            )

    def _value(self, entry: Mapping[str, Any]) -> float | None:
        name = self.metric or ("val_loss" if "val_loss" in entry else "loss")
        value = entry.get(name)
        return value if isinstance(value, float) and math.isfinite(value) else None


def parse_best(text: str | Criterion) -> Criterion:
    """What `"loss"` (that of validation, where there is one) or `"highest val_accuracy"` means.

    Raises:
        UsageError: if it is no direction and metric.

    Example:
        >>> parse_best("highest val_accuracy")
        Criterion(metric='val_accuracy', highest=True)
    """
    if isinstance(text, Criterion):
        return text
    if text == _LOSS:
        return Criterion()
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            "What makes a checkpoint the best cannot be read.",
            expected='"loss", "highest val_accuracy" or "lowest val_error"',
            found=text,
        )
    return Criterion(match[2], match[1] == "highest")
