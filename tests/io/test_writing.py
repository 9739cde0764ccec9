"""What is written: the bytes, as others read them."""

from __future__ import annotations

import io
import json
import shutil
import struct
import subprocess
import time
import zipfile
from pathlib import Path
from typing import Any

import h5py
import handmade
import ml_dtypes
import numpy as np
import pytest

from keras_weld.errors import UsageError
from keras_weld.io import zip_writer
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.kinds import Kind
from keras_weld.io.read import open_model
from keras_weld.io.write import open_sink, written_kind
from keras_weld.io.zip_writer import ZipWriter

NAMES = ["m.keras", "m.weights.h5", "m.weights.json"]
ASSETS = {"layers/text/vocabulary.txt": "ä\nb\n".encode(), "empty": b""}


def every_kind_of_tensor() -> handmade.Tensors:
    rng = np.random.default_rng(5)
    dtypes = ["float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool", ml_dtypes.bfloat16]
    values = {f"layers/dense/vars/{n}": rng.uniform(0, 2, (70, 30)).astype(d) for n, d in enumerate(dtypes)}
    values["layers/scalar/vars/0"] = np.array(2.5, "float32")
    values["layers/scalar/vars/1"] = np.array(3, ml_dtypes.bfloat16)
    values["layers/empty/vars/0"] = np.ones((0, 4), "float32")
    return values


def write(path: Path, values: handmade.Tensors, owner: str = "", **options: Any) -> Path:
    slots = [Slot(place, value.shape, value.dtype, owner) for place, value in values.items()]
    with open_sink(path, slots, config=handmade.config(), **options) as sink:
        for place, value in reversed(values.items()):  # any order, any pieces
            flat = value.reshape(-1)
            for first in range(0, max(1, flat.size), 100):
                sink.put(place, first, flat[first : first + 100])
    return path


@pytest.mark.parametrize("name", NAMES)
def test_what_is_written_is_read(tmp_path: Path, name: str) -> None:
    values = every_kind_of_tensor()
    write(tmp_path / name, values, assets=ASSETS, shard_bytes=20_000)
    with open_model(tmp_path / name) as state:
        assert [spec.path for spec in state.specs] == list(values) or name == "m.keras"
        for tensor in state.values():
            value = values[tensor.spec.path]
            assert (tensor.spec.dtype, tensor.spec.shape) == (value.dtype, value.shape)
            assert tensor.read().tobytes() == value.tobytes()
        assert {key: read() for key, read in state.assets.items()} == (ASSETS if name == "m.keras" else {})
    if name == "m.weights.json":
        assert len(list(tmp_path.iterdir())) > 3


def test_h5py_reads_what_is_written(tmp_path: Path) -> None:
    values = every_kind_of_tensor()
    write(tmp_path / "m.keras", values, "größe")
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        weights = io.BytesIO(archive.read("model.weights.h5"))
    write(tmp_path / "m.weights.h5", values, "größe")
    for source in (weights, tmp_path / "m.weights.h5"):
        with h5py.File(source) as content:
            for place, value in values.items():
                if value.dtype == ml_dtypes.bfloat16:
                    assert content[place].attrs["dtype"] == "bfloat16"
                    found = np.asarray(content[place][()]).view(ml_dtypes.bfloat16).reshape(value.shape)
                else:
                    found = content[place][()]
                np.testing.assert_array_equal(found, value)
                assert content[place].parent.attrs["name"] == "größe"
                assert content[place].chunks is None


