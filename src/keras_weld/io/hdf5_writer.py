"""HDF5 files in Keras's layout: first the structure with room for every tensor, then the values in place."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import BinaryIO

import h5py
import numpy as np
from h5py import h5d, h5o, h5p, h5s, h5t

from keras_weld.core.dtypes import BFLOAT16, Dtype
from keras_weld.core.state import Array
from keras_weld.errors import WriteError
from keras_weld.io.window import Window, write_at
from keras_weld.io.zip_writer import ALIGN

_SMALL = 4096  # tensors below this are not worth the padding


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor to be written.

    Attributes:
        path: its path in the file, `layers/dense/vars/0`.
        shape: its shape.
        dtype: its dtype.
        owner: name of the layer, kept with its group as Keras does; "" for none.
    """

    path: str
    shape: tuple[int, ...]
    dtype: Dtype
    owner: str = ""

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return math.prod(self.shape) * self.dtype.itemsize


class Hdf5Sink:
    """The tensors of one HDF5 file, each written in pieces, in any order.

    Args:
        file: open for reading and writing, unbuffered.
        start: the place in the file where the HDF5 part begins.
        slots: what will be written.
        attributes: texts kept at the root of the file.
    """

    def __init__(
        self, file: BinaryIO, start: int, slots: Sequence[Slot], attributes: Mapping[str, str] | None = None
    ) -> None:
        self._handle = file.fileno()
        self._lock = Lock()  # pieces of one tensor come from several threads
        self._places: dict[str, int] = {}
        self._left = {slot.path: slot.nbytes for slot in slots}
        window = Window(file, start)
        with h5py.File(window, "w", alignment_threshold=_SMALL, alignment_interval=ALIGN) as content:
            for name, value in (attributes or {}).items():
                content.attrs[name] = value
            for slot in slots:
                offset = _make_room(content, slot)
                if offset is not None:
                    self._places[slot.path] = start + offset
            for group, owner in {slot.path.rpartition("/")[0]: slot.owner for slot in slots if slot.owner}.items():
                content[group].attrs["name"] = owner
        if window.failed is not None:
            raise window.failed
        # HDF5 leaves room after the last tensor unwritten; the file must reach to its end.
        self.size = window.size
        os.ftruncate(self._handle, start + self.size)

    def put(self, path: str, first: int, values: Array) -> None:
        """Write consecutive values of a tensor, from its element number `first` on (in C order)."""
        data = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        if not len(data):
            return
        write_at(self._handle, data, self._places[path] + first * values.dtype.itemsize)
        with self._lock:
            self._left[path] -= len(data)

    def check_whole(self) -> None:
        """Raise unless every tensor was written in full.

        Raises:
            WriteError: naming the first tensor with bytes left over.
        """
        for path, left in self._left.items():
            if left:
                raise WriteError("A tensor was not written in full.", layer=path, found=f"{left:,} bytes are left")


def _plan() -> tuple[h5p.PropDCID, h5p.PropLCID]:
    """Values in one piece, with room from the start and nothing written to it; groups made on the way."""
    values, links = h5p.create(h5p.DATASET_CREATE), h5p.create(h5p.LINK_CREATE)
    values.set_layout(h5d.CONTIGUOUS)
    values.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    values.set_fill_time(h5d.FILL_TIME_NEVER)
    values.set_obj_track_times(False)  # the same model gives the same bytes
    links.set_create_intermediate_group(True)
    return values, links


def _make_room(content: h5py.File, slot: Slot) -> int | None:
    values, links = _plan()
    kept = np.dtype("V2") if slot.dtype == BFLOAT16 else slot.dtype
    space = h5s.create_simple(slot.shape) if slot.shape else h5s.create(h5s.SCALAR)
    kind = h5t.py_create(kept, logical=True)
    dataset = h5d.create(content.id, None, kind, space, values)
    h5o.link(dataset, content.id, slot.path.encode(), lcpl=links)
    if slot.dtype == BFLOAT16:
        h5py.Dataset(dataset).attrs["dtype"] = "bfloat16"
    offset = dataset.get_offset() if slot.nbytes else None
    return None if offset is None else int(offset)
