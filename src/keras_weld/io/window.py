"""A part of a file that looks like a file of its own.

h5py reads and writes through it, so that an HDF5 file can stay inside its archive: nothing is extracted, and
what is written goes to its final place at once.
"""

from __future__ import annotations

import io
import mmap
import os
from typing import BinaryIO


class Window(io.RawIOBase):
    """Bytes `start` to `start + size` of an open file.

    Args:
        file: open for reading (and writing, if the window is to be written to); unbuffered.
        start: first byte.
        size: number of bytes; None for a window that is written to and grows.

    Attributes:
        failed: why the system refused to write, if it did. HDF5 cannot carry an error through, so whoever writes
            must look here in the end.
    """

    def __init__(self, file: BinaryIO, start: int, size: int | None = None) -> None:
        super().__init__()
        self._handle = file.fileno()
        self._start = start
        self._fixed = size is not None
        self._size = size or 0
        self._at = 0
        self.failed: OSError | None = None
        # HDF5 asks for thousands of small pieces; from mapped pages they cost no system call.
        self._pages = memoryview(mmap.mmap(self._handle, 0, access=mmap.ACCESS_READ)) if size else None

    @property
    def size(self) -> int:
        """Bytes in the window so far."""
        return self._size

    def readable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """Whether the window may grow."""
        return not self._fixed

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
        wanted = max(0, min(len(view), self._size - self._at))
        begin = self._start + self._at
        if self._pages is not None:
            wanted = min(wanted, len(self._pages) - begin)
            view[:wanted] = self._pages[begin : begin + wanted]
            self._at += wanted
            return wanted
        done = 0
        while done < wanted:
            got = os.preadv(self._handle, [view[done:wanted]], self._start + self._at + done)
            if got == 0:
                break
            done += got
        self._at += done
        return done

    def write(self, data: bytes | memoryview) -> int:  # type: ignore[override]
        """Write at the current place; the window grows."""
        size = memoryview(data).nbytes
        try:
            write_at(self._handle, data, self._start + self._at)
        except OSError as error:
            self.failed = self.failed or error
        self._at += size
        self._size = max(self._size, self._at)
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the window's size; the file behind it ends where the window ends."""
        self._size = self._at if size is None else size
        try:
            os.ftruncate(self._handle, self._start + self._size)
        except OSError as error:
            self.failed = self.failed or error
        return self._size


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
