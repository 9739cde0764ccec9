"""Texts of variable length in HDF5 files: whole ones are read, however they are kept."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import handmade
import pytest

from keras_weld.errors import DamagedFileError, LimitError, UnsafeFileError
from keras_weld.io.hdf5 import open_hdf5
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model

LONG = "ä" * 30_000


def make(path: Path | io.BytesIO, fill: Callable[[h5py.File], object], **options: object) -> None:
    with h5py.File(path, "w", **options) as file:
        fill(file)


def texts(file: h5py.File) -> None:
    group = file.create_group("a/b")
    group.attrs["name"] = "dense"
    group.attrs["nothing"] = ""
    group.attrs.create("names", ["x", "", LONG, "y"], dtype=h5py.string_dtype())
    group.attrs["same"] = "first"
    group.attrs["same"] = "second, which is longer"
    group.attrs["ends in name"] = "other"
    for number in range(20):
        group.attrs[f"number_{number}"] = number
        file.attrs[f"text_{number}"] = f"text {number} " * 100


@pytest.mark.parametrize(
    "options",
    [{}, {"libver": "latest"}, {"libver": "v108"}, {"userblock_size": 1024}, {"track_order": True}],
    ids=str,
)
@pytest.mark.parametrize("in_memory", [False, True], ids=["file", "memory"])
def test_whole_texts_are_read(tmp_path: Path, options: dict[str, object], in_memory: bool) -> None:
    path = tmp_path / "m.h5"
    make(path, texts, **options)
    source = io.BytesIO(path.read_bytes()) if in_memory else None
    content = open_hdf5(path, Limits(), source=source, start=-1 if in_memory else 0)
    try:
        assert content.attribute("a/b", "name") == "dense"
        assert content.attribute("a/b", "nothing") == ""
        assert content.attribute("a/b", "names") == ["x", "", LONG, "y"]
        assert content.attribute("a/b", "same") == "second, which is longer"
        assert content.attribute("a/b", "number_7") == 7
        assert content.attribute("a/b", "none") is None
        assert content.texts("", "text_") == [f"text {number} " * 100 for number in range(20)]
    finally:
        content.close()


def test_the_limit_is_on_the_texts_and_not_on_the_file(tmp_path: Path) -> None:
    """Many texts in a large file are no reason to refuse it."""

    def fill(file: h5py.File) -> None:
        file.create_dataset("values", data=[0.0] * 100_000)
        file.attrs.create("names", ["x" * 100] * 50, dtype=h5py.string_dtype())

    make(tmp_path / "m.h5", fill)
    content = open_hdf5(tmp_path / "m.h5", Limits(attribute_bytes=5000))
    assert content.attribute("", "names") == ["x" * 100] * 50
    content.close()
    content = open_hdf5(tmp_path / "m.h5", Limits(attribute_bytes=4999))
    with pytest.raises(LimitError, match="limit `attribute_bytes`") as caught:
        content.attribute("", "names")
    assert caught.value.found == "5,000"
    content.close()


def named(path: Path, more: int, **options: object) -> bytearray:
    def fill(file: h5py.File) -> None:
        for number in range(more):
            file.attrs[f"more_{number}"] = number
        file.attrs["name"] = "x" * 77

    make(path, fill, **options)
    return bytearray(path.read_bytes())


def refused(path: Path, data: bytes) -> str | None:
    path.write_bytes(data)
    content = open_hdf5(path, Limits())
    with pytest.raises(DamagedFileError) as caught:
        content.attribute("", "name")
    content.close()
    assert caught.value.problem == "The texts in the HDF5 part of the file are damaged."
    return caught.value.found


@pytest.mark.parametrize("more", [0, 20])
@pytest.mark.parametrize("length", [78, 5000, 1 << 31, (1 << 32) - 1])
def test_every_longer_length_is_refused(tmp_path: Path, more: int, length: int) -> None:
    data = named(tmp_path / "m.h5", more)
    at = data.index(struct.pack("<IQ", 77, data.index(b"GCOL")))
    struct.pack_into("<I", data, at, length)
    assert refused(tmp_path / "m.h5", data) == f"{length:,} bytes where 77 are kept"


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("more", [0, 20])
def test_a_heap_that_keeps_less_is_refused(tmp_path: Path, libver: str, more: int) -> None:
    """Newer headers have checksums, so a person would have to mean it; heaps have none."""
    data = named(tmp_path / "m.h5", more, libver=libver)
    struct.pack_into("<Q", data, data.index(b"x" * 77) - 8, 7)
    assert refused(tmp_path / "m.h5", data) == "77 bytes where 7 are kept"


@pytest.mark.parametrize("place", [1 << 62, 1 << 63, (1 << 64) - 1])
def test_a_heap_that_is_nowhere_is_refused(tmp_path: Path, place: int) -> None:
    data = named(tmp_path / "m.h5", 0)
    struct.pack_into("<Q", data, data.index(struct.pack("<IQ", 77, data.index(b"GCOL"))) + 4, place)
    assert refused(tmp_path / "m.h5", data) == "a place outside the file"


@pytest.mark.parametrize("in_archive", [False, True])
def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path, in_archive: bool) -> None:
    path = tmp_path / ("m.keras" if in_archive else "m.weights.h5")
    if in_archive:
        handmade.make_keras(path, handmade.tensors())
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["model.weights.h5"] = members["model.weights.h5"].replace(b"dense_1\0", b"dens\xe9_1\0")
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        handmade.make_weights(path, handmade.tensors())
        path.write_bytes(path.read_bytes().replace(b"dense_1\0", b"dens\xe9_1\0"))
    with pytest.raises(DamagedFileError) as caught:
        open_model(path)
    assert caught.value.problem == "The name of a group or tensor is damaged."
    assert caught.value.found == r"'dens\xe9_1'"


def test_a_layers_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.weights.h5"
    handmade.make_weights(path, handmade.tensors())
    with h5py.File(path, "r+") as file:
        file["layers/dense/vars"].attrs["name"] = b"caf\xe9"
    with pytest.raises(DamagedFileError) as caught:
        open_model(path)
    assert caught.value.problem == "The attribute 'name' is damaged."
    assert caught.value.found == r"'caf\xe9'"
    assert caught.value.file == str(path)


def test_a_header_that_goes_in_circles_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"

    def fill(file: h5py.File) -> None:
        for number in range(6):
            file.attrs[f"text_{number}"] = "x" * 77

    make(path, fill)
    content = open_hdf5(path, Limits())
    data = bytearray(path.read_bytes())
    at = 96
    messages = []
    while at < 96 + 16 + struct.unpack_from("<I", data, 96 + 8)[0]:
        start = at + 16 if at == 96 else at
        kind, size = struct.unpack_from("<HH", data, start)
        messages.append((kind, start + 8))
        at = start + 8 + size
    place = next(place for kind, place in messages if kind == 0x10)
    begin = struct.unpack_from("<Q", data, place)[0]
    struct.pack_into("<HHB3x", data, begin, 0x10, 16, 0)
    struct.pack_into("<QQ", data, begin + 8, *struct.unpack_from("<QQ", data, place))
    with pytest.raises(DamagedFileError, match="damaged") as caught:
        content.heap_texts.__class__(lambda: memoryview(bytes(data)), 0).size(96, "text_5", 1)
    assert caught.value.found == "a header without an end"
    content.close()


def test_an_attribute_that_is_not_found_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    make(path, lambda file: file.attrs.update(name="dense"))
    content = open_hdf5(path, Limits())
    with pytest.raises(UnsafeFileError, match="kept in a way that Keras does not use"):
        content.heap_texts.size(96, "other", 1)
    content.close()
