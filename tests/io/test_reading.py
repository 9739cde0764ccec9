"""Reading without a backend: what is found, what is touched, and the slower paths."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import handmade
import ml_dtypes
import numpy as np
import pytest

from keras_weld.core.tensor import Role
from keras_weld.errors import DamagedFileError, WrongKindError
from keras_weld.io import zip_writer
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.hdf5_writer import Hdf5Sink, Slot
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model, open_with
from keras_weld.io.zip_writer import ZipWriter

DTYPES = ["float16", "float32", "float64", "int8", "int32", "int64", "uint8", "uint32", "bool", ml_dtypes.bfloat16]


def assert_same(file: Path, wanted: handmade.Tensors) -> None:
    with open_model(file) as state:
        assert {tensor.spec.path for tensor in state.values()} == set(wanted)
        for tensor in state.values():
            value = wanted[tensor.spec.path]
            found = tensor.read()
            assert found.dtype == tensor.spec.dtype == value.dtype.newbyteorder("=")
            assert found.shape == tensor.spec.shape == value.shape
            np.testing.assert_array_equal(found, value)


def every_dtype() -> handmade.Tensors:
    rng = np.random.default_rng(3)
    values = {f"layers/dense/vars/{n}": rng.uniform(0, 2, (40, 30)).astype(d) for n, d in enumerate(DTYPES)}
    return {**values, "layers/scalar/vars/0": np.array(2.5, "float32"), "layers/empty/vars/0": np.ones((0, 4))}


MAKERS: dict[str, Callable[[Path, handmade.Tensors], Any]] = {
    "m.keras": handmade.make_keras,
    "m.weights.h5": handmade.make_weights,
    "m.weights.json": handmade.make_shards,
}


@pytest.mark.parametrize("name", MAKERS)
def test_names_order_and_roles_follow_the_architecture(tmp_path: Path, name: str) -> None:
    values = handmade.tensors()
    MAKERS[name](tmp_path / name, values)
    with open_model(tmp_path / name) as state:
        assert [spec.path for spec in state.specs] == list(handmade.PATHS.values())
        if name == "m.keras":
            assert list(state) == list(handmade.PATHS)
        frozen = {spec.path for spec in state.specs if spec.role is Role.NON_TRAINABLE}
        assert frozen == {handmade.PATHS["norm/moving_mean"], handmade.PATHS["norm/moving_variance"]}
    assert_same(tmp_path / name, values)


@pytest.mark.parametrize("with_config", [True, False])
def test_the_older_format_gives_the_same_names(tmp_path: Path, with_config: bool) -> None:
    values = handmade.tensors()
    file = handmade.make_legacy(tmp_path / "m.h5", values, with_config=with_config)
    with open_model(file) as state:
        assert state.kind is (Kind.LEGACY_MODEL if with_config else Kind.LEGACY_WEIGHTS)
        assert list(state) == list(handmade.PATHS)
        for name, path in handmade.PATHS.items():
            np.testing.assert_array_equal(state[name].read(), values[path])
            assert state[name].spec.path == path or not with_config
        assert (state.metadata["keras_version"], state.metadata["backend"]) == ("3.15.1", "jax")


@pytest.mark.parametrize("how", [{}, {"deflate": True}], ids=["stored", "deflated"])
def test_every_dtype_is_kept(tmp_path: Path, how: dict[str, Any]) -> None:
    assert_same(handmade.make_keras(tmp_path / "m.keras", every_dtype(), **how), every_dtype())


@pytest.mark.parametrize(
    "how",
    [
        {"chunks": True},
        {"compression": "gzip"},
        {"compression": "lzf", "shuffle": True},
        {"fletcher32": True},
        {"compression": "gzip", "shuffle": True, "maxshape": (None, 30)},
    ],
    ids=lambda how: "+".join(how),
)
@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5"])
def test_chunked_and_compressed_tensors_are_read(tmp_path: Path, how: dict[str, Any], name: str) -> None:
    values = {path: value for path, value in every_dtype().items() if value.size > 1}
    MAKERS[name](tmp_path / name, values, **how)  # type: ignore[call-arg]
    assert_same(tmp_path / name, values)


def test_big_endian_and_compact_tensors_are_read(tmp_path: Path) -> None:
    values = {f"layers/dense/vars/{n}": np.arange(6.0).astype(d) for n, d in enumerate([">f4", ">f8", ">i4", ">f2"])}
    handmade.make_weights(tmp_path / "big.weights.h5", values)
    assert_same(tmp_path / "big.weights.h5", values)
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    with h5py.File(tmp_path / "compact.weights.h5", "w") as content:
        content.create_group("layers/dense/vars")
        space, kind = h5py.h5s.create_simple((6,)), h5py.h5t.py_create(np.dtype("float32"))
        made = h5py.h5d.create(content.id, b"layers/dense/vars/0", kind, space, compact)
        made.write(h5py.h5s.ALL, h5py.h5s.ALL, np.arange(6, dtype="float32"))
    assert_same(tmp_path / "compact.weights.h5", {"layers/dense/vars/0": np.arange(6, dtype="float32")})


@pytest.mark.parametrize("name", MAKERS)
def test_a_tensor_is_a_read_only_view_of_the_file(tmp_path: Path, name: str) -> None:
    values = handmade.tensors(hidden=500)
    MAKERS[name](tmp_path / name, values)
    with open_model(tmp_path / name) as state:
        kernel = next(tensor for tensor in state.values() if tensor.spec.path == "layers/dense/vars/0")
        first, again = kernel.read(), kernel.read()
        assert np.shares_memory(first, again)
        assert not first.flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            first[0, 0] = 1
        holder = next(f for f in tmp_path.iterdir() if values["layers/dense/vars/0"].tobytes() in f.read_bytes())
        place = holder.read_bytes().index(values["layers/dense/vars/0"].tobytes())
        with holder.open("rb+") as file:
            file.seek(place)
            file.write(np.float32(42).tobytes())
        assert first[0, 0] == 42
    assert first[0, 1] == values["layers/dense/vars/0"][0, 1]  # valid after the state was closed


def test_opening_a_huge_file_reads_none_of_its_tensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two tensors of 5 GB that the disk holds as a hole, in an archive that needs 64-bit sizes and places.
    slots = [Slot(f"layers/dense/vars/{n}", (5 << 28,), np.dtype("float32")) for n in range(2)]
    slots.append(Slot("layers/dense_1/vars/0", (3,), np.dtype("float32")))
    monkeypatch.setattr(zip_writer, "_checksum", lambda handle, start, size: 0)
    with (tmp_path / "huge.keras").open("x+b", buffering=0) as file:
        writer = ZipWriter(file)
        sink = Hdf5Sink(file, writer.begin("model.weights.h5"), slots)
        sink.put("layers/dense_1/vars/0", 0, np.array([1, 2, 3], "float32"))
        writer.finish(sink.size)
        monkeypatch.undo()
        writer.add("config.json", json.dumps(handmade.config()).encode())
        writer.add("metadata.json", json.dumps(handmade.METADATA).encode())
        writer.close()
    about = os.stat(tmp_path / "huge.keras")
    if about.st_blocks * 512 > 100 << 20:
        pytest.skip("this file system keeps no holes")
    assert about.st_size > 10 << 30
    started = time.process_time()
    with open_model(tmp_path / "huge.keras") as state:
        spec = next(spec for spec in state.specs if spec.size == 3)
        np.testing.assert_array_equal(state[spec.name].read(), [1, 2, 3])
        large = next(tensor for tensor in state.values() if tensor.spec.size == 5 << 28)
        assert large.read()[-1] == 0
    assert time.process_time() - started < 1.0  # reading 10 GB takes longer anywhere


def test_opening_believes_nothing_of_the_values(tmp_path: Path) -> None:
    values = handmade.tensors(hidden=300)
    for name, make in MAKERS.items():
        make(tmp_path / name, values)
    for file in tmp_path.iterdir():
        data = bytearray(file.read_bytes())
        place = data.find(values["layers/dense/vars/0"].tobytes())
        if place >= 0:
            data[place : place + 400] = b"\xff" * 400
            file.write_bytes(data)
    for name in MAKERS:
        with open_model(tmp_path / name) as state:
            kernel = next(tensor for tensor in state.values() if tensor.spec.path == "layers/dense/vars/0")
            assert np.isnan(kernel.read().reshape(-1)[:100]).all()
            assert np.isfinite(kernel.read().reshape(-1)[100:]).all()


def test_a_file_that_this_process_has_open_is_read(tmp_path: Path) -> None:
    file = handmade.make_legacy(tmp_path / "m.h5", handmade.tensors())
    with h5py.File(file, "r"), open_model(file) as state:
        assert list(state) == list(handmade.PATHS)


def test_assets_are_read_when_asked_for(tmp_path: Path) -> None:
    assets = {"layers/text/vocabulary.txt": "ä\nb\n".encode(), "other.bin": bytes(range(256))}
    for deflate in (False, True):
        file = handmade.make_keras(tmp_path / "m.keras", handmade.tensors(), assets=assets, deflate=deflate)
        with open_model(file) as state:
            assert {name: read() for name, read in state.assets.items()} == assets


def test_many_layers_keep_the_order_of_writing(tmp_path: Path) -> None:
    # Small tensors lie elsewhere than large ones, and names are listed alphabetically.
    order = []
    for number in range(30):
        suffix = f"_{number}" if number else ""
        order += [f"layers/conv2d{suffix}/vars/0", f"layers/batch_normalization{suffix}/vars/0"]
    values = {path: np.ones((3, 3, 40, 4) if "conv" in path else (8,), "float32") for path in order}
    handmade.make_weights(tmp_path / "m.weights.h5", values)
    with open_model(tmp_path / "m.weights.h5") as state:
        assert [spec.path for spec in state.specs] == order


def test_shards_give_one_model_whatever_is_in_which(tmp_path: Path) -> None:
    values = handmade.tensors()
    file = handmade.make_shards(tmp_path / "m.weights.json", values)
    content = json.loads(file.read_text())
    # A layer that is too large for one shard is divided; the map then lists several.
    moved = "layers/dense/vars/1"
    first, second = sorted(set(content["weight_map"].values()))[:2]
    with h5py.File(tmp_path / first, "a") as one, h5py.File(tmp_path / second, "a") as other:
        other[moved] = one[moved][()]
        del one[moved]
    content["weight_map"]["/layers/dense/vars"] = [first, second]
    file.write_text(json.dumps(content))
    assert_same(file, values)


@pytest.mark.parametrize("name", ["m_00000.weights.h5", "m_3fa1c2_00000.weights.h5"])
def test_a_shard_by_itself_is_refused_with_its_map(tmp_path: Path, name: str) -> None:
    file = handmade.make_shards(tmp_path / "m.weights.json", handmade.tensors())
    shard = sorted(tmp_path.glob("*.weights.h5"))[0].rename(tmp_path / name)
    file.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": [name]}}))
    with pytest.raises(WrongKindError, match="one shard of several") as caught:
        open_model(shard)
    assert caught.value.remedy == f"Give the map, which leads to every shard: {file}"
    file.write_text(json.dumps({"metadata": {}, "weight_map": {"/layers/dense/vars": ["other.weights.h5"]}}))
    open_model(shard).close()  # a file that the map does not name is whole


@pytest.mark.parametrize(
    ("written", "flipped", "found"),
    [(b"bfloat16", b"bfloat06", "dtype: bfloat06"), (b"dtype\0", b"dtypd\0", "no such attribute")],
)
def test_bfloat16_that_does_not_say_so_is_damaged(tmp_path: Path, written: bytes, flipped: bytes, found: str) -> None:
    file = tmp_path / "a.weights.h5"
    with h5py.File(file, "w") as there:
        values = there.create_dataset("layers/dense/vars/0", data=np.zeros(3, ml_dtypes.bfloat16).view("V2"))
        values.attrs["dtype"] = "bfloat16"
    content = file.read_bytes()
    assert written in content
    file.write_bytes(content.replace(written, flipped))
    with pytest.raises(DamagedFileError, match="does not say what they are") as caught:
        open_model(file)
    assert (caught.value.file, caught.value.layer, caught.value.found) == (str(file), "layers/dense/vars/0", found)


def test_bfloat16_in_a_whole_model_of_hdf5_is_not_called_damaged(tmp_path: Path) -> None:
    file = tmp_path / "a.h5"
    with h5py.File(file, "w") as there:  # as Keras writes it
        there.create_dataset("model_weights/dense/dense/bias", data=np.zeros(3, ml_dtypes.bfloat16).view("V2"))
        there.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "m", "layers": []}})
    for reader in (Reader.QUICK, Reader.H5PY):
        with pytest.raises(WrongKindError, match="not even Keras can load it") as caught:
            open_with(file, Limits(), reader)
        assert caught.value.layer == "model_weights/dense/dense/bias"
        assert caught.value.remedy == "Save the model as .keras where it was built."
