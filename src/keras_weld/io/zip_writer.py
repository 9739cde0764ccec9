"""Writes a zip archive of stored members whose bytes may be filled in at any place and in any order.

Python's own zipfile wants each member as one stream; a model's tensors are written straight to where they
belong, and checksummed once at the end, which also reads back every byte that was written.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from dataclasses import dataclass
from typing import BinaryIO

from keras_weld.io.window import write_at

ALIGN = 64  # so that a mapped tensor starts where the processor likes it
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_MOST = 0xFFFFFFFF  # in a field of 32 bits, says that the number stands in the zip64 part
_LARGE = _MOST  # numbers from here on do
_MANY = 0xFFFF  # the same for the number of members
_DATE = 0x21  # 1980-01-01, as Keras writes: the same model gives the same bytes
_PADDING = 0xD935  # the extra field that other tools use for alignment
_ZIP64 = 0x0001
_PIECE = 1 << 24


@dataclass(slots=True)
class _Entry:
    name: bytes
    header: int
    extra: int
    start: int
    size: int = 0
    crc: int = 0


class ZipWriter:
    """Members one after the other into an open, empty file.

    Args:
        file: open for reading and writing, unbuffered.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._handle = file.fileno()
        self._end = 0
        self._entries: list[_Entry] = []

    def add(self, name: str, data: bytes) -> None:
        """Write a whole member."""
        start = self.begin(name)
        write_at(self._handle, data, start)
        self.finish(len(data))

    def begin(self, name: str) -> int:
        """Open a member; gives the place in the file where its bytes begin."""
        raw = name.encode()
        plain = self._end + _LOCAL.size + len(raw) + 20 + 4
        padding = -plain % ALIGN
        entry = _Entry(raw, self._end, 20 + 4 + padding, plain + padding)
        self._entries.append(entry)
        self._write_header(entry)
        self._end = entry.start
        return entry.start

    def finish(self, size: int) -> None:
        """Close the member opened last, `size` bytes long: read its bytes back for the checksum."""
        entry = self._entries[-1]
        entry.size = size
        entry.crc = _checksum(self._handle, entry.start, size)
        self._write_header(entry)
        self._end = entry.start + size

    def _write_header(self, entry: _Entry) -> None:
        large = entry.size >= _LARGE
        short = _MOST if large else entry.size
        header = _LOCAL.pack(
            b"PK\x03\x04",
            45 if large else 20,
            0,
            0,
            0,
            _DATE,
            entry.crc,
            short,
            short,
            len(entry.name),
            entry.extra,
        )
        sizes = struct.pack("<2H2Q", _ZIP64, 16, entry.size, entry.size) if large else b""
        left = entry.extra - len(sizes) - 4
        padding = struct.pack("<2H", _PADDING, left) + bytes(left)
        write_at(self._handle, header + entry.name + sizes + padding, entry.header)

    def close(self) -> None:
        """Write the directory; the file is then whole."""
        begin = self._end
        directory = b"".join(self._central(entry) for entry in self._entries)
        end = begin + len(directory)
        count = len(self._entries)
        tail = b""
        if begin >= _LARGE or count >= _MANY:
            tail = _END64.pack(b"PK\x06\x06", 44, 45, 45, 0, 0, count, count, len(directory), begin)
            tail += _LOCATOR64.pack(b"PK\x06\x07", 0, end, 1)
        shown, place = min(count, _MANY), _MOST if begin >= _LARGE else begin
        tail += _END.pack(b"PK\x05\x06", 0, 0, shown, shown, len(directory), place, 0)
        write_at(self._handle, directory + tail, begin)
        os.ftruncate(self._handle, end + len(tail))

    def _central(self, entry: _Entry) -> bytes:
        large = [value for value in (entry.size, entry.size, entry.header) if value >= _LARGE]
        extra = struct.pack(f"<2H{len(large)}Q", _ZIP64, 8 * len(large), *large) if large else b""
        size, place = (_MOST if value >= _LARGE else value for value in (entry.size, entry.header))
        fields = (
            b"PK\x01\x02",
            45 if large else 20,
            45 if large else 20,
            0,
            0,
            0,
            _DATE,
            entry.crc,
            size,
            size,
        )
        return _CENTRAL.pack(*fields, len(entry.name), len(extra), 0, 0, 0, 0o600 << 16, place) + entry.name + extra


def _checksum(handle: int, start: int, size: int) -> int:
    if size == 0:
        return 0
    page = start - start % mmap.ALLOCATIONGRANULARITY
    crc = 0
    with (
        mmap.mmap(handle, start + size - page, access=mmap.ACCESS_READ, offset=page) as pages,
        memoryview(pages) as all_,
    ):
        for at in range(start - page, start - page + size, _PIECE):
            with all_[at : min(at + _PIECE, start - page + size)] as piece:
                crc = zlib.crc32(piece, crc)
    return crc
