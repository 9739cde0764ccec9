"""HDF5 files without extraction: every object is checked, tensors are mapped, nothing else is read.

One walk over the file's groups finds the datasets, where their bytes lie, and everything that no Keras file
has: links to elsewhere, storage in other files, sizes that are declared and not stored.
"""

from __future__ import annotations

import math
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import h5py
import numpy as np
from h5py import h5a, h5d, h5g, h5o, h5s, h5t, h5z

from keras_weld.core.dtypes import BFLOAT16, Dtype
from keras_weld.core.state import Array
from keras_weld.errors import DamagedFileError, LimitError, UnsafeFileError, add_context
from keras_weld.io.limits import MB, Limits
from keras_weld.io.window import Window

_LZF = 32000
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, _LZF}
_NOT_KERAS = "Do not use this file unless you know who made it; Keras does not write such files."
_COPY_AGAIN = "Copy the file again from where it came from; it may not have been written whole."


@dataclass(frozen=True, slots=True)
class Stored:
    """One dataset: what it is and where it lies.

    Attributes:
        path: its path in the HDF5 file.
        shape: its shape.
        dtype: its dtype; bfloat16 where the file flags it.
        start: first byte in the file on disk, or None where it must be read through HDF5.
    """

    path: str
    shape: tuple[int, ...]
    dtype: Dtype
    start: int | None

    @property
    def nbytes(self) -> int:
        """Bytes of the values when read."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(eq=False)
class Hdf5:
    """An HDF5 file (or one inside an archive) that has been walked and checked.

    Attributes:
        datasets: by path; the paths of a group in natural order (`vars/2` before `vars/10`).
        groups: paths of all groups, parents before children.
    """

    path: Path
    handle: h5py.File
    limits: Limits
    size: int
    start: int = 0
    datasets: dict[str, Stored] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)
    _pages: Array | None = None

    def read(self, path: str) -> Array:
        """The values of a dataset: a read-only view of the file's pages where it is stored in one piece."""
        stored = self.datasets[path]
        if stored.start is not None:
            if self._pages is None:
                self._pages = map_file(self.path)
            piece = self._pages[stored.start : stored.start + stored.nbytes]
            return piece.view(stored.dtype).reshape(stored.shape)
        with add_context(file=self.path, layer=path):
            try:
                values = np.asarray(self.handle[path][()])
            except OSError as error:
                raise DamagedFileError(
                    "The tensor cannot be read.", found=str(error), remedy=_COPY_AGAIN
                ) from error
        if stored.dtype == BFLOAT16:
            return np.ascontiguousarray(values).view(BFLOAT16).reshape(stored.shape)
        return values.astype(stored.dtype, copy=False).reshape(stored.shape)

    def attribute(self, group: str, name: str) -> Any:
        """An attribute of a group: str, list of str, or number; None where there is none."""
        there = self.handle[group] if group else self.handle["/"]
        if not h5a.exists(there.id, name.encode()):
            return None
        identity = h5a.open(there.id, name.encode())
        with add_context(file=self.path, layer=group or None):
            self._check_attribute(identity, name)
            return _text(there.attrs[name])

    def _check_attribute(self, identity: h5a.AttrID, name: str) -> None:
        kind, space = identity.get_type(), identity.get_space()
        count = space.get_simple_extent_npoints()
        variable = isinstance(kind, h5t.TypeStringID) and kind.is_variable_str()
        if not variable and not isinstance(kind, h5t.TypeStringID | h5t.TypeIntegerID | h5t.TypeFloatID):
            raise UnsafeFileError(
                f"The attribute {name!r} holds neither text nor numbers.", found=str(kind.dtype), remedy=_NOT_KERAS
            )
        # Texts of variable length lie in a common heap, where many may point to one place.
        size = count * self.size if variable and count > 1 else count * kind.get_size()
        self.limits.check("attribute_bytes", size, f"The size of the attribute {name!r}")

    def texts(self, group: str, name: str) -> list[str] | None:
        """An attribute that is a list of texts, also where Keras split it into `name0`, `name1`, …"""
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
        self._pages = None
        if self.handle:
            self.handle.close()


def map_file(path: Path) -> Array:
    """The whole file as a read-only array of bytes that share the system's page cache."""
    with path.open("rb") as file:
        pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(pages, np.uint8)


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, np.ndarray):
        return [_text(one) for one in value.tolist()]
    if isinstance(value, np.generic):
        return _text(value.item())
    return value


