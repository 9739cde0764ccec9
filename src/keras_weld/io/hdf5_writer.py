"""HDF5 files in Keras's layout: first the structure with room for every tensor, then the values in place."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import BinaryIO

import numpy as np

from keras_weld.core.state import Array
from keras_weld.errors import WriteError
from keras_weld.io.hdf5_layout import Slot, lay_out
from keras_weld.io.window import write_at

__all__ = ["Hdf5Sink", "Slot"]


class Hdf5Sink:
    """The tensors of one HDF5 file, each written in pieces, in any order.

    Args:
        file: open for reading and writing, unbuffered.
        start: the place in the file where the HDF5 part begins.
        slots: what will be written.
        attributes: texts kept at the root of the file.

    Raises:
        WriteError: if two tensors have one path, or one cannot be kept in HDF5.
    """

    def __init__(
        self, file: BinaryIO, start: int, slots: Sequence[Slot], attributes: Mapping[str, str] | None = None
    ) -> None:
        self._handle = file.fileno()
        self._lock = Lock()  # pieces of one tensor come from several threads
        self._left = {slot.path: slot.nbytes for slot in slots}
        layout = lay_out(slots, attributes or {})
        self._places = {path: start + place for path, place in layout.places.items()}
        self.size = layout.size
        write_at(self._handle, layout.head, start)
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
