"""One walk over an HDF5 file: finds the tensors, and refuses what no Keras file has.

Links to elsewhere, storage in other files, one object in two places, plug-in filters, and sizes that are
declared and not stored are all found before a value is read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import h5py
import numpy as np
from h5py import h5d, h5g, h5o, h5s, h5t, h5z

from keras_weld.core.dtypes import BFLOAT16, Dtype
from keras_weld.errors import DamagedFileError, LimitError, UnsafeFileError, WrongKindError, add_context
from keras_weld.io.hdf5_attributes import attribute
from keras_weld.io.hdf5_errors import COPY_AGAIN, NOT_KERAS
from keras_weld.io.hdf5_file import Hdf5, Stored, natural
from keras_weld.io.limits import MB

_LZF = 32000
_OF_WHOLE_MODELS = ("model_weights/", "optimizer_weights/")
_SMALL = 64 * MB  # of small tensors together: zeros alone pack tightly
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, _LZF}


class Walk:
    """One pass over all groups and datasets, refusing what no Keras file has."""

    def __init__(self, file: Hdf5) -> None:
        self.file = file
        self.limits = file.limits
        self.seen: set[Any] = set()
        self.objects = 0
        self.in_one_piece = 0
        self.packed = self.unpacked = 0

    def run(self) -> None:
        """Walk the whole file and note what is found in it.

        Raises:
            UnsafeFileError: for anything that no Keras file has.
            LimitError: if the file asks for more than the limits allow.
        """
        root = h5g.open(self.file.handle.id, b"/")
        self.seen.add(h5g.get_objinfo(root, b".").objno)
        self._group(root, "", 0)
        if self.in_one_piece > self.file.size:
            raise UnsafeFileError(
                "The tensors declare more bytes than the file has: some share their place.",
                expected=f"at most {self.file.size:,} bytes",
                found=f"{self.in_one_piece:,} bytes",
                remedy=NOT_KERAS,
            )

        if self.unpacked > _SMALL and self.unpacked > self.limits.ratio * self.packed:
            raise self._too_tight("The tensors unpack", self.unpacked, self.packed)

    def _group(self, group: h5g.GroupID, path: str, depth: int) -> None:
        self.limits.check("depth", depth, "The nesting of groups in the HDF5 file")
        self.objects += group.get_num_objs()
        self.limits.check("objects", self.objects, "The number of objects in the HDF5 file")
        names = sorted((_text(name) for name in group), key=natural)
        for name in names:
            child = f"{path}/{name}" if path else name
            found, made = self._open(group, name, child)
            if isinstance(found, h5d.DatasetID):
                self.file.datasets[child] = replace(self._dataset(found, child), made=made)
            elif isinstance(found, h5g.GroupID):
                self.file.groups.append(child)
                self._group(found, child, depth + 1)
            else:
                raise UnsafeFileError("The file holds a stored type.", layer=child, remedy=NOT_KERAS)

    def _open(self, group: h5g.GroupID, name: str, path: str) -> tuple[Any, int]:
        """A group or dataset, and the place of its header."""
        raw = name.encode()
        about = h5g.get_objinfo(group, raw, follow_link=False)
        if about.type not in (h5g.GROUP, h5g.DATASET, h5g.TYPE):
            raise UnsafeFileError(
                "The file holds a link to elsewhere.",
                layer=path,
                expected="groups and tensors only",
                found="a soft or external link",
                remedy=NOT_KERAS,
            )
        if about.objno in self.seen:
            raise UnsafeFileError(
                "The file holds the same object in two places.",
                layer=path,
                expected="each group and tensor once",
                found="a second link to one",
                remedy=NOT_KERAS,
            )
        self.seen.add(about.objno)
        low, high = about.objno  # a long each; where that has 64 bits, the second is 0
        return h5o.open(group, raw), low + (high << 32)

    def _dataset(self, dataset: h5d.DatasetID, path: str) -> Stored:
        with add_context(layer=path):
            layout = dataset.get_create_plist()
            if layout.get_external_count() or layout.get_layout() == h5d.VIRTUAL:
                raise UnsafeFileError(
                    "The values of a tensor lie in another file.",
                    expected="values in this file",
                    found="external or virtual storage",
                    remedy=NOT_KERAS,
                )
            dtype, plain = self._dtype(dataset, path)
            shape = self._shape(dataset)
            stored = Stored(path, shape, dtype, None)
            self.limits.check("tensor_bytes", stored.nbytes, f"The size of the tensor {path}")
            kept = dataset.get_storage_size()
            if layout.get_layout() == h5d.CONTIGUOUS:
                start = self._contiguous(dataset, stored, kept)
                usable = plain and self.file.start >= 0 and start is not None
                return Stored(path, shape, dtype, self.file.start + start) if usable and start else stored
            self._chunked(layout, stored, kept)
            return stored

    def _dtype(self, dataset: h5d.DatasetID, path: str) -> tuple[Dtype, bool]:
        """The dtype, and whether the stored bytes are the values as they are in memory."""
        kind = dataset.get_type()
        if isinstance(kind, h5t.TypeOpaqueID) and kind.get_size() in (1, 2):
            flag = attribute(h5py.Dataset(dataset), "dtype", self.limits, lambda: self.file.heap_texts)
            return _unnamed(path, kind.get_size(), flag), True
        known = isinstance(kind, h5t.TypeIntegerID | h5t.TypeFloatID | h5t.TypeEnumID | h5t.TypeCompoundID)
        dtype = np.dtype(kind.dtype) if known else np.dtype(object)
        if isinstance(kind, h5t.TypeStringID) and not kind.is_variable_str():
            dtype = np.dtype(kind.dtype)
        if dtype.kind not in "biufcS":
            raise UnsafeFileError(
                "A tensor holds neither numbers nor short texts.",
                expected="floats, integers, booleans or texts of fixed length",
                found=str(kind.dtype),
                remedy=NOT_KERAS,
            )
        return dtype.newbyteorder("="), dtype.isnative

    def _shape(self, dataset: h5d.DatasetID) -> tuple[int, ...]:
        space = dataset.get_space()
        if space.get_simple_extent_type() == h5s.NULL:
            raise DamagedFileError("A tensor has no values at all.", remedy=COPY_AGAIN)
        return tuple(int(size) for size in dataset.shape)

    def _contiguous(self, dataset: h5d.DatasetID, stored: Stored, kept: int) -> int | None:
        start = dataset.get_offset()
        if stored.nbytes == 0:
            return None
        self.in_one_piece += stored.nbytes
        if start is None or kept != stored.nbytes or start + kept > self.file.size:
            raise UnsafeFileError(
                "A tensor declares more bytes than the file stores for it.",
                expected=f"{stored.nbytes:,} bytes for shape {stored.shape}",
                found=f"{kept if start is not None else 0:,} bytes",
                remedy=NOT_KERAS,
            )
        return int(start)

    def _chunked(self, layout: Any, stored: Stored, kept: int) -> None:
        for number in range(layout.get_nfilters()):
            code = layout.get_filter(number)[0]
            if code not in _FILTERS:
                raise UnsafeFileError(
                    "A tensor is compressed by a plug-in that Keras does not use.",
                    expected="gzip, shuffle, fletcher32 or lzf",
                    found=f"HDF5 filter {code}",
                    remedy="Load the file where it was made and save it again.",
                )
        self.packed += kept
        self.unpacked += stored.nbytes
        if stored.nbytes <= MB and kept:
            return
        if stored.nbytes and not kept:
            raise UnsafeFileError(
                "A tensor declares bytes and stores none.",
                expected=f"{stored.nbytes:,} bytes for shape {stored.shape}",
                found="0 bytes",
                remedy=NOT_KERAS,
            )
        self.limits.check("inflated_bytes", stored.nbytes, f"The unpacked size of the tensor {stored.path}")
        if stored.nbytes > self.limits.ratio * kept:
            raise self._too_tight("A tensor unpacks", stored.nbytes, kept)

    def _too_tight(self, what: str, unpacked: int, packed: int) -> LimitError:
        ratio = unpacked // packed
        return LimitError(
            f"{what} to far more than is stored, which is above the limit `ratio`.",
            expected=f"at most {self.limits.ratio} times",
            found=f"{unpacked:,} bytes from {packed:,} ({ratio:,} times)",
            remedy=f"If you trust the file, raise it: --limit ratio={ratio + 1}",
        )


def _text(name: bytes) -> str:
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise DamagedFileError(
            "The name of a group or tensor is damaged.",
            expected="text in UTF-8",
            found=repr(name)[1:],
            remedy=COPY_AGAIN,
        ) from error


def _unnamed(path: str, size: int, flag: Any) -> Dtype:
    """The dtype of values that HDF5 has no kind for: of two bytes, it is bfloat16 and the file says so."""
    if size == BFLOAT16.itemsize:
        if flag is None and path.startswith(_OF_WHOLE_MODELS):
            raise WrongKindError(
                "The file holds bfloat16 and, as a whole-model .h5, does not say so: not even Keras can load it.",
                expected="a .keras file, which keeps the dtype",
                found="values of two bytes without a dtype",
                remedy="Save the model as .keras where it was built.",
            )
        if flag != "bfloat16":
            raise DamagedFileError(
                "A tensor of two bytes a value does not say what they are.",
                expected="the attribute dtype: bfloat16",
                found="no such attribute" if flag is None else f"dtype: {flag}",
                remedy=COPY_AGAIN,
            )
        return BFLOAT16
    return np.dtype(f"V{size}")
