"""The driver of weight-space methods: pieces of tensors from many files into one, on all cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from keras_weld.core.dtypes import is_float
from keras_weld.core.state import Array, LazyTensor
from keras_weld.core.tensor import Role
from keras_weld.errors import add_context
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.write import Sink
from keras_weld.weights.method import Method
from keras_weld.weights.rounding import round_once

Progress = Callable[[int, int], None]
PIECE = 1 << 17
"""Elements combined at a time: small enough that all of it stays in a core's cache."""
_BATCH = 1 << 20  # elements that one thread takes in a row
_OF_VOCABULARY = "/idf_weights"  # one for each word; they mean nothing for the words of another model
_VARIANCES = frozenset({"moving_variance", "moving_stddev", "variance"})
_WORKERS = min(4, os.cpu_count() or 1)  # more wait for the interpreter, not for the memory


@dataclass(frozen=True, slots=True)
class Task:
    """One tensor of the result and where it comes from.

    Attributes:
        slot: what is written.
        sources: the tensor in every source, in order.
    """

    slot: Slot
    sources: Sequence[LazyTensor]

    @property
    def averaged(self) -> bool:
        """Whether a combination of the values means anything."""
        specs = [source.spec for source in self.sources]
        if any(spec.role is Role.SEED_STATE or spec.name.endswith(_OF_VOCABULARY) for spec in specs):
            return False
        return all(is_float(spec.dtype) for spec in specs)

    def agree(self) -> bool:
        """Whether every source has the same values."""
        first = self.sources[0].read()
        if first.dtype.kind == "V":  # bytes of a dtype that is not known, which NumPy does not compare
            return all(first.tobytes() == source.read().tobytes() for source in self.sources[1:])
        return all(np.array_equal(first, source.read()) for source in self.sources[1:])


@dataclass(frozen=True, slots=True)
class Spoilt:
    """Names of tensors of the result that no trained model has so, in a dict for their order.

    Attributes:
        nonfinite: those with NaN or infinity in them.
        negative: variances below zero; the root that a layer takes of them is NaN.
    """

    nonfinite: dict[str, None] = field(default_factory=dict)
    negative: dict[str, None] = field(default_factory=dict)

    def look(self, name: str, values: Array) -> None:
        """Look at a part of the result."""
        if not np.isfinite(values).all():
            self.nonfinite[name] = None
        if name.rpartition("/")[2] in _VARIANCES and (values < 0).any():
            self.negative[name] = None


@dataclass(frozen=True, slots=True)
class _Piece:
    task: Task
    first: int
    size: int


def stream(
    tasks: Sequence[Task],
    method: Method,
    weights: Sequence[float],
    sink: Sink,
    progress: Progress | None = None,
) -> Spoilt:
    """Combine every tensor and put the result into the sink; gives the names of those that came out wrong.

    Memory is a few pieces a core, however many sources there are and however large a tensor is, unless the
    method's scope is the whole tensor.
    """
    whole = method.scope != "element"
    spoilt = Spoilt()
    total = sum(task.slot.nbytes for task in tasks)
    done = 0
    batches = _batches(_pieces(tasks, whole))
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting: set[Future[int]] = set()
        try:
            while True:
                new = islice(batches, 2 * _WORKERS - len(waiting))
                waiting |= {pool.submit(_combine_all, batch, method, weights, sink, whole, spoilt) for batch in new}
                if not waiting:
                    return spoilt
                finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                done += sum(one.result() for one in finished)
                if progress is not None:
                    progress(done, total)
        except BaseException:
            for one in waiting:
                one.cancel()
            raise


def _pieces(tasks: Sequence[Task], whole: bool) -> Iterator[_Piece]:
    for task in tasks:
        size = int(np.prod(task.slot.shape, dtype=object))
        step = max(1, size) if whole or not task.averaged else _BATCH
        for first in range(0, size, step):
            yield _Piece(task, first, min(step, size - first))


def _batches(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    """Pieces for one thread to take in a row: most tensors are so small that handing them over takes longer."""
    batch: list[_Piece] = []
    size = 0
    for piece in pieces:
        batch.append(piece)
        size += piece.size
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _combine_all(
    batch: Sequence[_Piece],
    method: Method,
    weights: Sequence[float],
    sink: Sink,
    whole: bool,
    spoilt: Spoilt,
) -> int:
    return sum(_combine(piece, method, weights, sink, whole, spoilt) for piece in batch)


def _combine(piece: _Piece, method: Method, weights: Sequence[float], sink: Sink, whole: bool, spoilt: Spoilt) -> int:
    task, dtype = piece.task, piece.task.slot.dtype
    with add_context(layer=task.sources[0].spec.name):
        flat = [source.read().reshape(-1) for source in task.sources]
        if not task.averaged:
            sink.put(task.slot.path, 0, flat[0].astype(dtype, copy=False))
            return task.slot.nbytes
        step = piece.size if whole else PIECE
        for at in range(piece.first, piece.first + piece.size, step):
            end = min(at + step, piece.first + piece.size)
            part = [_as_float(source[at:end]) for source in flat]
            values = round_once(method.combine(part, weights), dtype)
            spoilt.look(task.sources[0].spec.name, values)
            sink.put(task.slot.path, at, values)
        return piece.size * dtype.itemsize


def _as_float(values: Array) -> Array:
    """The same numbers in a dtype that NumPy calculates with; nothing is rounded."""
    if values.dtype in (np.float32, np.float64):
        return values
    return values.astype(np.float32 if values.dtype.itemsize < 4 else np.float64)
