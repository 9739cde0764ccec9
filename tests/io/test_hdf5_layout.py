"""HDF5 files that are written without h5py: h5py reads and extends them, and our own reader finds the same."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import handmade
import ml_dtypes
import numpy as np
import pytest
from both_readers import require_same, with_h5py, with_our_own

from keras_weld.errors import WriteError
from keras_weld.io.hdf5_writer import Hdf5Sink, Slot
from keras_weld.io.limits import UNLIMITED

DTYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?", "c8", "c16", "V1", "S1", "S9"]
Values = Mapping[str, np.ndarray[Any, Any]]


def write(folder: Path, values: Values, owner: str = "", texts: Mapping[str, str] | None = None) -> bytes:
    slots = [Slot(path, value.shape, value.dtype, owner) for path, value in values.items()]
    return write_slots(folder, slots, values, texts)


def write_slots(
    folder: Path, slots: Sequence[Slot], values: Values | None = None, texts: Mapping[str, str] | None = None
) -> bytes:
    place = folder / "written.h5"
    with place.open("w+b", buffering=0) as file:
        sink = Hdf5Sink(file, 0, slots, texts)
        for path, value in (values or {}).items():
            sink.put(path, 0, value)
    return place.read_bytes()


def check(data: bytes, attributes: tuple[str, ...] = ("name",)) -> None:
    ours = with_our_own(data, UNLIMITED)
    assert ours is not None
    require_same(ours, with_h5py(data, UNLIMITED), attributes)


def every_dtype() -> Values:
    rng = np.random.default_rng(3)
    values = {}
    for number, dtype in enumerate(DTYPES):
        for shape in ((), (7,), (0, 4), (3, 1, 2)):
            size = int(np.prod(shape)) * np.dtype(dtype).itemsize
            raw = rng.integers(0, 2, size, np.uint8)
            values[f"layers/of_{number}/vars/{len(shape)}"] = raw.view(dtype).reshape(shape)
    values["layers/brain/vars/0"] = np.arange(5).astype(ml_dtypes.bfloat16)
    values["layers/brain/vars/1"] = np.zeros((40, 50), "f4")
    return values


def test_h5py_reads_every_dtype(tmp_path: Path) -> None:
    values = every_dtype()
    data = write(tmp_path, values, "größe")
    check(data, ("name", "dtype"))
    with h5py.File(io.BytesIO(data)) as content:
        for path, value in values.items():
            there = content[path]
            assert there.parent.attrs["name"] == "größe"
            if value.dtype == ml_dtypes.bfloat16:
                assert there.attrs["dtype"] == "bfloat16"
                value = value.view("V2")
            assert (there.shape, there.dtype) == (value.shape, value.dtype)
            assert there[()].tobytes() == value.tobytes()


@pytest.mark.parametrize("count", [0, 1, 8, 9, 256, 257, 5000])
def test_groups_of_any_size(tmp_path: Path, count: int) -> None:
    values = {f"layers/dense_{number}/vars/0": np.array([number], "i4") for number in range(count)}
    changed = io.BytesIO(write(tmp_path, values))
    check(changed.getvalue())
    names = {f"dense_{number}" for number in range(count)}
    with h5py.File(changed, "r+") as content:
        assert set(content.get("layers", {})) == names
        for number in range(0, count, 7):
            assert content[f"layers/dense_{number}/vars/0"][0] == number
        # The trees and heaps are such that h5py can go on with them.
        for number in range(100):
            content[f"layers/a{number}/vars/0"] = np.ones(3)
            content[f"layers/z{number}"] = 1.0
        content["layers"].attrs["name"] = "x" * 300
        content["layers/a0"].attrs["more"] = np.arange(1000)
        for name in list(names)[::3]:
            del content[f"layers/{name}"]
            names.remove(name)
    names |= {f"{letter}{number}" for letter in "az" for number in range(100)}
    with h5py.File(changed, "r+") as content:
        assert set(content["layers"]) == names
    check(changed.getvalue())


def test_texts_of_any_length(tmp_path: Path) -> None:
    texts = {f"text{number}": "ä" * number for number in [*range(300), 16_000, 32_000, 100_000]}
    data = write(tmp_path, handmade.tensors(), "dense", texts)
    check(data, ("name", *texts))
    with h5py.File(io.BytesIO(data), "r+") as content:
        assert dict(content.attrs) == texts
        content.attrs["text5"] = "another"
        content.attrs["more"] = "x" * 5000
        del content.attrs["text32000"]
        assert len(content.attrs) == len(texts)


def test_tensors_in_the_order_in_which_they_are_given(tmp_path: Path) -> None:
    paths = [f"layers/{name}/vars/{number}" for name in ["zebra", "ape", "mole"] for number in (1, 0)]
    data = write(tmp_path, {path: np.zeros(3) for path in paths})
    found = with_our_own(data)
    assert found is not None
    assert sorted(found.datasets, key=lambda path: found.datasets[path].made) == paths


def test_large_tensors_begin_where_a_processor_likes_it(tmp_path: Path) -> None:
    values = {f"vars/{number}": np.zeros(1000 + number * 17, "f4") for number in range(9)}
    values |= {f"small/{number}": np.zeros(number + 1, "u1") for number in range(9)}
    with h5py.File(io.BytesIO(write(tmp_path, values))) as content:
        for path, value in values.items():
            assert content[path].id.get_offset() % (64 if value.nbytes >= 4096 else 8) == 0


F4 = np.dtype("f4")


@pytest.mark.parametrize(
    ("slots", "says"),
    [
        ([Slot("a/0", (1,), F4), Slot("a/0", (1,), F4)], "Two tensors are to be kept in one place"),
        ([Slot("a/0", (1,), F4), Slot("a/0/1", (1,), F4)], "Two tensors are to be kept in one place"),
        ([Slot("a/0/1", (1,), F4), Slot("a/0", (1,), F4)], "Two tensors are to be kept in one place"),
        ([Slot("a//0", (1,), F4)], "a part that is no name"),
        ([Slot("a/v.", (1,), F4)], "a part that is no name"),
        ([Slot("a/\0", (1,), F4)], "a part that is no name"),
        ([Slot("a/\ud800", (1,), F4)], "is not text"),
        ([Slot("a/0", (1,) * 33, F4)], "too many sides"),
        ([Slot("a/0", (1,), np.dtype("M8[s]"))], "a dtype that is not written"),
        ([Slot("a/0", (1,), F4, "de\0nse")], "cannot be kept in HDF5"),
        ([Slot("a/0", (1,), F4, "de\ud800nse")], "cannot be kept in HDF5"),
    ],
)
def test_what_hdf5_cannot_keep_is_refused(tmp_path: Path, slots: list[Slot], says: str) -> None:
    with pytest.raises(WriteError, match=says):
        write_slots(tmp_path, slots)


def test_an_output_that_cannot_be_read_again_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even if h5py could read it."""
    from keras_weld.io import hdf5_layout
    from keras_weld.io.write import open_sink

    monkeypatch.setattr(hdf5_layout, "_FILL", bytes.fromhex("02 02 02 00 00000000"))
    for name in ("m.keras", "m.weights.h5", "m.weights.json"):
        with (
            pytest.raises(WriteError, match="cannot be read; it was not kept"),
            open_sink(tmp_path / name, [Slot("a/0", (1,), F4)], config=handmade.config()) as sink,
        ):
            sink.put("a/0", 0, np.ones(1, "f4"))
    assert not list(tmp_path.iterdir())


AVERAGED = """
import sys
import keras_weld.recipes.average as module
assert "h5py" not in sys.modules, "imported with the recipe"
done = module.average(sys.argv[2:], sys.argv[1])
print(done.averaged, "h5py" in sys.modules)
"""


@pytest.mark.parametrize("name", ["mean.keras", "mean.weights.h5", "mean.weights.json"])
def test_averaging_needs_no_h5py(tmp_path: Path, name: str, run_python: Callable[..., Any]) -> None:
    files = [handmade.make_keras(tmp_path / f"{seed}.keras", handmade.tensors(seed)) for seed in range(3)]
    done = run_python(AVERAGED, tmp_path / name, *files, backend="none")
    assert done.stdout.split() == ["8", "False"]
