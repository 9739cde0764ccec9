"""What data looks like to everything above: splits that give batches of inputs and targets."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Batch = tuple["Array | list[Array]", "Array | list[Array] | None"]
Shape = tuple[int | None, ...]
"""Shape of one example, without the batch axis; None where any size will do."""

SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("val", "validation", "valid", "dev"),
    "test": ("test",),
}
"""The names of the splits, and how people write them in keys and folder names."""

WHOLE = "all"
"""Name of the only split of data that is not split."""


class Split(ABC):
    """Examples with their targets, in a fixed order, given out in batches.

    Attributes:
        name: `train`, `validation`, `test`, or `all` for data that is not split.
        origin: where it came from, for messages.
        classes: names of the classes in the order of their labels, if they are known.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None

    @property
    @abstractmethod
    def count(self) -> int:
        """Number of examples."""

    @property
    @abstractmethod
    def targets(self) -> tuple[Array, ...]:
        """The targets of all examples, one array for each output; empty if there are none."""

    @abstractmethod
    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples in order, as `(x, y)`; several inputs or targets are a list, no targets None."""

    @abstractmethod
    def fitted(self, shapes: Mapping[str, Shape]) -> Split:
        """The same examples, given out the way a model takes them.

        Args:
            shapes: the model's inputs by name, in order, each with the shape of one example.

        Raises:
            DataError: if the examples do not fit.
        """

    @abstractmethod
    def sampled(self, count: int, seed: int) -> Split:
        """At most `count` of the examples, drawn without replacement, in their old order."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """What the user named as data.

    Attributes:
        splits: the splits by name.
        origin: what the user named.
        notes: what was left out or assumed on the way, in sentences.
    """

    splits: Mapping[str, Split]
    origin: str
    notes: tuple[str, ...] = ()


def draw(total: int, count: int, seed: int) -> Array:
    """Indices of at most `count` out of `total` examples, ascending."""
    if count >= total:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, size=count, replace=False))
