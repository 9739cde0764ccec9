"""Texts of any length as HDF5 keeps them: in heaps, pointed to by heap and number."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from keras_weld.errors import WriteError
from keras_weld.io import hdf5_kinds as kinds

_LARGEST = 1 << 16  # a heap is read as a whole
_HEAD = 16


@dataclass(frozen=True, slots=True)
class Descriptor:
    """Where a text is kept: its bytes, its heap's address, its number there."""

    length: int
    heap: int
    number: int

    def packed(self) -> bytes:
        """As it stands for the text."""
        return struct.pack("<IQI", self.length, self.heap, self.number)


class TextHeaps:
    """Heaps that follow each other, filled text by text.

    Args:
        start: the address of the first.
    """

    def __init__(self, start: int) -> None:
        self._start = start
        self._done = bytearray()
        self._open = bytearray()
        self._count = 0

    def add(self, text: str, of: str) -> Descriptor:
        """Keep a text.

        Args:
            text: the text.
            of: whose it is, for the message.

        Raises:
            WriteError: if HDF5 cannot keep it.
        """
        raw = _encoded(text, of)
        if self._count and len(self._open) + len(raw) > _LARGEST:
            self._close()
        self._count += 1
        self._open += struct.pack("<HHIQ", self._count, 0, 0, len(raw)) + raw + bytes(-len(raw) % 8)
        return Descriptor(len(raw), self._start + len(self._done), self._count)

    def closed(self) -> bytes:
        """All heaps, once no text is to follow."""
        if self._count:
            self._close()
        return bytes(self._done)

    def _close(self) -> None:
        size = max(kinds.TEXTS_SIZE, _HEAD + len(self._open) + _HEAD)
        left = size - _HEAD - len(self._open)
        self._done += struct.pack("<4sB3xQ", b"GCOL", 1, size) + self._open
        self._done += struct.pack("<HHIQ", 0, 0, 0, left).ljust(left, b"\0")  # number 0 is the room left
        self._open, self._count = bytearray(), 0


def _encoded(text: str, of: str) -> bytes:
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raw = b"\0"
    if b"\0" in raw:
        raise WriteError(
            "A name or text cannot be kept in HDF5.",
            layer=of,
            expected="text without NUL characters",
            found=repr(text)[:80],
            remedy="Give the layer another name.",
        )
    return raw
