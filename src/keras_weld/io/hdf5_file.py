"""An open HDF5 file: its tensors are mapped, its attributes are read when asked for."""

from __future__ import annotations

import math
import mmap
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_weld.core.dtypes import BFLOAT16, Dtype
from keras_weld.core.state import Array
from keras_weld.errors import add_context
from keras_weld.io.hdf5_errors import hdf5_errors
from keras_weld.io.hdf5_plain_texts import OTHER, PlainTexts
from keras_weld.io.hdf5_texts import Texts
from keras_weld.io.limits import Limits

if TYPE_CHECKING:
    import h5py


@dataclass(frozen=True, slots=True)
class Stored:
    """One dataset: what it is and where it lies.

    Attributes:
        path: its path in the HDF5 file.
        shape: its shape.
        dtype: its dtype; bfloat16 where the file flags it.
        start: first byte in the file on disk, or None where it must be read through HDF5.
        made: grows with the order in which the datasets were made, as far as the file tells it.
    """

    path: str
    shape: tuple[int, ...]
    dtype: Dtype
    start: int | None
    made: int = 0

    @property
    def nbytes(self) -> int:
        """Bytes of the values when read."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(eq=False)
class Hdf5:
    """An HDF5 file (or one inside an archive) that has been looked through and checked.

    Attributes:
        path: the file on disk that the bytes lie in.
        opener: opens it with h5py; called when something is asked that is not known yet.
        size: bytes of the HDF5 part.
        start: first byte of the HDF5 part in the file on disk; -1 for a buffer in memory.
        datasets: by path; the paths of a group in natural order (`vars/2` before `vars/10`).
        groups: paths of all groups, parents before children.
        structure: the same for files that differ in their tensors' values alone; None where nobody asked.
        plain_texts: attributes that can be read without h5py; None if h5py walked the file.
    """

    path: Path
    opener: Callable[[], h5py.File]
    limits: Limits
    size: int
    start: int = 0
    datasets: dict[str, Stored] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    structure: bytes | None = None
    plain_texts: PlainTexts | None = None
    _handle: h5py.File | None = None
    _pages: Array | None = None

    @property
    def handle(self) -> h5py.File:
        """The file as h5py sees it."""
        if self._handle is None:
            self._handle = self.opener()
        return self._handle

    @property
    def pages(self) -> Array:
        """All bytes of the file on disk, mapped."""
        if self._pages is None:
            self._pages = map_file(self.path)
        return self._pages

    def read(self, path: str) -> Array:
        """The values of a dataset: a read-only view of the file's pages where it is stored in one piece."""
        stored = self.datasets[path]
        if stored.start is not None:
            piece = self.pages[stored.start : stored.start + stored.nbytes]
            return piece.view(stored.dtype).reshape(stored.shape)
        with add_context(file=self.path, layer=path), hdf5_errors("The tensor cannot be read."):
            if stored.nbytes == 0:
                return np.empty(stored.shape, stored.dtype)
            values = np.asarray(self.handle[path][()])
        if stored.dtype == BFLOAT16:
            return np.ascontiguousarray(values).view(BFLOAT16).reshape(stored.shape)
        return values.astype(stored.dtype, copy=False).reshape(stored.shape)

    def attribute(self, group: str, name: str) -> Any:
        """An attribute of a group: str, list of str, or number; None where there is none."""
        if self.plain_texts is not None:
            text = self.plain_texts.get(group, name, self.limits)
            if text is not OTHER:
                return text
        from keras_weld.io.hdf5_attributes import attribute  # imports h5py, which is seldom needed

        problem = f"The attribute {name!r} cannot be read."
        with add_context(file=self.path, layer=group or None), hdf5_errors(problem):
            return attribute(self.handle[group or "/"], name, self.limits, lambda: self.heap_texts)

    def has_group(self, path: str) -> bool:
        """Whether there is a group at `path`."""
        return path in self._group_set

    @cached_property
    def _group_set(self) -> frozenset[str]:
        return frozenset(self.groups)

    @cached_property
    def heap_texts(self) -> Texts:
        """Holds texts of variable length against the heaps that they lie in."""
        if self.start < 0:  # what comes before the HDF5 part proper is missing from the image of one in memory
            return Texts(lambda: memoryview(self.handle.id.get_file_image()), 0)
        return Texts(self.all_bytes, int(self.handle.id.get_create_plist().get_userblock()))

    def all_bytes(self) -> memoryview:
        """The HDF5 part of the file on disk, mapped."""
        return self.pages[self.start : self.start + self.size].data

    def gaps(self) -> list[tuple[int, int]]:
        """First and last byte of everything that is not a tensor's values, from the HDF5 part's beginning."""
        found, reached = [], 0
        starts = [(stored.start - self.start, stored.nbytes) for stored in self.datasets.values() if stored.start]
        for start, size in sorted(starts):
            found.append((reached, start))
            reached = start + size
        return [*found, (reached, self.size)]

    def texts(self, group: str, name: str) -> list[str] | None:
        """An attribute that is a list of texts, also where Keras split it into `name0`, `name1` and so on."""
        whole = self.attribute(group, name)
        if whole is not None:
            return [whole] if isinstance(whole, str) else list(whole)
        pieces: list[str] = []
        number = 0
        while (piece := self.attribute(group, f"{name}{number}")) is not None:
            pieces.extend([piece] if isinstance(piece, str) else piece)
            number += 1
        return pieces if number else None

    def close(self) -> None:
        """Close the HDF5 handle; arrays that were read stay valid."""
        self._pages = self.plain_texts = None
        self.__dict__.pop("heap_texts", None)  # it holds the pages, too
        if self._handle is not None:
            self._handle.close()


def map_file(path: Path) -> Array:
    """The whole file as a read-only array of bytes that share the system's page cache."""
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(pages, np.uint8)


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which `dense_2` comes before `dense_10`."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
