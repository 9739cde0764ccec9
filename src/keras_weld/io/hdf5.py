"""HDF5 files without extraction: every object is checked, tensors are mapped, nothing else is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import h5py

from keras_weld.errors import DamagedFileError, add_context
from keras_weld.io.hdf5_file import COPY_AGAIN, Hdf5, Stored, hdf5_errors, natural
from keras_weld.io.hdf5_structure import recall, remember
from keras_weld.io.hdf5_walk import Walk
from keras_weld.io.limits import Limits
from keras_weld.io.window import Window

__all__ = ["Hdf5", "Stored", "natural", "open_hdf5"]


def open_hdf5(path: Path, limits: Limits, *, source: BinaryIO | Window | None = None, start: int = 0) -> Hdf5:
    """Open and check an HDF5 file.

    Args:
        path: the file on disk that the bytes lie in.
        limits: what it may ask for.
        source: what to read from: None for the file itself, a `Window` for a part of it, or a buffer in
            memory (then nothing can be mapped).
        start: first byte of the HDF5 part in the file on disk, or -1 for a buffer in memory.

    Raises:
        DamagedFileError: if it is cut short or not HDF5.
        UnsafeFileError: for anything that no Keras file has.
        LimitError: if it asks for more than the limits allow.
    """

    def opener() -> h5py.File:
        try:
            return _open_path(path) if source is None else h5py.File(source, "r")
        except (OSError, RuntimeError, ValueError) as error:
            raise DamagedFileError(
                "The HDF5 part of the file is damaged or cut short.",
                file=path,
                found=str(error).split("\n")[0],
                remedy=COPY_AGAIN,
            ) from error

    size = os.path.getsize(path) if source is None else source.seek(0, os.SEEK_END)
    result = Hdf5(path, opener, limits, size, start)
    with add_context(file=path):
        try:
            with hdf5_errors("The HDF5 part of the file is damaged."):
                if not recall(result):
                    Walk(result).run()
                    remember(result)
        except BaseException:
            result.close()
            raise
    return result


def _open_path(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "locking flag" not in str(error):
            raise
        return h5py.File(path, "r")  # this process has it open already, with a lock
