"""The heaps in which an HDF5 file keeps texts of variable length: checked, since a damaged one hangs HDF5.

HDF5 goes through a heap object by object. One of size 0 is its end to no avail: the library stays there for ever
(seen with 1.14 and 2.0), and cannot be interrupted.
"""

from __future__ import annotations

import re
import struct

from keras_weld.core.state import Array
from keras_weld.errors import DamagedFileError

_MAGIC = b"GCOL"
_HEAP = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HH4xQ")


def check_heaps(data: bytes | Array) -> None:
    """Go through every heap in `data`, as HDF5 would.

    Args:
        data: the bytes of a file that are not values of tensors, or a part of them.

    Raises:
        DamagedFileError: if HDF5 would not come to the end of one.
    """
    view = memoryview(data if isinstance(data, bytes) else data.data)
    for found in re.finditer(_MAGIC, view):
        if not _ends(view, found.start()):
            raise DamagedFileError(
                "The texts in the HDF5 part of the file are damaged.",
                expected="texts that follow each other",
                found="one without an end",
                remedy="Copy the file again from where it came from; it may not have been written whole.",
            )


def _ends(data: memoryview, place: int) -> bool:
    if place + _HEAP.size > len(data):
        return True  # HDF5 refuses it
    end = place + _HEAP.unpack_from(data, place)[2]
    at = place + _HEAP.size
    while at + _OBJECT.size <= min(end, len(data)):
        number, _, size = _OBJECT.unpack_from(data, at)
        taken = size if number == 0 else _OBJECT.size + (size + 7) // 8 * 8
        if taken == 0:
            return False
        at += taken
    return True