def test_zip_tools_find_nothing_wrong(tmp_path: Path) -> None:
    write(tmp_path / "m.keras", every_kind_of_tensor(), assets=ASSETS)
    with zipfile.ZipFile(tmp_path / "m.keras") as archive:
        assert archive.testzip() is None
        names = ["config.json", *(f"assets/{name}" for name in ASSETS), "model.weights.h5", "metadata.json"]
        assert archive.namelist() == names
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}
    if shutil.which("unzip"):
        done = subprocess.run(["unzip", "-t", tmp_path / "m.keras"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
        assert "No errors detected" in done.stdout


@pytest.mark.parametrize("threshold", [1, 100, 5000])
def test_large_archives_use_the_fields_of_64_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threshold: int
) -> None:
    # As if 4 GB were a few bytes: sizes and places from there on stand in the zip64 parts.
    monkeypatch.setattr(zip_writer, "_LARGE", threshold)
    values = every_kind_of_tensor()
    file = write(tmp_path / "m.keras", values, assets=ASSETS)
    assert file.read_bytes().count(b"PK\x06\x06") == 1
    with zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert archive.read("assets/layers/text/vocabulary.txt") == ASSETS["layers/text/vocabulary.txt"]
        assert archive.getinfo("model.weights.h5").extract_version == 45
    if shutil.which("unzip"):
        assert subprocess.run(["unzip", "-tq", file], capture_output=True, check=False).returncode == 0
    with open_model(file) as state:
        assert {t.spec.path: t.read().tobytes() for t in state.values()} == {
            place: value.tobytes() for place, value in values.items()
        }


def test_very_many_members_are_counted_in_64_bits(tmp_path: Path) -> None:
    with (tmp_path / "many.zip").open("x+b", buffering=0) as file:
        writer = ZipWriter(file)
        for number in range(70_000):
            writer.begin(str(number))
        writer.close()
    with zipfile.ZipFile(tmp_path / "many.zip") as archive:
        assert len(archive.infolist()) == 70_000
    assert (tmp_path / "many.zip").read_bytes()[-98:-94] == b"PK\x06\x06"


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for _ in range(2):
        for name in NAMES[:2]:
            write(tmp_path / name, every_kind_of_tensor(), "layer", metadata=lambda: {"keras_weld": {"a": 1}})
        written.append([(tmp_path / name).read_bytes() for name in NAMES[:2]])
        time.sleep(1.05 - time.time() % 1)  # HDF5 counts time in seconds
    assert written[0] == written[1]


def test_tensors_begin_where_a_processor_likes_it(tmp_path: Path) -> None:
    values = {f"layers/dense/vars/{n}": np.ones(5000 + n, "float32") for n in range(5)}
    write(tmp_path / "m.keras", values)
    with open_model(tmp_path / "m.keras") as state:
        for tensor in state.values():
            assert tensor.read().ctypes.data % 64 == 0


@pytest.mark.parametrize("name", NAMES)
def test_lineage_is_kept_in_every_format(tmp_path: Path, name: str) -> None:
    lineage = {"method": "linear", "notes": ["ü" * 50_000]}
    write(tmp_path / name, handmade.tensors(), metadata=lambda: {"keras_version": "3.9", "keras_weld": lineage})
    with open_model(tmp_path / name) as state:
        assert state.metadata["lineage"] == lineage
        if name == "m.keras":
            assert state.metadata["keras_version"] == "3.9"


def test_the_map_of_shards_is_as_keras_writes_it(tmp_path: Path) -> None:
    values = handmade.tensors()
    write(tmp_path / "m.weights.json", values, shard_bytes=150)
    content = json.loads((tmp_path / "m.weights.json").read_text())
    assert content["metadata"]["total_size"] == sum(value.nbytes for value in values.values())
    assert list(content["weight_map"]) == [
        "/layers/dense/vars",
        "/layers/batch_normalization/vars",
        "/layers/dense_1/vars",
    ]
    for name in content["weight_map"].values():
        assert name.endswith(".weights.h5")
        assert (tmp_path / name).is_file()
    with pytest.raises(UsageError, match="must be positive"):
        write(tmp_path / "n.weights.json", values, shard_bytes=0)


def test_a_whole_model_needs_an_architecture(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught, open_sink(tmp_path / "m.keras", []):
        pass
    assert caught.value.remedy == "Write the weights alone: -o m.weights.h5, or give one source as .keras."
    assert not list(tmp_path.iterdir())


def test_names_say_the_format() -> None:
    assert written_kind("a/b.keras") is Kind.KERAS
    assert written_kind(Path("b.weights.h5")) is Kind.WEIGHTS
    assert written_kind("b.weights.json") is Kind.SHARDED
    with pytest.raises(UsageError, match=r"For example: merged\.keras"):
        written_kind("merged.h5")


def test_the_header_of_a_member_is_one_that_others_know(tmp_path: Path) -> None:
    file = write(tmp_path / "m.keras", handmade.tensors())
    data = file.read_bytes()
    magic, version, flags, method, clock, date = struct.unpack_from("<4s5H", data)
    assert (magic, version, flags, method, clock, date) == (b"PK\x03\x04", 20, 0, 0, 0, 0x21)
    with open_model(file) as state:
        assert state.config == handmade.config()
