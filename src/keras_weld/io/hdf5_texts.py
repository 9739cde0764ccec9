"""Attributes whose texts have a variable length: checked in the bytes of the file before HDF5 reads them.

Such an attribute holds descriptors: a length, the place of a heap and a number in it. HDF5 sets aside the length
that a descriptor names before it compares it with the heap, so one changed byte costs gigabytes; and it goes
through a heap object by object, so one of size 0 keeps it there for ever, where it cannot be interrupted. Hence the
object's header is parsed here as HDF5 does it, and each descriptor is held against its heap.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from typing import Any

from keras_weld.errors import DamagedFileError, UnsafeFileError

_ATTRIBUTE, _CONTINUED, _ATTRIBUTES_ELSEWHERE = 0x0C, 0x10, 0x15
_DESCRIPTOR = struct.Struct("<IQI")
_HEAP = struct.Struct("<IB3xQ")
_OBJECT = struct.Struct("<HH4xQ")
_NOWHERE = (1 << 64) - 1
_MOST_PIECES = 10_000
_MOST_OBJECTS = 1 << 16  # a descriptor's number of one has 16 bits in the heap
_NOT_KERAS = "Do not use this file unless you know who made it; Keras does not write such files."

Message = tuple[int, int, int, int]  # kind, flags, place, size


class Texts:
    """The texts of variable length in an HDF5 file.

    Args:
        data: gives all bytes of the HDF5 part; asked once, when the first text is checked.
        base: the place in them that addresses count from.
    """

    def __init__(self, data: Callable[[], memoryview], base: int) -> None:
        self._get, self._base = data, base
        self._data: memoryview | None = None
        self._heaps: dict[int, dict[int, int]] = {}

    def size(self, header: int, name: str, count: int) -> int:
        """Bytes of all texts of one attribute, after each was held against its heap.

        Args:
            header: the address of the header of the object that has the attribute.
            name: its name.
            count: how many texts it has.

        Raises:
            DamagedFileError: if a descriptor does not fit its heap, or a heap has no end.
            UnsafeFileError: if the attribute is kept in a way that no Keras file has.
        """
        try:
            places = list(self._values(self._base + header, name.encode()))
            if not places:
                raise UnsafeFileError(
                    f"The attribute {name!r} is kept in a way that Keras does not use.", remedy=_NOT_KERAS
                )
            return max(sum(self._sizes(place, count)) for place in places)
        except (struct.error, IndexError, ValueError, OverflowError) as error:
            raise _damaged("a place outside the file") from error

    @property
    def _bytes(self) -> memoryview:
        if self._data is None:
            self._data = self._get()
        return self._data

    def _unpack(self, form: struct.Struct | str, place: int) -> tuple[Any, ...]:
        if place < 0:
            raise IndexError(place)
        form = form if isinstance(form, struct.Struct) else struct.Struct(form)
        return form.unpack_from(self._bytes, place)

    def _sizes(self, place: int, count: int) -> Iterator[int]:
        if place + count * _DESCRIPTOR.size > len(self._bytes):
            raise _damaged("a place outside the file")
        for number in range(count):
            length, heap, one = self._unpack(_DESCRIPTOR, place + number * _DESCRIPTOR.size)
            if heap == 0:
                continue  # HDF5's way to keep an empty text
            kept = self._heap(self._base + heap).get(one)
            if kept is None or length > kept:
                raise _damaged(f"{length:,} bytes where {'none' if kept is None else f'{kept:,}'} are kept")
            yield length

    def _heap(self, place: int) -> dict[int, int]:
        """The sizes of a heap's objects by their numbers."""
        if place not in self._heaps:
            magic, _, size = self._unpack(_HEAP, place)
            if magic != int.from_bytes(b"GCOL", "little"):
                raise _damaged("no texts where they should be")
            self._heaps[place] = self._objects(place + _HEAP.size, min(place + size, len(self._bytes)))
        return self._heaps[place]

    def _objects(self, at: int, end: int) -> dict[int, int]:
        found: dict[int, int] = {}
        for _ in range(_MOST_OBJECTS):
            if at + _OBJECT.size > end:
                return found
            number, _, size = self._unpack(_OBJECT, at)
            taken = size if number == 0 else _OBJECT.size + (size + 7) // 8 * 8
            if taken == 0:
                raise _damaged("one without an end")
            if number:
                found[number] = min(size, max(0, end - at - _OBJECT.size))
            at += taken
        raise _damaged("more texts than a heap can have")

    def _values(self, header: int, name: bytes) -> Iterator[int]:
        """Where the values of the attribute begin; several places if it cannot be told which counts."""
        elsewhere = False
        for kind, flags, place, size in self._messages(header):
            if kind == _ATTRIBUTE and flags & 2:
                raise UnsafeFileError("Several objects share one attribute.", remedy=_NOT_KERAS)
            if kind == _ATTRIBUTE:
                value = self._value(place, name)
                if value is not None:
                    yield value
            elif kind == _ATTRIBUTES_ELSEWHERE and size >= 10:
                follows = 4 if self._bytes[place + 1] & 1 else 2
                heap = self._unpack("<Q", place + follows)[0]
                if heap != _NOWHERE:
                    self._refuse_packed(self._base + heap)
                    elsewhere = True
        if elsewhere:
            # More than a few attributes lie in a heap of another kind, each in one piece: by its name.
            for found in re.finditer(re.escape(name) + b"\0", self._bytes):
                for before in (8, 9):
                    value = self._value(found.start() - before, name) if found.start() >= before else None
                    if value is not None:
                        yield value

    def _refuse_packed(self, heap: int) -> None:
        magic, packed = self._unpack("<I3xH", heap)
        if magic != int.from_bytes(b"FRHP", "little") or packed:
            raise UnsafeFileError("The attributes are compressed.", remedy=_NOT_KERAS)

    def _value(self, place: int, name: bytes) -> int | None:
        """Where the value of an attribute message begins, if the attribute has this name."""
        version, _, name_size, kind_size, space_size = self._unpack("<BBHHH", place)
        if version not in (1, 2, 3):
            return None
        at = place + (9 if version == 3 else 8)
        if bytes(self._bytes[at : at + len(name) + 1]) != name + b"\0":
            return None
        sizes = (name_size, kind_size, space_size)
        padded: list[int] = [(size + 7) // 8 * 8 if version == 1 else size for size in sizes]
        return at + sum(padded)

    def _messages(self, header: int) -> Iterator[Message]:
        """All messages of an object's header, in the order in which HDF5 reads them."""
        if bytes(self._bytes[header : header + 4]) == b"OHDR":
            flags = self._bytes[header + 5]
            at = header + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
            width = 1 << (flags & 3)
            begin = at + width
            pieces = [(begin, begin + int.from_bytes(self._bytes[at:begin], "little"))]
            fields, ends, tail = struct.Struct("<BHB" + ("H" if flags & 4 else "")), 4, 4
        else:
            size = self._unpack("<I", header + 8)[0]
            pieces = [(header + 16, header + 16 + size)]
            fields, ends, tail = struct.Struct("<HHB3x"), 0, 0
        number = 0
        while number < len(pieces):
            at, end = pieces[number]
            while at + fields.size <= end:
                kind, size, flags = self._unpack(fields, at)[:3]
                at += fields.size
                if kind == _CONTINUED:
                    begin, length = self._unpack("<QQ", at)
                    begin += self._base
                    pieces.append((begin + ends, begin + length - tail))
                    if len(pieces) > _MOST_PIECES or len(set(pieces)) < len(pieces):
                        raise _damaged("a header without an end")
                yield kind, flags, at, size
                at += size
            number += 1


def _damaged(found: str) -> DamagedFileError:
    return DamagedFileError(
        "The texts in the HDF5 part of the file are damaged.",
        expected="texts that follow each other",
        found=found,
        remedy="Copy the file again from where it came from; it may not have been written whole.",
    )
