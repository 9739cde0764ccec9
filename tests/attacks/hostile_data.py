"""Data files that declare what they do not hold."""

from __future__ import annotations

import struct
import zipfile
import zlib

import numpy as np

GB = 1 << 30


def header(shape, dtype="<f4"):
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def declared(path, method=zipfile.ZIP_STORED):
    """An array of 8 GB in a file of a few hundred bytes."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x.npy", header((2 * GB,)))
        archive.writestr("y.npy", header((4,)) + bytes(16))


def declared_packed(path):
    declared(path, zipfile.ZIP_DEFLATED)


def bomb(path):
    """1.5 GB of zeros out of 1.5 MB; one deflated piece, again and again, so that making it is quick."""
    pieces, size = 96, 1 << 24
    start = header((pieces * size // 4,))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = packer.compress(start) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(size)) + packer.flush(zlib.Z_FULL_FLUSH)
    data = first + piece * pieces + packer.flush()
    said = (0, 33, 0, len(data), len(start) + pieces * size, 5)  # the checksum would be looked at last
    local = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, *said, 0) + b"x.npy"
    central = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, *said, 0, 0, 0, 0, 0, 0) + b"x.npy"
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local) + len(data), 0)
    path.write_bytes(local + data + central + end)


def pickled(path):
    np.savez(path, x=np.array([{"a": 1}], object), y=np.zeros(1))
