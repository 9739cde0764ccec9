"""Our own reader of HDF5 structure: it tells what h5py tells, or leaves the file to h5py."""

from __future__ import annotations

import io
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import handmade
import ml_dtypes
import numpy as np
import pytest
from both_readers import attribute, require_same, with_h5py, with_our_own

from keras_weld.errors import WriteError
from keras_weld.io import hdf5, hdf5_plain_texts
from keras_weld.io.guard import scan_file
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", "c16", "V1", "S1", "S9"]
NAMES = ("name", "dtype", "lineage0", "fixed", "empty", "number", "text_3", "text_7")
File = h5py.File


def make(fill: Callable[[File], object], **options: Any) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w", **options) as file:
        fill(file)
    return buffer.getvalue()


def of_every_dtype(file: File) -> None:
    group = file.create_group("layers/dense/vars")
    group.attrs["name"] = "größe"
    for number, dtype in enumerate(DTYPES):
        group[str(number)] = np.zeros((3, 2), dtype)
        file[f"scalars/{number}"] = np.zeros((), dtype)
        file[f"empty/{number}"] = np.zeros((0, 4), dtype)
    flagged = group.create_dataset("bfloat16", data=np.zeros(3, ml_dtypes.bfloat16).view("V2"))
    flagged.attrs["dtype"] = "bfloat16"
    file.attrs["lineage0"], file.attrs["fixed"] = "x" * 3000, np.bytes_(b"abc")
    file.attrs["empty"], file.attrs["number"] = "", 3


def many_groups(file: File) -> None:
    for number in range(1500):
        file.create_group(f"layers/dense_{number}")


def changed_often(file: File) -> None:
    group = file.create_group("vars")
    for number in range(60):
        group[str(number)] = np.zeros(number, "i4")
    for number in range(0, 60, 3):
        del group[str(number)]
    for number in range(20):
        group.attrs[f"text_{number}"] = "y" * number
    file.create_group("emptied")["x"] = 1.0
    del file["emptied/x"]


HONEST = [of_every_dtype, many_groups, changed_often]


@pytest.mark.parametrize("fill", HONEST)
def test_it_tells_what_h5py_tells(fill: Callable[[File], object]) -> None:
    data = make(fill)
    ours = with_our_own(data)
    assert ours is not None
    require_same(ours, with_h5py(data), NAMES)
    assert ours._handle is None or fill is of_every_dtype  # for the number


def _soft_link(file: File) -> None:
    file["vars/1"] = h5py.SoftLink("/vars/0")


def _twice(file: File) -> None:
    file["again"] = file["vars/0"]


def _compact(file: File) -> None:
    layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    layout.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((3,)), layout)


def _declared(file: File) -> None:
    file.create_dataset("x", (30,), "f4")  # and never written


def _dot(file: File) -> None:
    file.create_group("layer.")  # which HDF5 does not find again


LEFT_TO_H5PY: dict[str, Callable[[File], object]] = {
    "a soft link": _soft_link,
    "an object in two places": _twice,
    "values in the header": _compact,
    "values that are nowhere": _declared,
    "a name with a dot at its end": _dot,
    "chunks": lambda file: file.create_dataset("x", data=np.zeros(30), chunks=(10,)),
    "another byte order": lambda file: file.create_dataset("x", data=np.zeros(3, ">f4")),
    "texts of any length": lambda file: file.create_dataset("x", data=["a", "bc"]),
    "a fill value": lambda file: file.create_dataset("x", data=np.zeros(3), fillvalue=3.0),
    "a stored type": lambda file: file.__setitem__("x", np.dtype("f4")),
    "a larger tensor than the limit": lambda file: file.create_dataset("x", data=np.zeros(2000)),
    "deep groups": lambda file: file.create_group("a/b/c/d/e/f/g"),
    "many objects": lambda file: [file.create_group(str(number)) for number in range(60)],
}


@pytest.mark.parametrize("what", list(LEFT_TO_H5PY))
def test_what_it_does_not_know_is_left_to_h5py(what: str) -> None:
    def fill(file: File) -> None:
        file["vars/0"] = np.zeros(3)
        LEFT_TO_H5PY[what](file)

    limits = Limits(tensor_bytes=8000, depth=5, objects=50)
    assert with_our_own(make(lambda file: file.create_dataset("vars/0", data=np.zeros(3))), limits) is not None
    assert with_our_own(make(fill), limits) is None


@pytest.mark.parametrize(
    "options", [{"libver": "latest"}, {"libver": "v108"}, {"userblock_size": 512}, {"track_order": True}], ids=str
)
def test_other_versions_are_left_to_h5py(options: dict[str, Any]) -> None:
    assert with_our_own(make(of_every_dtype, **options)) is None


