"""How the answers of several models become one, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from keras import layers, ops

from keras_weld.compose.forms import Family
from keras_weld.compose.stacking import Combiner
from keras_weld.core.table import Table
from keras_weld.models.replay import Tensor

Share: TypeAlias = "float | np.ndarray[Any, np.dtype[Any]]"
"""The weight of a model: one number, or one for each class where not every model knows every class."""


@dataclass(frozen=True, slots=True)
class Pool:
    """What a reducer needs to know besides the answers.

    Attributes:
        family: what the answers are about.
        shares: the weight of each model; they sum to 1, for every class where they differ from class to class.
        combiner: for a reducer that is trained, what was trained.
    """

    family: Family
    shares: Sequence[Share]
    combiner: Combiner | None = None

    @property
    def uneven(self) -> bool:
        """Whether not every model knows every class."""
        return any(isinstance(share, np.ndarray) for share in self.shares)


Build = Callable[[Sequence[Tensor], Pool], Tensor]


@dataclass(frozen=True, slots=True)
class Reducer:
    """One way to make one answer out of several.

    Attributes:
        build: builds it, of float32 tensors of one shape in the form that it takes, in operations of a graph.
        takes_logs: whether it takes log-probabilities (log-odds of independent answers) instead of probabilities.
        gives_logits: whether logits come out, instead of probabilities.
        fits: which families of answers it makes sense for.
        takes_weights: whether models can have weights.
        needs_weights: whether it makes no sense without.
        finds_weights: whether weights can be found for it on held-out data.
        takes_zero: whether a class that a model does not know may count as one of probability 0.
        trained: whether it has to be trained on held-out data.
    """

    build: Build
    takes_logs: bool = False
    gives_logits: bool = False
    fits: frozenset[Family] = frozenset({Family.CLASSES, Family.INDEPENDENT})
    takes_weights: bool = True
    needs_weights: bool = False
    finds_weights: bool = False
    takes_zero: bool = True
    trained: bool = False


REDUCERS: Table[Reducer] = Table("way to reduce", group="keras_weld.reducers")
"""The ways by name."""

ALL_FAMILIES = frozenset(Family)


def _total(tensors: Sequence[Tensor], shares: Sequence[Share]) -> Tensor:
    """The weighted sum; with equal weights the mean, which of equal numbers is that number."""
    if len(tensors) == 1:
        return tensors[0]
    if all(not isinstance(share, np.ndarray) and share == shares[0] for share in shares):
        return layers.Average(dtype="float32")(list(tensors))
    weighted = [
        ops.multiply(tensor, share.astype("float32") if isinstance(share, np.ndarray) else float(share))
        for tensor, share in zip(tensors, shares, strict=True)
    ]
    return layers.Add(dtype="float32")(weighted)


def _summing_to_one(tensor: Tensor) -> Tensor:
    return ops.divide(tensor, ops.sum(tensor, axis=-1, keepdims=True))


def _mean(tensors: Sequence[Tensor], pool: Pool) -> Tensor:
    total = _total(tensors, pool.shares)
    return _summing_to_one(total) if pool.uneven and pool.family is Family.CLASSES else total


def _geometric(tensors: Sequence[Tensor], pool: Pool) -> Tensor:
    total = _total(tensors, pool.shares)
    if pool.family is Family.CLASSES:
        return layers.Activation("softmax", dtype="float32")(total)
    # The geometric means of p and of 1 - p, made to sum to 1, are the sigmoid of the mean log-odds.
    return layers.Activation("sigmoid", dtype="float32")(total)


def _mean_of_logits(tensors: Sequence[Tensor], pool: Pool) -> Tensor:
    return _total(tensors, pool.shares)


def _largest(tensors: Sequence[Tensor], pool: Pool) -> Tensor:
    largest = layers.Maximum(dtype="float32")(list(tensors)) if len(tensors) > 1 else tensors[0]
    return _summing_to_one(largest) if pool.family is Family.CLASSES else largest


def _vote(tensors: Sequence[Tensor], pool: Pool) -> Tensor:
    return _mean([_ballot(tensor, pool.family) for tensor in tensors], pool)


def _ballot(tensor: Tensor, family: Family) -> Tensor:
    """One model's vote: 1 for what it finds most likely, split evenly where it cannot decide."""
    if family is not Family.CLASSES:
        return ops.divide(ops.add(ops.sign(ops.subtract(tensor, 0.5)), 1.0), 2.0)
    return _summing_to_one(ops.cast(ops.equal(tensor, ops.max(tensor, axis=-1, keepdims=True)), "float32"))


def _stack(tensors: Sequence[Tensor], pool: Pool) -> Tensor:
    joined = layers.Concatenate(dtype="float32")(list(tensors)) if len(tensors) > 1 else tensors[0]
    combiner = layers.Dense(tensors[0].shape[-1], activation="softmax", dtype="float32", name="combiner")
    made = combiner(joined)
    if pool.combiner is not None:
        combiner.set_weights([pool.combiner.kernel.astype("float32"), pool.combiner.bias.astype("float32")])
    return made


for _name, _reducer in {
    "mean": Reducer(_mean, fits=ALL_FAMILIES, takes_weights=False),
    "weighted": Reducer(_mean, fits=ALL_FAMILIES, needs_weights=True, finds_weights=True),
    "geometric": Reducer(_geometric, takes_logs=True, takes_zero=False),
    "max": Reducer(_largest, fits=ALL_FAMILIES, takes_weights=False),
    "vote": Reducer(_vote),
    "logit-mean": Reducer(_mean_of_logits, takes_logs=True, gives_logits=True, takes_zero=False),
    "stack": Reducer(
        _stack, takes_logs=True, fits=frozenset({Family.CLASSES}), takes_weights=False, takes_zero=False, trained=True
    ),
}.items():
    REDUCERS.add(_name)(_reducer)
