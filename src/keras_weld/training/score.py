"""How good a model is on the validation examples, as one figure that two models can be compared by."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

ACCURACY, LOSS = "accuracy", "loss"


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one moment.

    Attributes:
        monitor: `accuracy` (of several outputs: the mean) or `loss`: what decides.
        values: all that was measured, by name.
        figure: the figure that decides.
        key: sorts from worse to better; of equal accuracies the one with the smaller loss is better.
    """

    monitor: str
    values: Mapping[str, float]
    figure: float = field(init=False)
    key: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        loss = self.values.get(LOSS, math.nan)
        found = [value for name, value in self.values.items() if name == ACCURACY or name.endswith(f"_{ACCURACY}")]
        figure = sum(found) / len(found) if self.monitor == ACCURACY and found else loss
        object.__setattr__(self, "figure", figure)
        order = (figure, -loss) if self.monitor == ACCURACY else (-loss,)
        object.__setattr__(self, "key", tuple(-math.inf if math.isnan(value) else value for value in order))

    def better_than(self, other: Score | None) -> bool:
        """Whether it is better; anything is better than nothing."""
        return other is None or self.key > other.key

    def __str__(self) -> str:
        """The figure with its unit."""
        return f"{100 * self.figure:.2f} %" if self.monitor == ACCURACY else f"loss {self.figure:.4g}"
