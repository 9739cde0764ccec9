"""What the last walk over an HDF5 file found, for the next file that differs in its tensors' values alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from keras_weld.io.alike import remembering
from keras_weld.io.hdf5_file import Hdf5, Stored
from keras_weld.io.hdf5_plain_texts import PlainTexts
from keras_weld.io.limits import MB, Limits


@dataclass(frozen=True, slots=True)
class _Structure:
    """What a walk found, for files whose bytes are the same outside their tensors.

    Attributes:
        limits: those that the walk held the file to.
        size: bytes of the HDF5 part.
        gaps: first and last byte of everything that is not a tensor's values.
        digest: of those bytes.
        datasets: as in `Hdf5`, with places counted from the beginning of the HDF5 part.
        groups: as in `Hdf5`.
        messages: the attributes of its groups; None if h5py walked it.
    """

    limits: Limits
    size: int
    gaps: list[tuple[int, int]]
    digest: bytes
    datasets: list[Stored]
    groups: list[str]
    messages: dict[str, Sequence[bytes]] | None


_LARGEST_GAPS = 8 * MB
_last: ContextVar[list[_Structure] | None] = ContextVar("_last", default=None)


@contextmanager
def files_alike() -> Iterator[None]:
    """Inside the block, files are taken to be alike: checkpoints of one run, models of one architecture.

    What is read of them is checked no less. But a file made by an attacker may lay the values of a tensor over
    what describes another, so a file that Keras shall load is never opened in here.
    """
    token = _last.set([])
    try:
        with remembering():
            yield
    finally:
        _last.reset(token)


def recall(file: Hdf5) -> bool:
    """Take over what the last walk found, if this file is the same outside its tensors.

    Equal bytes have equal meaning; opening the second of many files takes a tenth.
    """
    for known in _last.get() or ():
        if file.start < 0 or (known.size, known.limits) != (file.size, file.limits):
            continue
        if _digest(file, known.gaps) == known.digest:
            file.groups, file.structure = list(known.groups), known.digest
            if known.messages is not None:
                file.plain_texts = PlainTexts(file.all_bytes(), known.messages)
            file.datasets = {stored.path: _shifted(stored, file.start) for stored in known.datasets}
            return True
    return False


def remember(file: Hdf5) -> None:
    """Note what a walk found, for the next file."""
    kept = _last.get()
    if kept is None or file.start < 0 or file.size == 0:
        return
    gaps = file.gaps()
    if sum(end - begin for begin, end in gaps) > _LARGEST_GAPS:
        return
    relative = [_shifted(stored, -file.start) for stored in file.datasets.values()]
    file.structure = _digest(file, gaps)
    messages = None if file.plain_texts is None else file.plain_texts.messages
    kept[:] = [_Structure(file.limits, file.size, gaps, file.structure, relative, list(file.groups), messages)]


def _shifted(stored: Stored, by: int) -> Stored:
    start = None if stored.start is None else stored.start + by
    return replace(stored, start=start)


def _digest(file: Hdf5, gaps: list[tuple[int, int]]) -> bytes:
    total = hashlib.blake2b(digest_size=32)
    for begin, end in gaps:
        total.update(file.pages[file.start + begin : file.start + end].data)
    return total.digest()
