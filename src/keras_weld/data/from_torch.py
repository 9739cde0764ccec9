"""`torch.utils.data.DataLoader`; a map-style data set on its own is had by number like any other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from keras_weld.data.batch import Array
from keras_weld.data.rows import RowSource, RowSplit
from keras_weld.data.source import Source
from keras_weld.data.split import Split
from keras_weld.data.streams import StreamSplit

_KEPT = (
    *("collate_fn", "num_workers", "pin_memory", "timeout"),
    *("worker_init_fn", "multiprocessing_context", "prefetch_factor"),
)


def knows(value: Any) -> bool:
    """Whether it offers what a `DataLoader` does."""
    return all(hasattr(value, name) for name in ("dataset", "sampler", "batch_sampler", "collate_fn"))


def split(loader: Any, name: str, origin: str) -> Split:
    """The loader's examples by number where its data set has them, otherwise as a stream.

    A loader that goes through a map-style data set in order or at random is taken apart: keras-weld chooses the
    rows, the loader's workers and its `collate_fn` read and join them. One with a sampler of its own is a stream.
    """
    if _plain(loader):
        source = RowSource(lambda blocks: _read(loader, blocks), origin, len(loader.dataset))
        return RowSplit(name, origin, None, source)
    batched = True if loader.batch_sampler is not None else None
    count = len(loader.sampler) if _counts(loader) else None
    return StreamSplit(name, origin, None, Source(lambda: loader, origin, batched, count))


def _plain(loader: Any) -> bool:
    """Whether the loader goes through all of a map-style data set, each example once."""
    data, sampler = loader.dataset, loader.sampler
    if not (hasattr(data, "__getitem__") and hasattr(data, "__len__")) or hasattr(data, "__iter__"):
        return False
    if type(loader.batch_sampler).__name__ != "BatchSampler" or not len(data):
        return False
    kind = type(sampler).__name__
    once = kind == "RandomSampler" and not sampler.replacement and sampler.num_samples == len(data)
    return kind == "SequentialSampler" or once


def _counts(loader: Any) -> bool:
    """Whether the loader's sampler says how many examples come."""
    whole = type(loader.batch_sampler).__name__ == "BatchSampler" and not loader.drop_last
    return whole and hasattr(loader.sampler, "__len__") and not hasattr(loader.dataset, "__iter__")


def _read(loader: Any, blocks: Iterable[Array]) -> Iterator[Any]:
    kept = {name: getattr(loader, name) for name in _KEPT if hasattr(loader, name)}
    # Subclasses may take other arguments; the class of the library is what reads.
    library = next(base for base in type(loader).__mro__ if base.__module__.partition(".")[0] == "torch")
    yield from library(loader.dataset, batch_sampler=(rows.tolist() for rows in blocks), **kept)
