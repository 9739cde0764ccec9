"""Least squares: the one matrix that comes nearest to what several matrices make of inputs of their own.

W = (Σ XᵀX/n + Λ)⁻¹ (Σ XᵀY/n + Λ·prior), the sums over sources. Regularized towards a prior, as in ridge regression; the
prior of a merge is the mean of the sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keras_weld.core.state import Array

RIDGE = 1e-3
"""How much the prior counts, against the mean square of the inputs."""


@dataclass(slots=True)
class Products:
    """Σ XᵀX, Σ XᵀY and n over the rows of one source, added up in float64, group by group.

    Attributes:
        gram: Σ XᵀX, (groups, width, width).
        cross: Σ XᵀY, (groups, width, outputs).
        count: rows.
    """

    gram: Array
    cross: Array
    count: int = 0

    @classmethod
    def of_shape(cls, shape: tuple[int, ...]) -> Products:
        """Sums of no rows, for matrices of (groups, width, outputs)."""
        groups, width, outputs = shape
        return cls(np.zeros((groups, width, width)), np.zeros((groups, width, outputs)))

    def add(self, x: Array, y: Array) -> None:
        """Add rows.

        Args:
            x: (rows, groups, width).
            y: (rows, groups, outputs).
        """
        left = x.transpose(1, 2, 0).astype(np.float64, copy=False)
        self.gram += left @ left.transpose(0, 2, 1)
        self.cross += left @ y.transpose(1, 0, 2).astype(np.float64, copy=False)
        self.count += len(x)


def least_squares(sources: list[Products], prior: Array, *, biased: bool = False, ridge: float = RIDGE) -> Array:
    """The matrices, one a group, whose products with the sources' inputs come nearest to the sources' outputs.

    Each source counts the same, however many rows it has. Solved for the difference to the prior, so that where all
    sources agree with it, it comes out as it went in.

    Args:
        sources: what was added up for each.
        prior: (groups, width, outputs): what inputs that say nothing leave as it is.
        biased: whether the last column of the inputs is one of ones: it is regularized by its own mean square.
        ridge: how much the prior counts, against the mean square of the other inputs.

    Returns:
        float64 values of the prior's shape. A group whose inputs are all 0 keeps the prior.
    """
    prior = prior.astype(np.float64)
    gram = sum(one.gram / one.count for one in sources)
    cross = sum(one.cross / one.count for one in sources)
    diagonal = np.einsum("gii->gi", gram)
    scale = np.repeat(diagonal[:, : -1 if biased else None].mean(1, keepdims=True), diagonal.shape[1], axis=1)
    if biased:
        scale[:, -1] = diagonal[:, -1]
    silent = scale[:, 0] == 0
    scale[silent] = 1.0
    wanted = cross - gram @ prior
    wanted[silent] = 0.0
    np.einsum("gii->gi", gram)[...] += ridge * scale
    found: Array = prior + np.linalg.solve(gram, wanted)
    return found
