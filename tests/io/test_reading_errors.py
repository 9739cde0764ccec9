"""Files that are missing, cut short, damaged or something else: what the person is told."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import handmade
import numpy as np
import pytest

from keras_weld.errors import (
    DamagedFileError,
    LimitError,
    MissingFileError,
    UnsafeFileError,
    WeldError,
    WrongKindError,
)
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model


def refused(path: Path, kind: type[WeldError]) -> WeldError:
    with pytest.raises(kind) as caught:
        open_model(path)
    error = caught.value
    assert error.file == str(path)
    assert error.remedy
    return error


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "folder"])
def test_a_missing_file_names_what_is_beside_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "m.txt").write_text("x")
    error = refused(tmp_path / name, MissingFileError)
    assert error.problem == "There is no such file."
    assert error.found == ("beside it: m.txt" if name != "folder" else None)


@pytest.mark.parametrize("to", ["nowhere.keras", "link.keras"], ids=["dangling", "loop"])
def test_a_link_that_leads_to_no_file_says_where_it_leads(tmp_path: Path, to: str) -> None:
    (tmp_path / "link.keras").symlink_to(to)
    error = refused(tmp_path / "link.keras", MissingFileError)
    assert error.problem == "This is a link that leads to no file."
    assert error.found == f"a link to {to}"


@pytest.mark.parametrize("name", ["m.keras", "m.h5", "m.weights.h5", "m.weights.json", "m.json", "m"])
def test_an_empty_file_is_called_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    error = refused(tmp_path / name, DamagedFileError)
    assert (error.problem, error.found) == ("The file is empty.", "0 bytes")


@pytest.mark.parametrize("address", ["https://host/m.keras", "hf://keras/m", "s3://bucket/m.keras"])
def test_addresses_are_not_fetched(address: str) -> None:
    with pytest.raises(UnsafeFileError, match="Only files on this machine are read"):
        open_model(address)


def test_a_name_that_says_another_kind_is_told_with_the_right_name(tmp_path: Path) -> None:
    handmade.make_legacy(tmp_path / "m.h5", handmade.tensors()).rename(tmp_path / "a.keras")
    error = refused(tmp_path / "a.keras", WrongKindError)
    assert error.problem == "The name ends in .keras, but the file is of another kind."
    assert error.expected == "a zip archive, as .keras is"
    assert error.found == "an HDF5 file"
    assert error.remedy == "Rename it, for example to a.h5, or save it again."
    handmade.make_keras(tmp_path / "b.h5", handmade.tensors())
    error = refused(tmp_path / "b.h5", WrongKindError)
    assert (error.found, error.expected) == ("a zip archive, as .keras is", "an HDF5 file")
    assert "b.keras" in str(error)
    (tmp_path / "c.keras").write_text('{"class_name": "Sequential"}')
    assert refused(tmp_path / "c.keras", WrongKindError).found == "JSON text"


OTHERS = {
    "pickle": (lambda: pickle.dumps({"kernel": 1}, protocol=4), "a Python pickle", "model.save('model.keras')"),
    "numpy": (lambda: b"\x93NUMPY\x01\x00rest", "a NumPy array", "model.save()"),
    "gzip": (lambda: b"\x1f\x8b\x08\x00rest", "a gzip file", "model.save()"),
    "lfs": (lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "a Git LFS pointer", "git lfs pull"),
    "html": (lambda: b"<!DOCTYPE html><html>404</html>", "a web page or XML", "model.save()"),
    "text": (lambda: b"hello", "not a saved model", "model.save()"),
}


@pytest.mark.parametrize("name", ["m.keras", "m.h5"])
@pytest.mark.parametrize("what", OTHERS)
def test_what_people_mistake_for_a_model_is_named(tmp_path: Path, name: str, what: str) -> None:
    make, found, remedy = OTHERS[what]
    (tmp_path / name).write_bytes(make())
    error = refused(tmp_path / name, WrongKindError)
    assert error.problem == "This is not a file that Keras saves."
    assert found in str(error.found)
    assert remedy in str(error.remedy)


def test_archives_of_others_are_told_apart(tmp_path: Path) -> None:
    torch = zipped(tmp_path / "torch.keras", **{"archive/data.pkl": b"x", "archive/version": b"3"})
    error = refused(torch, WrongKindError)
    assert error.problem == "This is an archive, but not one of Keras."
    assert "archive/data.pkl" in str(error.found)
    assert refused(zipped(tmp_path / "none.keras"), WrongKindError).found == "an empty archive"


def test_folders_and_json_of_others_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "folder", WrongKindError).found == "an empty folder"
    (tmp_path / "folder" / "notes.txt").touch()
    assert refused(tmp_path / "folder", WrongKindError).found == "notes.txt"
    (tmp_path / "m.json").write_text('{"loss": [1, 2]}')
    error = refused(tmp_path / "m.json", WrongKindError)
    assert error.problem == "This JSON is neither an architecture nor the map of sharded weights."
    assert error.found == "loss"


def test_an_hdf5_file_without_a_model_is_told_what_is_in_it(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "data.h5", "w") as content:
        content["images/train"] = np.ones(3)
    error = refused(tmp_path / "data.h5", WrongKindError)
    assert error.problem == "This HDF5 file holds no Keras model."
    assert error.found == "images"


def make_all(folder: Path) -> list[Path]:
    """One file of each kind, sound."""
    values = handmade.tensors(hidden=40)
    handmade.make_weights(folder / "m.weights.h5", values)
    handmade.make_shards(folder / "s.weights.json", values)
    (folder / "m.json").write_text(json.dumps(handmade.config()))
    return [
        handmade.make_keras(folder / "m.keras", values, assets={"words.txt": b"a\nb\n"}),
        handmade.make_keras(folder / "z.keras", values, deflate=True),
        handmade.make_legacy(folder / "m.h5", values),
        *(folder / name for name in ("m.weights.h5", "s.weights.json", "m.json")),
    ]


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    for file in make_all(tmp_path):
        data = file.read_bytes()
        for size in sorted({1, 5, 30, *range(64, len(data) - 1, max(1, len(data) // 40)), len(data) - 1}):
            file.write_bytes(data[:size])
            with pytest.raises((DamagedFileError, WrongKindError)) as caught:
                open_model(file).close()
            assert caught.value.file == str(file)
        file.write_bytes(data)
        open_model(file).close()


def test_a_directory_that_points_before_the_file_is_refused(tmp_path: Path) -> None:
    file = handmade.make_keras(tmp_path / "m.keras", handmade.tensors())
    data = bytearray(file.read_bytes())
    (place,) = struct.unpack_from("<I", data, len(data) - 6)
    struct.pack_into("<I", data, len(data) - 6, place + 10)
    file.write_bytes(data)
    assert "cut short" in refused(file, DamagedFileError).problem


def test_what_a_cut_archive_and_a_cut_hdf5_file_say(tmp_path: Path) -> None:
    make_all(tmp_path)
    for name, problem in (
        ("m.keras", "The archive is cut short: its directory is missing."),
        ("m.weights.h5", "The HDF5 part of the file is damaged or cut short."),
        ("m.h5", "The HDF5 part of the file is damaged or cut short."),
    ):
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
        error = refused(tmp_path / name, DamagedFileError)
        assert error.problem == problem
        assert error.remedy == "Copy the file again from where it came from; it may not have been written whole."


FUZZ = """
import faulthandler, sys
import numpy as np
from pathlib import Path
from keras_weld.errors import WeldError
from keras_weld.io.read import open_model

