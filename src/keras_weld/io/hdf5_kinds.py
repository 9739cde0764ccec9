"""What HDF5 files of Keras say, byte for byte: signatures, sizes, and the dtypes as h5py describes them.

Constants alone. The reader and the writer of structures share them and nothing else, so that each tests the other.
"""

from __future__ import annotations

import numpy as np

from keras_weld.core.dtypes import Dtype

NOWHERE = (1 << 64) - 1
"""The address of what is not there."""

BEGIN = b"\x89HDF\r\n\x1a\n" + bytes.fromhex("00000000 00080800 0400 1000 00000000")
"""A file's first bytes: the oldest versions, addresses of 8 bytes, and how many links a node of each kind holds."""

LEAF_LINKS, NODE_CHILDREN = 8, 32  # twice the 4 and the 16 that stand in BEGIN
LINK_SIZE = 40
LEAF_SIZE = 8 + LEAF_LINKS * LINK_SIZE
NODE_SIZE = 24 + NODE_CHILDREN * 16 + 8
HEAP_SIZE = 32
NO_FREE_ROOM = 1

NIL, SPACE, TYPE, FILL, LAYOUT, ATTRIBUTE, CONTINUED, LINKS, MODIFIED = 0, 1, 3, 5, 8, 0x0C, 0x10, 0x11, 0x12
"""Kinds of messages in an object's header."""

SCALAR = bytes([1]) + bytes(7)
"""The space of one value."""

_FLOATS = {
    "float16": "11200f00 02000000 00001000 0a05000a 0f000000 00000000",
    "float32": "11201f00 04000000 00002000 17080017 7f000000 00000000",
    "float64": "11203f00 08000000 00004000 340b0034 ff030000 00000000",
}


def _integer(size: int, signed: bool) -> bytes:
    return bytes([0x10, 8 * signed, 0, 0, size, 0, 0, 0, 0, 0, size * 8, 0, 0, 0, 0, 0])


def _complex(size: int, part: bytes) -> bytes:
    real, imaginary = b"r".ljust(8, b"\0") + bytes(32), b"i".ljust(8, b"\0") + bytes([size // 2]).ljust(32, b"\0")
    return bytes([0x16, 2, 0, 0, size, 0, 0, 0]) + real + part + imaginary + part


def _types() -> dict[str, bytes]:
    found = {name: bytes.fromhex(text) for name, text in _FLOATS.items()}
    for bits in (8, 16, 32, 64):
        found[f"int{bits}"], found[f"uint{bits}"] = _integer(bits // 8, True), _integer(bits // 8, False)
    for bits in (64, 128):
        found[f"complex{bits}"] = _complex(bits // 8, found[f"float{bits // 2}"][:20])
    found["bool"] = bytes.fromhex(
        "18020000 01000000 10080000 01000000 00000800 46414c53 45000000 54525545 00000000 00010000"
    )
    found["V1"], found["V2"] = bytes.fromhex("15000000 01000000"), bytes.fromhex("15000000 02000000")
    return found


TYPES: dict[str, bytes] = _types()
"""The message that describes a dtype, by the dtype's name; V2 also stands for bfloat16."""

DTYPES: dict[bytes, Dtype] = {message: np.dtype(name) for name, message in TYPES.items()}

UTF8 = bytes.fromhex("19010100 10000000 10000000 01000000 00000800 00000000")
ASCII = bytes.fromhex("19010000 10000000 10000000 01000000 00000800 00000000")
"""Texts of variable length."""

FIXED_TEXT = 0x13
TEXTS_SIZE = 4096  # at least, of a heap of texts
