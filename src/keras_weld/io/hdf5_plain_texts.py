"""Texts among the attributes of an HDF5 object, read from the bytes of its header where they are kept plainly.

What is kept in another way, or does not fit exactly, is left to HDF5 and to the checks that go before it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from keras_weld.io import hdf5_kinds as kinds
from keras_weld.io.hdf5_pieces import DoubtError
from keras_weld.io.limits import Limits

_ATTRIBUTE = struct.Struct("<BBHHH")
_DESCRIPTOR = struct.Struct("<IQI")
_HEAP = struct.Struct("<4sIQ")
_OBJECT = struct.Struct("<HHIQ")
_FIXED = struct.Struct("<BBHI")
_NUL = b"\0"
_OF_ANY_LENGTH = {kinds.UTF8, kinds.ASCII}
_NUMBERS = {message: dtype.itemsize for message, dtype in kinds.DTYPES.items() if dtype.kind in "iuf"}


class Other(Enum):
    """An attribute that is not a plain text, or not in order: HDF5 shall look at it."""

    WAY = 0


OTHER = Other.WAY


@dataclass(slots=True)
class PlainTexts:
    """The attributes of all groups of a file, as they stand in the groups' headers.

    Attributes:
        data: all bytes of the HDF5 part.
        messages: the attributes of every group, by its path.
    """

    data: memoryview | bytes
    messages: dict[str, Sequence[bytes]] = field(default_factory=dict)
    _heaps: dict[int, dict[int, tuple[int, int]]] = field(default_factory=dict)

    def get(self, group: str, name: str, limits: Limits) -> str | Other | None:
        """The text of an attribute of a group, None where there is none, OTHER where HDF5 must be asked."""
        messages = self.messages.get(group)
        return OTHER if messages is None else self.among(messages, name, limits)

    def among(self, messages: Sequence[bytes], name: str, limits: Limits) -> str | Other | None:
        """The same for the attributes of one object; HDF5 reads all of them to find one, so all must be in order."""
        try:
            found = dict(_parts(message) for message in messages)
            if len(found) < len(messages):
                return OTHER
            wanted = name.encode() + _NUL
            return self._text(*found[wanted], limits) if wanted in found else None
        except (DoubtError, struct.error, ValueError, OverflowError):
            return OTHER

    def _text(self, kind: bytes, value: bytes, limits: Limits) -> str:
        if kind in _NUMBERS:
            raise DoubtError
        of_any_length = kind in _OF_ANY_LENGTH
        text = self._of_any_length(value, limits) if of_any_length else _of_fixed_length(kind, value, limits)
        if _NUL in text:  # where HDF5's texts end
            raise DoubtError
        return text.decode()

    def _of_any_length(self, value: bytes, limits: Limits) -> bytes:
        length, heap, number = _DESCRIPTOR.unpack_from(value)
        if max(length, _DESCRIPTOR.size) > limits.attribute_bytes:
            raise DoubtError
        if heap not in self._heaps:
            self._heaps[heap] = self._read_heap(heap)
        place, size = self._heaps[heap].get(number, (0, -1))
        if size != length:
            raise DoubtError
        return bytes(self.data[place : place + size])

    def _read_heap(self, heap: int) -> dict[int, tuple[int, int]]:
        """The places and sizes of all texts in a heap, by their numbers."""
        magic, version, size = _HEAP.unpack_from(self.data, heap)
        end = heap + size
        if (magic, version) != (b"GCOL", 1) or size < kinds.TEXTS_SIZE or size % 8 or end > len(self.data):
            raise DoubtError
        found: dict[int, tuple[int, int]] = {}
        at = heap + _HEAP.size
        while at + _OBJECT.size <= end:
            number, _, _, size = _OBJECT.unpack_from(self.data, at)
            begin = at + _OBJECT.size
            at = begin + (size + 7) // 8 * 8 if number else at + size
            if at > end or number in found or (number == 0 and at != end):
                raise DoubtError
            found[number] = (begin, size)
        found.pop(0, None)
        return found


def _parts(message: bytes) -> tuple[bytes, tuple[bytes, bytes]]:
    """Name, type and value of an attribute that holds one text or number."""
    version, zero, *sizes = _ATTRIBUTE.unpack_from(message)
    name_end, kind_end, begin = _ends(sizes)
    name, kind, value = (
        message[_ATTRIBUTE.size : _ATTRIBUTE.size + sizes[0]],
        message[name_end:kind_end],
        message[begin:],
    )
    if version != 1 or zero or len(name) < 2 or name.find(_NUL) != len(name) - 1:
        raise DoubtError
    if message[kind_end:begin] != kinds.SCALAR or sizes[2] != len(kinds.SCALAR):
        raise DoubtError
    if kind in _OF_ANY_LENGTH or kind in _NUMBERS:
        told = len(kind) - 4  # what is told of them leaves four bytes to be filled up
        size = _NUMBERS.get(kind, _DESCRIPTOR.size)
    else:
        told, size = _FIXED.size, _fixed_size(kind)
    if sizes[1] != told or len(value) != (size + 7) // 8 * 8:
        raise DoubtError
    name.decode()
    return name, (kind, value)


def _ends(sizes: Sequence[int]) -> list[int]:
    at, ends = _ATTRIBUTE.size, []
    for size in sizes:
        at += (size + 7) // 8 * 8
        ends.append(at)
    return ends


def _fixed_size(kind: bytes) -> int:
    form, how, zeros, size = _FIXED.unpack(kind)
    if form != kinds.FIXED_TEXT or how & 15 > 1 or how >> 4 > 1 or zeros or not size:
        raise DoubtError
    return int(size)


def _of_fixed_length(kind: bytes, value: bytes, limits: Limits) -> bytes:
    size = _fixed_size(kind)
    ends = not kind[1] & 15  # with a NUL; else it is filled up with them
    if size > limits.attribute_bytes or (ends and value[size - 1]):
        raise DoubtError
    return value[:size].rstrip(_NUL)