def natural(name: str) -> list[tuple[int, int, str]]:
    """Sort key under which `dense_2` comes before `dense_10`."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def open_hdf5(path: Path, limits: Limits, *, source: BinaryIO | Window | None = None, start: int = 0) -> Hdf5:
    """Open and check an HDF5 file.

    Args:
        path: the file on disk that the bytes lie in.
        limits: what it may ask for.
        source: what to read from: None for the file itself, a `Window` for a part of it, or a buffer in memory
            (then nothing can be mapped).
        start: first byte of the HDF5 part in the file on disk, or -1 for a buffer in memory.

    Raises:
        DamagedFileError: if it is cut short or not HDF5.
        UnsafeFileError: for anything that no Keras file has.
        LimitError: if it asks for more than the limits allow.
    """
    with add_context(file=path):
        try:
            handle = h5py.File(path, "r", locking=False) if source is None else h5py.File(source, "r")
        except (OSError, RuntimeError, ValueError) as error:
            raise DamagedFileError(
                "The HDF5 part of the file is damaged or cut short.",
                found=str(error).split("\n")[0],
                remedy=_COPY_AGAIN,
            ) from error
        try:
            size = os.path.getsize(path) if source is None else source.seek(0, os.SEEK_END)
            result = Hdf5(path, handle, limits, size, start)
            _Walk(result).run()
        except (OSError, RuntimeError, KeyError) as error:
            handle.close()
            raise DamagedFileError(
                "The HDF5 part of the file is damaged.", found=str(error).split("\n")[0], remedy=_COPY_AGAIN
            ) from error
        except BaseException:
            handle.close()
            raise
    return result


class _Walk:
    """One pass over all groups and datasets, refusing what no Keras file has."""

    def __init__(self, file: Hdf5) -> None:
        self.file = file
        self.limits = file.limits
        self.seen: set[Any] = set()
        self.objects = 0
        self.in_one_piece = 0

    def run(self) -> None:
        root = h5g.open(self.file.handle.id, b"/")
        self.seen.add(h5g.get_objinfo(root, b".").objno)
        self.group(root, "", 0)
        if self.in_one_piece > self.file.size:
            raise UnsafeFileError(
                "The tensors declare more bytes than the file has: some share their place.",
                expected=f"at most {self.file.size:,} bytes",
                found=f"{self.in_one_piece:,} bytes",
                remedy=_NOT_KERAS,
            )

    def group(self, group: h5g.GroupID, path: str, depth: int) -> None:
        self.limits.check("depth", depth, "The nesting of groups in the HDF5 file")
        self.objects += group.get_num_objs()
        self.limits.check("objects", self.objects, "The number of objects in the HDF5 file")
        names = sorted((name.decode("utf-8", "surrogateescape") for name in group), key=natural)
        for name in names:
            child = f"{path}/{name}" if path else name
            found = self.open(group, name, child)
            if isinstance(found, h5d.DatasetID):
                self.file.datasets[child] = self.dataset(found, child)
            elif isinstance(found, h5g.GroupID):
                self.file.groups.append(child)
                self.group(found, child, depth + 1)
            else:
                raise UnsafeFileError("The file holds a stored type.", layer=child, remedy=_NOT_KERAS)

    def open(self, group: h5g.GroupID, name: str, path: str) -> Any:
        raw = name.encode("utf-8", "surrogateescape")
        about = h5g.get_objinfo(group, raw, follow_link=False)
        if about.type not in (h5g.GROUP, h5g.DATASET, h5g.TYPE):
            raise UnsafeFileError(
                "The file holds a link to elsewhere.",
                layer=path,
                expected="groups and tensors only",
                found="a soft or external link",
                remedy=_NOT_KERAS,
            )
        if about.objno in self.seen:
            raise UnsafeFileError(
                "The file holds the same object in two places.",
                layer=path,
                expected="each group and tensor once",
                found="a second link to one",
                remedy=_NOT_KERAS,
            )
        self.seen.add(about.objno)
        return h5o.open(group, raw)

    def dataset(self, dataset: h5d.DatasetID, path: str) -> Stored:
        with add_context(layer=path):
            layout = dataset.get_create_plist()
            if layout.get_external_count() or layout.get_layout() == h5d.VIRTUAL:
                raise UnsafeFileError(
                    "The values of a tensor lie in another file.",
                    expected="values in this file",
                    found="external or virtual storage",
                    remedy=_NOT_KERAS,
                )
            dtype, plain = self.dtype(dataset)
            shape = self.shape(dataset)
            stored = Stored(path, shape, dtype, None)
            self.limits.check("tensor_bytes", stored.nbytes, f"The size of the tensor {path}")
            kept = dataset.get_storage_size()
            if layout.get_layout() == h5d.CONTIGUOUS:
                start = self.contiguous(dataset, stored, kept)
                usable = plain and self.file.start >= 0 and start is not None
                return Stored(path, shape, dtype, self.file.start + start) if usable and start else stored
            self.chunked(layout, stored, kept)
            return stored

    def dtype(self, dataset: h5d.DatasetID) -> tuple[Dtype, bool]:
        """The dtype, and whether the stored bytes are the values as they are in memory."""
        kind = dataset.get_type()
        if isinstance(kind, h5t.TypeOpaqueID) and kind.get_size() in (1, 2):
            flagged = h5a.exists(dataset, b"dtype")
            name = _text(h5py.Dataset(dataset).attrs["dtype"]) if flagged else None
            if name == "bfloat16":
                return BFLOAT16, True
            return np.dtype(f"V{kind.get_size()}"), True
        known = isinstance(kind, h5t.TypeIntegerID | h5t.TypeFloatID | h5t.TypeEnumID | h5t.TypeCompoundID)
        dtype = np.dtype(kind.dtype) if known else np.dtype(object)
        if isinstance(kind, h5t.TypeStringID) and not kind.is_variable_str():
            dtype = np.dtype(kind.dtype)
        if dtype.kind not in "biufcS":
            raise UnsafeFileError(
                "A tensor holds neither numbers nor short texts.",
                expected="floats, integers, booleans or texts of fixed length",
                found=str(kind.dtype),
                remedy=_NOT_KERAS,
            )
        return dtype.newbyteorder("="), dtype.isnative

    def shape(self, dataset: h5d.DatasetID) -> tuple[int, ...]:
        space = dataset.get_space()
        if space.get_simple_extent_type() == h5s.NULL:
            raise DamagedFileError("A tensor has no values at all.", remedy=_COPY_AGAIN)
        return tuple(int(size) for size in dataset.shape)

    def contiguous(self, dataset: h5d.DatasetID, stored: Stored, kept: int) -> int | None:
        start = dataset.get_offset()
        if stored.nbytes == 0:
            return None
        self.in_one_piece += stored.nbytes
        if start is None or kept != stored.nbytes or start + kept > self.file.size:
            raise UnsafeFileError(
                "A tensor declares more bytes than the file stores for it.",
                expected=f"{stored.nbytes:,} bytes for shape {stored.shape}",
                found=f"{kept if start is not None else 0:,} bytes",
                remedy=_NOT_KERAS,
            )
        return int(start)

    def chunked(self, layout: Any, stored: Stored, kept: int) -> None:
        for number in range(layout.get_nfilters()):
            code = layout.get_filter(number)[0]
            if code not in _FILTERS:
                raise UnsafeFileError(
                    "A tensor is compressed by a plug-in that Keras does not use.",
                    expected="gzip, shuffle, fletcher32 or lzf",
                    found=f"HDF5 filter {code}",
                    remedy="Load the file where it was made and save it again.",
                )
        if stored.nbytes <= MB and kept:
            return
        if stored.nbytes and not kept:
            raise UnsafeFileError(
                "A tensor declares bytes and stores none.",
                expected=f"{stored.nbytes:,} bytes for shape {stored.shape}",
                found="0 bytes",
                remedy=_NOT_KERAS,
            )
        self.limits.check("inflated_bytes", stored.nbytes, f"The unpacked size of the tensor {stored.path}")
        if stored.nbytes > self.limits.ratio * kept:
            ratio = stored.nbytes // kept
            raise LimitError(
                "A tensor unpacks to far more than is stored, which is above the limit `ratio`.",
                expected=f"at most {self.limits.ratio} times",
                found=f"{stored.nbytes:,} bytes from {kept:,} ({ratio:,} times)",
                remedy=f"If you trust the file, raise it: --limit ratio={ratio + 1}",
            )


def children(file: Hdf5, group: str) -> Iterator[str]:
    """Names directly below a group, groups and datasets alike."""
    start = f"{group}/" if group else ""
    names = [name for name in (*file.groups, *file.datasets) if name.startswith(start)]
    yield from dict.fromkeys(name[len(start) :].split("/")[0] for name in names)
