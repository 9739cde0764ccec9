"""The share of each model in a merge."""

from __future__ import annotations

import math
from collections.abc import Sequence

from keras_weld.core.arguments import require_numbers
from keras_weld.errors import UsageError

_SLACK = 1e-6  # what rounding decimal fractions by hand may leave


def shares(count: int, weights: Sequence[float] | None, normalize: bool) -> list[float]:
    """Weights that sum to 1, one a model.

    Args:
        count: number of models.
        weights: as given, or None for equal shares.
        normalize: whether to divide by the sum.

    Raises:
        UsageError: if there are not as many as models, they are not finite, or do not sum to 1.

    Example:
        >>> shares(2, [3, 1], normalize=True)
        [0.75, 0.25]
    """
    if weights is None:
        return [1 / count] * count
    require_numbers("weights", weights, "a list of numbers, such as [0.5, 0.5]")
    if len(weights) != count:
        raise UsageError(
            "There must be one weight for each model.",
            expected=f"{count} weights",
            found=f"{len(weights)}: {', '.join(f'{weight:g}' for weight in weights)}",
            remedy="Give as many as there are models, separated by commas: --weights 0.5,0.3,0.2 for three.",
        )
    total = math.fsum(weights)
    if not math.isfinite(total) or (normalize and total == 0):
        raise UsageError(
            "The weights are not numbers that can be used.",
            expected="finite numbers" + " whose sum is not 0" * normalize,
            found=", ".join(map(str, weights)),
            remedy="Give the share of each model, such as 0.5,0.5",
        )
    if not normalize and abs(total - 1) > _SLACK:
        raise UsageError(
            "The weights do not sum to 1.",
            expected="a sum of 1",
            found=f"{' + '.join(f'{weight:g}' for weight in weights)} = {total:g}",
            remedy="Give weights that do, or add --normalize to have them divided by their sum.",
        )
    return [float(weight) / total for weight in weights]  # numbers of NumPy go into no JSON
