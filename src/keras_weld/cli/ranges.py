"""Numbers in a range, called integer and number in help and refusals, not `integer range` and `float range`."""

from __future__ import annotations

import math
from typing import Any

import click


class IntegerRange(click.IntRange):
    """A whole number in a range."""

    name = "integer"


class NumberRange(click.FloatRange):
    """A number in a range; `nan`, which no bound holds back, is in none."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number that was written, or a refusal."""
        found = super().convert(value, param, ctx)
        if math.isnan(found):
            self.fail(f"{value!r} is not a valid {self.name}.", param, ctx)
        return found
