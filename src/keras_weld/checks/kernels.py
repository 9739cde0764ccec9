"""Whether models come from one start: how alike the directions of their kernels are.

Training moves weights, but from one start it moves them far less than two starts lie apart. Kernels of two
random starts are at right angles, as all vectors of many dimensions are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from keras_weld.checks.tensors import Pairing
from keras_weld.core.dtypes import is_float
from keras_weld.core.state import Array, LazyTensor
from keras_weld.core.tensor import Role

SAME_START = 0.3
"""Median cosine similarity of kernels below which models are taken to be from different starts.

Measured on scikit-learn's digits with an MLP and a small convolutional network: 0.97 to 0.999 after
fine-tuning from one trained start, 0.67 to 0.99 from one random start (the lowest at ten times the usual
learning rate for 80 epochs), 0.04 and less from two random starts, whose average had lost all accuracy.
"""
_CHUNK = 1 << 20  # elements turned into float64 at a time
_SMALLEST = 64  # in fewer dimensions even random kernels are often not at right angles


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two models are.

    Attributes:
        similarity: median cosine similarity of their kernels, from -1 to 1; None if there are none
            that are large enough to tell.
        equal: every tensor is the same to the last bit.
        nonfinite: names of tensors that hold NaN or infinity, in either.
    """

    similarity: float | None
    equal: bool
    nonfinite: tuple[str, ...] = ()


def likeness(pairing: Pairing) -> Likeness:
    """Compare the tensors of two models whose shapes agree; one pair is in memory at a time."""
    similarities: list[float] = []
    nonfinite: list[str] = []
    equal = not pairing.missing and not pairing.extra
    for ours, theirs in pairing.pairs:
        if ours.spec.shape != theirs.spec.shape:
            equal = False
            continue
        kernel = is_kernel(ours) and is_float(theirs.spec.dtype)
        if not kernel and not equal:
            continue
        a, b = ours.read(), theirs.read()
        equal = equal and a.dtype == b.dtype and np.array_equal(_bits(a), _bits(b))
        if kernel:
            found = cosine(a, b)
            if found is None:
                nonfinite.append(ours.spec.name)
            else:
                similarities.append(found)
    return Likeness(float(np.median(similarities)) if similarities else None, equal, tuple(nonfinite))


def cosine(a: Array, b: Array) -> float | None:
    """The cosine of the angle between two arrays; 1 for two of zeros; None if one is not finite."""
    product = first = second = 0.0
    for x, y in zip(_chunks(a), _chunks(b), strict=True):
        product += float(x @ y)
        first += float(x @ x)
        second += float(y @ y)
    if not np.isfinite([product, first, second]).all():
        return None
    if first == 0.0 or second == 0.0:
        return 1.0 if first == second else 0.0
    return product / float(np.sqrt(first) * np.sqrt(second))


def families(similarities: Sequence[Sequence[float | None]]) -> list[list[int]]:
    """Models that come from one start, in groups; the largest first.

    Args:
        similarities: for each model, the median similarity to every other; None counts as alike.
    """
    groups: list[list[int]] = []
    left = list(range(len(similarities)))
    while left:
        group, frontier = [], [left.pop(0)]
        while frontier:
            here = frontier.pop()
            group.append(here)
            near = [other for other in left if _alike(similarities[here][other])]
            left = [other for other in left if other not in near]
            frontier += near
        groups.append(sorted(group))
    return sorted(groups, key=lambda group: (-len(group), group))


def _alike(similarity: float | None) -> bool:
    return similarity is None or similarity >= SAME_START


def is_kernel(tensor: LazyTensor) -> bool:
    """Whether a tensor is a weight with enough values for its direction to tell something."""
    spec = tensor.spec
    weight = spec.role is Role.TRAINABLE or "kernel" in spec.name or "embeddings" in spec.name
    return weight and len(spec.shape) >= 2 and spec.size >= _SMALLEST and is_float(spec.dtype)


def _bits(array: Array) -> Array:
    """The bytes of an array; NaN is not equal to itself, its bytes are."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _chunks(array: Array) -> Iterator[Array]:
    flat = array.reshape(-1)
    for start in range(0, flat.size, _CHUNK):
        yield flat[start : start + _CHUNK].astype(np.float64)
