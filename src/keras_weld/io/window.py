"""A part of a file that looks like a file of its own.

h5py reads through it, so that an HDF5 file can stay inside its archive: nothing is extracted.
"""

from __future__ import annotations

import io
import mmap
import os
from typing import BinaryIO


class Window(io.RawIOBase):
    """Bytes `start` to `start + size` of an open file.

    Args:
        file: open for reading, unbuffered.
        start: first byte.
        size: number of bytes.
    """

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._start, self._size, self._at = start, size, 0
        # HDF5 asks for thousands of small pieces; from mapped pages they cost no system call.
        self._pages = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) if size else memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place in the window."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        """The place in the window."""
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Fill `buffer` from the window; gives the number of bytes read."""
        view = memoryview(buffer).cast("B")
        begin = self._start + self._at
        wanted = max(0, min(len(view), self._size - self._at, len(self._pages) - begin))
        view[:wanted] = self._pages[begin : begin + wanted]
        self._at += wanted
        return wanted


def write_at(handle: int, data: bytes | memoryview, place: int) -> int:
    """Write all of `data` at a place in an open file; the system may take it in parts.

    Args:
        handle: the file's descriptor.
        data: what to write.
        place: where its first byte goes.

    Returns:
        The number of bytes written.
    """
    view = memoryview(data).cast("B")
    done = 0
    while done < len(view):
        done += os.pwrite(handle, view[done:], place + done)
    return done
