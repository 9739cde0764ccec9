"""The pieces of a training's state, compared bit by bit: what of two checkpoints, or of two finished runs, differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.core.state import Array
from keras_weld.io.read import open_model
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.packing import unpack
from keras_weld.training.run_folder import MODEL
from keras_weld.training.run_history import read_history

DATA, RANDOM, SEEDS, RATE, CALLBACKS, PLACE = "data", "random", "seeds", "rate", "callbacks", "place"
WEIGHTS, OPTIMIZER, METRICS, HISTORY = "model", "optimizer", "metrics", "history"
KINDS: Mapping[str, str] = {
    DATA: "data",
    RANDOM: "random state",
    SEEDS: "seed generator",
    RATE: "learning rate",
    CALLBACKS: "callback",
    WEIGHTS: "variable of the model",
    OPTIMIZER: "variable of the optimizer",
    METRICS: "metric",
    PLACE: "place in the training",
    HISTORY: "history",
}
"""What pieces are called, in the order in which one can be the cause of the next."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of state that differs.

    Attributes:
        kind: one of `KINDS`.
        name: which one: a variable's path, a callback's class and attribute.
        values: its value on the one side and on the other, as texts.
    """

    kind: str
    name: str
    values: tuple[str, str]

    @property
    def text(self) -> str:
        """The piece in words: `variable of the model dense/kernel`."""
        return f"{KINDS[self.kind]} {self.name}".strip()


def of_checkpoints(one: Snapshot, other: Snapshot) -> list[Piece]:
    """What differs between two checkpoints of the same step, causes first."""
    pieces = [
        *_random(one, other),
        *_variables(one, other),
        *_values(RATE, {"": one.facts["rate"]}, {"": other.facts["rate"]}),
        *_values(PLACE, *({name: side.facts[name] for name in ("epoch", "batch", "stopped")} for side in (one, other))),
        *_values(CALLBACKS, _callbacks(one), _callbacks(other)),
        *_histories(one.facts["history"], other.facts["history"]),
    ]
    return sorted(pieces, key=lambda piece: list(KINDS).index(piece.kind))


def of_results(one: Path, other: Path) -> list[Piece]:
    """What differs between two finished runs: the weights in the model's file, the history.

    `weld.Resume` leaves no such file: the last checkpoint has all that there is then.
    """
    files = one / MODEL, other / MODEL
    models = list(_models(*files)) if any(file.exists() for file in files) else []
    return [*models, *_histories(read_history(one), read_history(other))]


def same(one: Any, other: Any) -> bool:
    """Whether two values have the same bits: NaN is itself, and 0.0 is not -0.0."""
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return (one.shape, one.dtype, one.tobytes()) == (other.shape, other.dtype, other.tobytes())
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(same(left, right) for left, right in zip(one, other, strict=True))
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return False
    return bool(type(one) is type(other) and repr(one) == repr(other))


def _random(one: Snapshot, other: Snapshot) -> Iterator[Piece]:
    states = [unpack(side.facts["random"], side.arrays) for side in (one, other)]
    for name, value in states[0].items():
        if not same(value, states[1].get(name)):
            yield Piece(RANDOM, f"of {name}", ("another", "another"))


def _variables(one: Snapshot, other: Snapshot) -> Iterator[Piece]:
    paths = one.facts.get("variables", {})
    for key, value in one.arrays.items():
        kind, path = key.partition("/")[0], str(paths.get(key, key))
        if kind in (WEIGHTS, OPTIMIZER, METRICS) and not same(value, found := other.arrays.get(key)):
            yield Piece(SEEDS if "seed_generator" in path else kind, path, _element(value, found))


def _element(value: Array, found: Array | None) -> tuple[str, str]:
    """The first element that differs, on both sides; shapes where these differ."""
    if found is None or (found.shape, found.dtype) != (value.shape, value.dtype):
        texts = [f"{side.dtype} of shape {side.shape}" for side in (value, found) if side is not None]
        return texts[0], (texts[1] if found is not None else "missing")
    size = value.dtype.itemsize
    bits = [np.frombuffer(side.tobytes(), np.uint8).reshape(-1, size) for side in (value, found)]
    first = int(np.argmax((bits[0] != bits[1]).any(axis=1)))
    place = ", ".join(str(int(one)) for one in np.unravel_index(first, value.shape))
    at = f" at [{place}]" if value.ndim else ""
    return f"{value.reshape(-1)[first]}{at}", f"{found.reshape(-1)[first]}{at}"


def _callbacks(checkpoint: Snapshot) -> dict[str, Any]:
    found = {}
    for number, entry in enumerate(checkpoint.facts["callbacks"]):
        state = unpack(entry.get("state", {}), checkpoint.arrays)
        for name, value in state.items() if isinstance(state, Mapping) else [("state", state)]:
            found[f"{entry['class']}.{name} (number {number + 1})"] = value
    return found


def _histories(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> Iterator[Piece]:
    sides = (
        {f"{name} of epoch {entry['epoch'] + 1}": entry[name] for entry in side for name in entry}
        for side in (one, other)
    )
    yield from _values(HISTORY, *sides)


def _values(kind: str, one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[Piece]:
    for name in dict.fromkeys([*one, *other]):
        values = one.get(name), other.get(name)
        if name not in one or name not in other or not same(*values):
            yield Piece(kind, name, (_short(values[0]), _short(values[1])))


def _models(one: Path, other: Path) -> Iterator[Piece]:
    with open_model(one) as left, open_model(other) as right:
        for tensor, found in zip(left.values(), right.values(), strict=False):
            values = tensor.read(), found.read()
            if not same(*values):
                yield Piece(WEIGHTS, tensor.spec.name, _element(*values))


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:59] + "…"