def test_a_file_that_is_cut_or_has_a_tail() -> None:
    data = make(of_every_dtype)
    for size in range(0, len(data), 97):
        assert with_our_own(data[:size]) is None
    longer = data + b"tail"
    ours = with_our_own(longer)
    assert ours is not None
    require_same(ours, with_h5py(longer))


def _mutated(data: bytes, rng: random.Random) -> bytes:
    """With a few bytes changed, most of them in what describes something."""
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(changed))
        while changed[at] == 0 and rng.random() < 0.97:
            at = rng.randrange(len(changed))
        how = rng.randrange(4)
        if how == 0:
            changed[at] = rng.randrange(256)
        elif how == 1:
            changed[at] ^= 1 << rng.randrange(8)
        elif how == 2:
            width = rng.choice([1, 2, 4, 8, 16, 40])
            source = rng.randrange(len(changed) - width)
            changed[at : at + width] = changed[source : source + width]
        else:
            numbers = [0, 1, 8, 24, len(changed), len(changed) - 8, 1 << 32, 1 << 63, (1 << 64) - 1]
            struct.pack_into("<Q", changed, min(at, len(changed) - 8), rng.choice(numbers))
    return bytes(changed)


def require_same_texts(ours: hdf5.Hdf5, theirs: hdf5.Hdf5, group: str) -> None:
    assert ours.plain_texts is not None
    for name in NAMES:
        text = ours.plain_texts.get(group, name, ours.limits)
        if text is not hdf5_plain_texts.OTHER:
            assert text == attribute(theirs, group, name), (group, name)


def _few_groups(file: File) -> None:
    for number in range(300):
        file.create_group(f"layers/dense_{number}")


@pytest.mark.parametrize("fill", [of_every_dtype, _few_groups, changed_often])
def test_whatever_is_changed_it_accepts_nothing_that_h5py_refuses(fill: Callable[[File], object]) -> None:
    rng = random.Random(7)
    data = make(fill)
    accepted = 0
    for _ in range(1200):
        changed = _mutated(data, rng)
        ours = with_our_own(changed)
        if ours is not None:
            accepted += 1
            theirs = with_h5py(changed)
            require_same(ours, theirs)
            for group in ["", *ours.groups[-5:]]:
                require_same_texts(ours, theirs, group)
    assert accepted > 50


def test_attributes_that_are_no_plain_texts_are_left_to_h5py() -> None:
    def fill(file: File) -> None:
        file.attrs["many"] = ["a", "b"]
        file.attrs["name"] = "x"
        for name, value in {"number": 3, "bytes": np.bytes_(b"a\xff"), "long": "x" * 50}.items():
            file.create_group(name).attrs["name"] = value

    data = make(fill)
    limits = Limits(attribute_bytes=40)
    ours = with_our_own(data, limits)
    assert ours is not None
    assert ours.plain_texts is not None
    for group in ("", "number", "bytes", "long"):
        assert ours.plain_texts.get(group, "name", limits) is hdf5_plain_texts.OTHER
        assert attribute(ours, group, "name") == attribute(with_h5py(data, limits), group, "name")
    assert ours.plain_texts.get("number", "other", limits) is None


def test_a_file_that_keras_will_load_is_looked_through_with_h5py(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise AssertionError

    monkeypatch.setattr(hdf5, "parse", refuse)
    handmade.make_keras(tmp_path / "m.keras", handmade.tensors())
    handmade.make_weights(tmp_path / "m.weights.h5", handmade.tensors())
    handmade.make_shards(tmp_path / "m.weights.json", handmade.tensors())
    handmade.make_legacy(tmp_path / "m.h5", handmade.tensors())
    for name in ("m.keras", "m.weights.h5", "m.weights.json", "m.h5"):
        scan_file(tmp_path / name).close()
        with pytest.raises(AssertionError):
            open_model(tmp_path / name)


def test_our_own_reader_alone_does_not_fall_back(tmp_path: Path) -> None:
    handmade.make_weights(tmp_path / "m.weights.h5", handmade.tensors(), chunks=True)
    hdf5.open_hdf5(tmp_path / "m.weights.h5", Limits()).close()
    with pytest.raises(WriteError, match="cannot be read; it was not kept"):
        hdf5.open_hdf5(tmp_path / "m.weights.h5", Limits(), reader=Reader.OWN)


OPENED = """
import sys
from keras_weld.io.read import open_model
with open_model(sys.argv[1]) as state:
    names = [tensor.spec.name for tensor in state.values() if tensor.read() is not None]
print(len(names), "h5py" in sys.modules)
"""


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.weights.json"])
def test_opening_needs_no_h5py(tmp_path: Path, name: str, run_python: Callable[..., Any]) -> None:
    make_file = {".keras": handmade.make_keras, ".h5": handmade.make_weights, ".json": handmade.make_shards}
    make_file[Path(name).suffix](tmp_path / name, handmade.tensors())
    assert run_python(OPENED, tmp_path / name, backend="none").stdout.split() == ["8", "False"]
