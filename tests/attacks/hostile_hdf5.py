"""HDF5 files that point elsewhere, or declare what they do not hold."""

from __future__ import annotations

import io
import struct
import zlib

import h5py
import numpy as np
from h5py import h5d, h5g, h5p, h5s, h5t
from honest import fill, hdf5, keras, legacy

GB = 1 << 30
MB = 1 << 20


def weights(build):
    """Makes a `.weights.h5` that is honest but for what `build(file, vars)` adds."""

    def make(path):
        with h5py.File(path, "w") as file:
            fill(file)
            build(file, file["layers/dense/vars"])

    return make


def in_archive(build):
    """The same inside a `.keras` file."""

    def both(file):
        fill(file)
        build(file, file["layers/dense/vars"])

    return lambda path: keras(path, weights=hdf5(both))


def soft_link(file, there):
    there["2"] = h5py.SoftLink("/layers/dense/vars/0")


def dangling_link(file, there):
    there["2"] = h5py.SoftLink("/nowhere")


def external_link(file, there):
    there["2"] = h5py.ExternalLink("/etc/other.h5", "/secret")


def external_storage(file, there):
    there.create_dataset("2", (64,), "u1", external=[("/etc/passwd", 0, 64)])


def empty_groups(file, there):
    for number in range(30_001):
        h5g.create(file.id, b"x%d" % number)


def virtual(file, there):
    layout = h5py.VirtualLayout((64,), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "secret", (64,))
    there.create_virtual_dataset("2", layout)


def cycle(file, there):
    there["again"] = file["layers"]


def cycle_to_root(file, there):
    there["again"] = file["/"]


def same_dataset_often(file, there):
    there["2"] = np.zeros(MB, np.uint8)
    for number in range(3, 2000):
        there[str(number)] = there["2"]


def declared_only(file, there):
    """1 GiB that is declared and never written, in a file of a few KB."""
    layout = h5p.create(h5p.DATASET_CREATE)
    layout.set_alloc_time(h5d.ALLOC_TIME_LATE)
    space = h5s.create_simple((GB // 4,))
    h5d.create(there.id, b"2", h5t.IEEE_F32LE, space, layout)


def declared_without_chunks(file, there):
    there.create_dataset("2", (GB // 4,), "f4", chunks=(MB,))


def gzip_bomb(file, there):
    made = there.create_dataset("2", (GB,), "u1", chunks=(MB,), compression="gzip")
    piece = zlib.compress(bytes(MB), 9)
    for number in range(GB // MB):
        made.id.write_direct_chunk((number * MB,), piece)


def gzip_bomb_with_one_chunk(file, there):
    made = there.create_dataset("2", (GB,), "u1", chunks=(MB,), compression="gzip")
    made.id.write_direct_chunk((0,), zlib.compress(np.random.default_rng(0).bytes(MB)))


def many_small_gzip_bombs(file, there):
    """No tensor above a megabyte, and yet 600 of them out of as many kilobytes."""
    piece = zlib.compress(bytes(MB), 9)
    for number in range(2, 602):
        made = there.create_dataset(str(number), (MB,), "u1", chunks=(MB,), compression="gzip")
        made.id.write_direct_chunk((0,), piece)


def unknown_filter(file, there):
    layout = h5p.create(h5p.DATASET_CREATE)
    layout.set_chunk((64,))
    layout.set_filter(32013, 1, (0,))  # 1 = optional, so that HDF5 lets it be written without the plug-in
    h5d.create(there.id, b"2", h5t.IEEE_F32LE, h5s.create_simple((64,)), layout)


def texts(file, there):
    there.create_dataset("2", data=np.array(["x" * 100] * 9, object), dtype=h5py.string_dtype())


def references(file, there):
    there.create_dataset("2", data=np.array([file.ref], object), dtype=h5py.ref_dtype)


def compound(file, there):
    there["2"] = np.zeros(9, [("a", "f4"), ("b", "i4")])


def stored_type(file, there):
    file["type"] = np.dtype("f4")


def deep(file, there):
    group = file
    for _ in range(2000):
        group = group.create_group("g")


def overlapping(path):
    """Fifty tensors of which each lies where the first one lies: all bytes are there, but only once."""

    def build(file):
        fill(file)
        there = file["layers/dense/vars"]
        there["first"] = np.zeros(MB, np.uint8)
        layout = h5p.create(h5p.DATASET_CREATE)
        layout.set_alloc_time(h5d.ALLOC_TIME_LATE)
        for number in range(50):
            h5d.create(there.id, b"x%d" % number, h5t.STD_U8LE, h5s.create_simple((MB,)), layout)

    data = hdf5(build)
    with h5py.File(io.BytesIO(data), "r") as file:
        place = file["layers/dense/vars/first"].id.get_offset()
    nowhere, size = b"\xff" * 8, struct.pack("<Q", MB)
    assert data.count(nowhere + size) == 50
    path.write_bytes(data.replace(nowhere + size, struct.pack("<Q", place) + size))


def huge_attribute(path):
    def build(file):
        text = b"dense/kernel:0".ljust(1 << 16)
        names = np.array([text] * 600)  # beyond 64 KB it is kept apart, as h5py does where asked to
        file["model_weights"].attrs.create("layer_names", names)

    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["model_config"] = "{}"
        file.create_group("model_weights")
        build(file)


def heap_amplification(path):
    """3,000 names in an attribute, all of which are one text of a megabyte."""
    long, short = "x" * MB, "abc"

    def build(file):
        names = np.array([long] + [short] * 2999, object)
        file["model_weights"].attrs.create("layer_names", names, dtype=h5py.string_dtype())

    legacy(path, build=build)
    data = bytearray(path.read_bytes())
    at = data.find(struct.pack("<I", MB), 0)
    while data[at + 16 : at + 20] != struct.pack("<I", len(short)):
        at = data.find(struct.pack("<I", MB), at + 1)
        assert at > 0
    data[at : at + 16 * 3000] = data[at : at + 16] * 3000
    path.write_bytes(data)


def long_text(heap=None):
    """Makes a file in which one byte is changed: a text of a few bytes is now said to have gigabytes.

    Args:
        heap: the address where the text is said to be, if not where it is.
    """

    def make(path):
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = "{}".ljust(77)
        _declare_more(path, 77, heap)

    return make


def long_name_of_a_dtype(path):
    with h5py.File(path, "w") as file:
        fill(file)
        there = file["layers/dense/vars"]
        there["2"] = np.zeros(3, "V2")
        there["2"].attrs["dtype"] = "bfloat16".ljust(77)
    _declare_more(path, 77, None)


def _declare_more(path, length, heap):
    data = bytearray(path.read_bytes())
    place = data.index(b"GCOL")
    at = data.index(struct.pack("<IQ", length, place))
    data[at + 3] = 0x9C
    if heap is not None:
        data[at + 4 : at + 12] = struct.pack("<Q", heap)
    path.write_bytes(data)


def name_that_is_no_text(file, there):
    h5py.h5g.create(there.id, b"caf\xe9")


def cut(path):
    legacy(path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def cut_in_archive(path):
    keras(path, weights=hdf5()[:1500])


def empty(path):
    path.write_bytes(b"")
