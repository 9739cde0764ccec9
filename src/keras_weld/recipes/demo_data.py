"""The demo's data: scikit-learn's 1,797 handwritten digits, split for good and written to one file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.io.atomic import atomic_path

Array = np.ndarray[Any, np.dtype[Any]]

SHARES = {"train": 0.4, "val": 0.2, "test": 0.4}
PARTS = 4
"""The training images are dealt into this many parts."""


@dataclass(frozen=True, slots=True)
class Examples:
    """Images and labels.

    Attributes:
        x: `(examples, 8, 8, 1)` in 0..1, float32.
        y: `(examples,)`, the digits 0 to 9.
    """

    x: Array
    y: Array

    def __len__(self) -> int:
        return len(self.x)

    def part(self, number: int) -> Examples:
        """Every fourth example, starting at `number`: parts that share nothing."""
        return Examples(self.x[number::PARTS], self.y[number::PARTS])


def load_digits(seed: int) -> dict[str, Examples]:
    """The digits, shuffled by `seed` and split into `train`, `val` and `test`. Nothing is downloaded."""
    from sklearn import datasets

    found = datasets.load_digits()
    x = (found.images / 16).astype(np.float32)[..., np.newaxis]
    y = found.target.astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(x))
    ends = np.cumsum([round(share * len(x)) for share in SHARES.values()])[:-1]
    return {name: Examples(x[indices], y[indices]) for name, indices in zip(SHARES, np.split(order, ends), strict=True)}


def write_digits(path: Path, splits: dict[str, Examples]) -> None:
    """Write the splits the way `weld evaluate --data` reads them: x_train, y_train, x_val and so on.

    Raises:
        WriteError: if the file cannot be written; what was there is untouched.
    """
    arrays = {f"{kind}_{name}": getattr(part, kind) for name, part in splits.items() for kind in ("x", "y")}
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        np.savez(file, allow_pickle=False, **arrays)
