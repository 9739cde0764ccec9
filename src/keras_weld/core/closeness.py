"""Whether two models' outputs are the same but for rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_weld.errors import WeldError

_PRECISE, _COARSE = 1e-5, 2e-2  # of the largest output, or of 1
_EXACT = ("float32", "float64")


def largest_difference(
    wanted: Sequence[Any], found: Sequence[Any], dtype: str, refuse: type[WeldError], problem: str, remedy: str
) -> float:
    """The largest difference between an output of one model and of another.

    Args:
        wanted: the outputs of the model that is right.
        found: those of the other.
        dtype: what the models compute in; allowed are 1e-5 of the largest output in float32 and float64, 0.02 in
            others.
        refuse: what is raised where they differ by more, or in number or shape.
        problem: what is said then.
        remedy: what is to be done then.

    Example:
        >>> largest_difference([np.ones(2)], [np.ones(2)], "float32", WeldError, "They differ.", "Look.")
        0.0
    """
    if [np.shape(one) for one in wanted] != [np.shape(one) for one in found]:
        shapes = [", ".join(str(np.shape(one)) for one in outputs) for outputs in (wanted, found)]
        raise refuse(
            problem, expected=f"outputs of shape {shapes[0]}", found=f"outputs of shape {shapes[1]}", remedy=remedy
        )
    worst = 0.0
    for number, (one, other) in enumerate(zip(wanted, found, strict=True)):
        ours, theirs = np.asarray(one, np.float64), np.asarray(other, np.float64)
        allowed = (_PRECISE if dtype in _EXACT else _COARSE) * max(1.0, float(np.nanmax(np.abs(ours), initial=0.0)))
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        apart = float(np.max(np.abs(ours - theirs), where=~same, initial=0.0))
        if not apart <= allowed:
            raise refuse(
                problem,
                expected=f"output {number} within {allowed:.1e}",
                found=f"{apart:.3g} apart",
                remedy=remedy,
            )
        worst = max(worst, apart)
    return worst
