"""Texts among the attributes of an HDF5 object, read from the bytes of its header where they are kept plainly.

What is kept in another way, or does not fit exactly, is left to HDF5 and to the checks that go before it.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from keras_weld.io import hdf5_kinds as kinds
from keras_weld.io.limits import Limits

_ATTRIBUTE = struct.Struct("<BBHHH")
_DESCRIPTOR = struct.Struct("<IQI")
_HEAP = struct.Struct("<4sIQ")
_OBJECT = struct.Struct("<HHIQ")
_FIXED = struct.Struct("<BBHI")
_NUL = b"\0"


class Other(Enum):
    """An attribute that is not a plain text, or not in order: HDF5 shall look at it."""

    WAY = 0


OTHER = Other.WAY


class _DoubtError(Exception):
    """Something is not as it should be."""


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
        """The same for the attributes of one object."""
        wanted = name.encode() + _NUL
        try:
            found = [rest for message in messages if (rest := _value_of(message, wanted)) is not None]
            if not found:
                return None
            return self._text(*found[0], limits) if len(found) == 1 else OTHER
        except (_DoubtError, struct.error, UnicodeDecodeError):
            return OTHER

    def _text(self, kind: bytes, value: bytes, limits: Limits) -> str:
        if kind.startswith((kinds.UTF8, kinds.ASCII)):
            if any(kind[len(kinds.UTF8) :]):
                raise _DoubtError
            text = self._of_any_length(value, limits)
        else:
            text = _of_fixed_length(kind, value, limits)
        if _NUL in text:  # where HDF5's texts end
            raise _DoubtError
        return text.decode()

    def _of_any_length(self, value: bytes, limits: Limits) -> bytes:
        length, heap, number = _DESCRIPTOR.unpack_from(value)
        if max(length, _DESCRIPTOR.size) > limits.attribute_bytes:
            raise _DoubtError
        if heap not in self._heaps:
            self._heaps[heap] = self._read_heap(heap)
        place, size = self._heaps[heap].get(number, (0, -1))
        if size != length:
            raise _DoubtError
        return bytes(self.data[place : place + size])

    def _read_heap(self, heap: int) -> dict[int, tuple[int, int]]:
        """The places and sizes of all texts in a heap, by their numbers."""
        magic, version, size = _HEAP.unpack_from(self.data, heap)
        end = heap + size
        if (magic, version) != (b"GCOL", 1) or size < kinds.TEXTS_SIZE or size % 8 or end > len(self.data):
            raise _DoubtError
        found: dict[int, tuple[int, int]] = {}
        at = heap + _HEAP.size
        while at + _OBJECT.size <= end:
            number, _, _, size = _OBJECT.unpack_from(self.data, at)
            begin = at + _OBJECT.size
            at = begin + (size + 7) // 8 * 8 if number else at + size
            if at > end or number in found or (number == 0 and at != end):
                raise _DoubtError
            found[number] = (begin, size)
        found.pop(0, None)
        return found


def _value_of(message: bytes, wanted: bytes) -> tuple[bytes, bytes] | None:
    """Type and value of an attribute that holds one value, if it has the name that is wanted."""
    version, zero, *sizes = _ATTRIBUTE.unpack_from(message)
    if version != 1 or zero:
        raise _DoubtError
    name_end, kind_end, begin = _ends(sizes)
    name = message[_ATTRIBUTE.size : _ATTRIBUTE.size + sizes[0]]
    if name.find(_NUL) != len(name) - 1 or begin > len(message):
        raise _DoubtError
    if name != wanted:
        return None
    if message[kind_end:begin] != kinds.SCALAR or sizes[2] != len(kinds.SCALAR):
        raise _DoubtError
    return message[name_end:kind_end], message[begin:]


def _ends(sizes: Sequence[int]) -> list[int]:
    at, ends = _ATTRIBUTE.size, []
    for size in sizes:
        at += (size + 7) // 8 * 8
        ends.append(at)
    return ends


def _of_fixed_length(kind: bytes, value: bytes, limits: Limits) -> bytes:
    form, how, zeros, size = _FIXED.unpack_from(kind)
    padded, letters = how & 15, how >> 4
    if form != kinds.FIXED_TEXT or padded > 1 or letters > 1 or zeros or len(kind) != _FIXED.size:
        raise _DoubtError
    if not 0 < size <= len(value) or size > limits.attribute_bytes or (not padded and value[size - 1]):
        raise _DoubtError
    return value[:size].rstrip(_NUL)
