"""What a weight-space method is, and the table of all of them.

A method is a pure function of arrays with declared traits. The driver asks for the traits, never for the
name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from keras_weld.core.state import Array
from keras_weld.core.table import Table

Combine = Callable[[Sequence[Array], Sequence[float]], Array]
"""Takes the values of one tensor in every source, as float32 or float64, and the weights; gives float64 values."""


@dataclass(frozen=True, slots=True)
class Method:
    """A way to combine weights.

    Attributes:
        combine: the function.
        summary: one line for people.
        reference: where it comes from.
        scope: "element" if any part of a tensor may be combined on its own, "tensor" if it needs the whole.
        needs_base: whether the first source is the base model that the others started from.
        needs_stats: whether it needs statistics collected on data.
        seeded: whether it draws random numbers.
    """

    combine: Combine
    summary: str
    reference: str
    scope: Literal["element", "tensor", "model"] = "element"
    needs_base: bool = False
    needs_stats: bool = False
    seeded: bool = False


METHODS: Table[Method] = Table("method", group="keras_weld.methods")
