"""HDF5 files without extraction: every object is checked, tensors are mapped, nothing else is read."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from keras_weld.errors import DamagedFileError, WriteError, add_context
from keras_weld.io.hdf5_errors import COPY_AGAIN, hdf5_errors
from keras_weld.io.hdf5_file import Hdf5, Stored, natural
from keras_weld.io.hdf5_plain import parse
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.hdf5_structure import recall, remember
from keras_weld.io.limits import Limits
from keras_weld.io.window import Window

if TYPE_CHECKING:
    import h5py

__all__ = ["Hdf5", "Stored", "natural", "open_hdf5"]


def open_hdf5(
    path: Path,
    limits: Limits,
    *,
    source: io.BytesIO | Window | None = None,
    start: int = 0,
    reader: Reader = Reader.QUICK,
) -> Hdf5:
    """Open and check an HDF5 file.

    Args:
        path: the file on disk that the bytes lie in.
        limits: what it may ask for.
        source: what to read from: None for the file itself, a `Window` for a part of it, or a buffer in
            memory (then nothing can be mapped).
        start: first byte of the HDF5 part in the file on disk, or -1 for a buffer in memory.
        reader: what looks through its structure.

    Raises:
        DamagedFileError: if it is cut short or not HDF5.
        UnsafeFileError: for anything that no Keras file has.
        LimitError: if it asks for more than the limits allow.
        WriteError: if `reader` is our own, and cannot read it.
    """

    def opener() -> h5py.File:
        return _open_with_h5py(path, source)

    size = os.path.getsize(path) if source is None else source.seek(0, os.SEEK_END)
    result = Hdf5(path, opener, limits, size, start)
    with add_context(file=path):
        try:
            with hdf5_errors("The HDF5 part of the file is damaged."):
                _look_through(result, source, reader)
        except BaseException:
            result.close()
            raise
    return result


def _look_through(result: Hdf5, source: io.BytesIO | Window | None, reader: Reader) -> None:
    if reader is Reader.QUICK and recall(result):
        return
    if reader is Reader.H5PY or not parse(result, _bytes_of(result, source)):
        if reader is Reader.OWN:
            raise WriteError(
                "The file that was written cannot be read; it was not kept.",
                remedy="Check the disk; if it is well, report this.",
            )
        from keras_weld.io.hdf5_walk import Walk  # imports h5py, which is seldom needed

        Walk(result).run()
    if reader is Reader.QUICK:
        remember(result)


def _bytes_of(result: Hdf5, source: io.BytesIO | Window | None) -> memoryview | bytes:
    if isinstance(source, io.BytesIO):
        return source.getvalue()
    if result.size == 0:
        return b""
    return result.all_bytes()


def _open_with_h5py(path: Path, source: io.BytesIO | Window | None) -> h5py.File:
    import h5py

    try:
        return h5py.File(source, "r") if source is not None else _open_path(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise DamagedFileError(
            "The HDF5 part of the file is damaged or cut short.",
            file=path,
            found=str(error).split("\n")[0],
            remedy=COPY_AGAIN,
        ) from error


def _open_path(path: Path) -> h5py.File:
    import h5py

    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        if "locking flag" not in str(error):
            raise
        return h5py.File(path, "r")  # this process has it open already, with a lock
