"""The order of an epoch: a pure function of the seed, the number of the epoch and the count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_weld.errors import UsageError

Array = np.ndarray[Any, np.dtype[Any]]


def order_of(seed: int, epoch: int, count: int) -> Array:
    """The rows of one epoch in the order they are given out.

    Each row draws 64 bits from `Philox(SeedSequence([seed, epoch]))`, and the rows are sorted by what they drew.
    Raw bits are what NumPy promises never to change; `Generator.permutation` may change from version to version.

    Args:
        seed: of the whole run, 0 or more.
        epoch: number of the epoch, counted from 0.
        count: number of examples.

    Returns:
        The indices from 0 to `count - 1`, each once, shape `(count,)`.

    Raises:
        UsageError: if the seed or the epoch is below 0.

    Example:
        >>> import numpy as np
        >>> bits = np.random.Philox(np.random.SeedSequence([7, 0])).random_raw(5)
        >>> bool((order_of(7, 0, 5) == np.argsort(bits, kind="stable")).all())
        True
    """
    if min(seed, epoch) < 0:
        raise UsageError("Seeds and epochs are whole numbers from 0.", found=f"seed {seed}, epoch {epoch}")
    return np.argsort(np.random.Philox(np.random.SeedSequence([seed, epoch])).random_raw(count), kind="stable")


def ranks_of(seed: int, count: int) -> Array:
    """For each row its place in an order that `seed` alone makes, and that no epoch has.

    Raises:
        UsageError: if the seed is below 0.
    """
    if seed < 0:
        raise UsageError("Seeds are whole numbers from 0.", found=seed)
    # Without a key, the words [seed] would give the bits of epoch 0: trailing zeros count for nothing.
    bits = np.random.Philox(np.random.SeedSequence(seed, spawn_key=(1,))).random_raw(count)
    ranks = np.empty(count, dtype=np.int64)
    ranks[np.argsort(bits, kind="stable")] = np.arange(count)
    return ranks


def evenly(count: int, some: int) -> Array:
    """At most `some` of the numbers below `count`, as far from each other as can be, the first and last among them."""
    return np.unique(np.linspace(0, count - 1, min(some, count)).astype(np.int64))


def blocks(rows: Array, batch_size: int, start: int = 0) -> Iterator[Array]:
    """The rows batch by batch, from batch number `start` on.

    Raises:
        UsageError: if a batch has less than one example, or `start` is below 0.
    """
    check_batches(batch_size, start)
    return (rows[first : first + batch_size] for first in range(start * batch_size, len(rows), batch_size))


def check_batches(batch_size: int, start: int = 0) -> None:
    """Refuse batches of nothing and a start before the first batch."""
    if batch_size < 1:
        raise UsageError("A batch has at least one example.", found=batch_size)
    if start < 0:
        raise UsageError("An epoch starts at batch 0 or later.", found=start)