faulthandler.dump_traceback_later(50, exit=True)  # HDF5 hung
rng = np.random.default_rng(11)
refused = 0
for name in sys.argv[2:]:
    data = Path(sys.argv[1], name).read_bytes()
    damaged = Path(sys.argv[1], "damaged." + name.split(".", 1)[1])
    for _ in range(120):
        changed = bytearray(data)
        for at in rng.integers(len(data), size=3):
            changed[at] ^= 1 << rng.integers(8)
        damaged.write_bytes(changed)
        try:
            with open_model(damaged) as state:
                for read in [tensor.read for tensor in state.values()] + list(state.assets.values()):
                    read()
        except WeldError:
            refused += 1
print(refused)
"""


def test_damage_anywhere_is_read_or_refused_but_never_more(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    names = [file.name for file in make_all(tmp_path)]
    assert int(run_python(FUZZ, tmp_path, *names).stdout) > 200


OPEN = """
import faulthandler, sys
from keras_weld.errors import DamagedFileError
from keras_weld.io.read import open_model

faulthandler.dump_traceback_later(20, exit=True)
try:
    open_model(sys.argv[1])
except DamagedFileError as error:
    print(error)
"""


def test_a_heap_that_would_hang_hdf5_is_refused(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    file = handmade.make_legacy(tmp_path / "m.h5", handmade.tensors())
    data = bytearray(file.read_bytes())
    heap = data.index(b"GCOL")
    at, end = heap + 16, heap + struct.unpack_from("<Q", data, heap + 8)[0]
    while at < end:
        number, size = struct.unpack_from("<H6xQ", data, at)
        if number == 0:  # the free room at the end: shortened, so that zeros follow
            struct.pack_into("<Q", data, at + 8, 16)
            break
        at += 16 + (size + 7) // 8 * 8
    else:
        pytest.fail("the heap has no free room")
    file.write_bytes(data)
    said = run_python(OPEN, file).stdout
    assert said.startswith("The texts in the HDF5 part of the file are damaged.")
    assert str(file) in said


def test_a_damaged_member_is_named_with_its_checksum(tmp_path: Path) -> None:
    file = handmade.make_keras(tmp_path / "m.keras", handmade.tensors(), assets={"words.txt": b"apple\nberry\n"})
    data = file.read_bytes()
    file.write_bytes(data.replace(b"BatchNormalization", b"BatchNormalizatioN", 1))
    error = refused(file, DamagedFileError)
    assert error.problem == "config.json is damaged: its checksum does not match."
    file.write_bytes(data.replace(b"berry", b"cherr"))
    with open_model(file) as state, pytest.raises(DamagedFileError, match=r"assets/words.txt is damaged"):
        state.assets["words.txt"]()


def test_an_archive_without_weights_or_config_is_told_which(tmp_path: Path) -> None:
    config = json.dumps(handmade.config()).encode()
    file = zipped(tmp_path / "m.keras", **{"config.json": config, "metadata.json": b"{}"})
    error = refused(file, DamagedFileError)
    assert error.problem == "The archive holds no model.weights.h5."
    assert error.found == "config.json, metadata.json"
    file = zipped(tmp_path / "n.keras", **{"metadata.json": b"{}", "model.weights.h5": b"x"})
    assert refused(file, DamagedFileError).problem == "The archive holds no config.json."
    for text in (b"[]", b"{}", b'{"module": 1}'):
        file = zipped(tmp_path / "o.keras", **{"config.json": text, "model.weights.h5": b"x"})
        assert refused(file, DamagedFileError).expected == "an object with class_name and config"


def test_a_missing_shard_and_a_foreign_shard_are_named(tmp_path: Path) -> None:
    file = handmade.make_shards(tmp_path / "m.weights.json", handmade.tensors())
    with h5py.File(tmp_path / "m_00001.weights.h5", "a") as content:
        del content["layers/batch_normalization"]
    error = refused(file, DamagedFileError)
    assert error.problem == "A shard does not hold what the map says."
    assert error.layer == "layers/batch_normalization/vars"
    (tmp_path / "m_00001.weights.h5").unlink()
    with pytest.raises(MissingFileError) as caught:
        open_model(file)
    assert caught.value.file == str(tmp_path / "m_00001.weights.h5")
    assert caught.value.expected == "m_00001.weights.h5 beside m.weights.json, which names it"


@pytest.mark.parametrize("name", ["../a.h5", "/etc/a.h5", "sub/a.h5", "..", ".", "a\\b.h5", 3, None, ""])
def test_a_map_that_points_elsewhere_is_refused(tmp_path: Path, name: object) -> None:
    file = tmp_path / "m.weights.json"
    for value in (name, [name]):
        file.write_text(json.dumps({"weight_map": {"/layers/dense/vars": value}}))
        error = refused(file, UnsafeFileError)
        assert error.problem == "The map of shards points outside its folder."
    for content in ({"weight_map": []}, {"weight_map": {}, "metadata": 3}):
        file.write_text(json.dumps(content))
        if content["weight_map"] == []:
            assert refused(file, DamagedFileError).problem == "The map of shards is not an object."
        else:
            assert len(open_model(file)) == 0


def test_a_weight_that_is_named_and_not_there(tmp_path: Path) -> None:
    file = handmade.make_legacy(tmp_path / "m.h5", handmade.tensors())
    with h5py.File(file, "a") as content:
        del content["model_weights/out/out/bias"]
    error = refused(file, DamagedFileError)
    assert error.problem == "A weight that the file names is not there."
    assert (error.layer, error.expected) == ("out", "model_weights/out/out/bias")


def test_limits_are_named_and_can_be_raised(tmp_path: Path) -> None:
    file = handmade.make_keras(tmp_path / "m.keras", handmade.tensors(hidden=1000))
    with pytest.raises(LimitError) as caught:
        open_model(file, Limits(tensor_bytes=20_000))
    assert caught.value.file == str(file)
    assert caught.value.remedy == (
        "If you trust the file, raise it: --limit tensor_bytes=24000 "
        "(in Python: limits=weld.Limits(tensor_bytes=24000))."
    )
    open_model(file, Limits(tensor_bytes=24_000)).close()
    with pytest.raises(LimitError, match="`json_bytes`"):
        open_model(file, Limits(json_bytes=100))
