"""One split into two: what is trained on, and what is set aside."""

from __future__ import annotations

import numpy as np

from keras_weld.data.batch import Array
from keras_weld.data.chosen import chosen
from keras_weld.data.order import ranks_of
from keras_weld.data.split import Split
from keras_weld.errors import DataError, UsageError


def divide(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Set examples aside for validation.

    Where the targets are one whole number for each example they are taken for classes, and each class gives its
    share, to within one example; otherwise the examples are drawn from all alike. The draw depends on the seed,
    the fraction and the targets alone.

    Args:
        split: the examples; they must be had by number.
        fraction: the share to set aside, above 0 and below 1.
        seed: what they are drawn by, 0 or more.

    Returns:
        The splits `train` and `validation`, each with its examples in their old order.

    Raises:
        UsageError: if the fraction or the seed is out of its range.
        DataError: if the split is a stream, or one of the two would be empty.

    Example:
        >>> from keras_weld.data import open_data
        >>> whole = open_data(([[0.0]] * 10, [0] * 8 + [1] * 2)).splits["all"]
        >>> train, validation = divide(whole, 0.5, seed=0)
        >>> validation.targets[0].tolist()
        [0, 0, 0, 0, 1]
    """
    if not 0 < fraction < 1:
        raise UsageError("The share to set aside is above 0 and below 1.", expected="such as 0.2", found=fraction)
    if not split.positioned:
        raise DataError(
            "Nothing can be set aside from a stream: its examples cannot be had by number.",
            file=split.origin,
            expected="data with random access, or validation data of its own",
            found=f"the split {split.name}, a stream",
            remedy="Name validation examples of their own, --val MODULE:FUNCTION (validation=…), or pass both: "
            "data=(train, validation), such as data.skip(n) and data.take(n).",
        )
    count = split.counted()
    wanted = round(count * fraction)
    if not 0 < wanted < count:
        raise DataError(
            "There are too few examples to set some aside.",
            file=split.origin,
            expected="at least one example on each side",
            found=f"{wanted} of {count} to set aside",
            remedy="Set aside another share, or give validation data.",
        )
    ranks = ranks_of(seed, count)
    classes = _classes(split)
    aside = np.zeros(count, dtype=bool)
    for rows, share in _shares(classes, wanted, fraction, ranks):
        aside[rows[np.argsort(ranks[rows])][:share]] = True
    return (
        chosen(split, np.flatnonzero(~aside), "train"),
        chosen(split, np.flatnonzero(aside), "validation"),
    )


def _classes(split: Split) -> Array:
    """The class of each example; one for all where the targets are no classes."""
    targets = split.targets if split.labelled else ()
    if len(targets) == 1 and targets[0].dtype.kind in "iub" and targets[0].size == len(targets[0]):
        return targets[0].reshape(-1)
    return np.zeros(split.counted(), dtype=np.int64)


def _shares(classes: Array, wanted: int, fraction: float, ranks: Array) -> list[tuple[Array, int]]:
    """The rows of each class and how many of them to set aside, `wanted` in all.

    Each class gives the whole part of its share; what is missing then comes from the classes with the largest
    rest, one each. Equal rests are told apart by the draw, so that the first classes have no advantage.
    """
    _, numbers, counts = np.unique(classes, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(numbers, kind="stable"), np.cumsum(counts)[:-1])
    exact = counts * fraction
    shares = np.floor(exact).astype(np.int64)
    draw = np.array([ranks[rows].min() for rows in members])
    most = np.lexsort((draw, -(exact - shares).round(9)))
    shares[most[: wanted - int(shares.sum())]] += 1
    return list(zip(members, shares.tolist(), strict=True))
