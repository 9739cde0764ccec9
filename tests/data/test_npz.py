"""`.npz` files: keys, lazy reading, and files that claim what they do not hold."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest

from keras_weld.data import NpzArrays, open_data
from keras_weld.errors import DamagedFileError, DataError, LimitError, WeldError, WrongKindError

X = np.arange(60, dtype=np.float32).reshape(10, 6)
Y = np.arange(10)


def header(shape, dtype="<f4"):
    """An `.npy` header that declares what it is told to."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def write(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back_and_stored_ones_are_mapped(tmp_path, save):
    path = tmp_path / "data.npz"
    save(path, x=X, y=Y, turned=np.asfortranarray(X))
    arrays = NpzArrays(path)
    for key, want in {"x": X, "y": Y, "turned": X}.items():
        np.testing.assert_array_equal(arrays[key], want)
    assert isinstance(arrays["x"], np.memmap) == (save is np.savez)
    split = open_data(str(path)).splits["all"]
    np.testing.assert_array_equal(next(split.batches(10))[0], X)


def test_other_keys_are_named_behind_a_colon(tmp_path):
    np.savez(tmp_path / "d.npz", train_images=X, train_labels=Y, test_images=X[:4], test_labels=Y[:4])
    found = open_data(f"{tmp_path / 'd.npz'}:images,labels")
    assert {name: split.count for name, split in found.splits.items()} == {"train": 10, "test": 4}
    np.savez(tmp_path / "two.npz", image=X, age=Y, label=Y)
    two = open_data(f"{tmp_path / 'two.npz'}:image+age,label").splits["all"]
    assert list(two.inputs) == ["image", "age"]
    assert list(two.outputs) == ["label"]


@pytest.mark.parametrize("form", ["{}_test", "test_{}"])
def test_inputs_and_targets_keep_the_names_that_all_splits_share(tmp_path, form):
    values = {"image": np.zeros((3, 2)), "age": np.ones((3, 1)), "kind": np.arange(3), "mood": np.arange(3) + 5}
    np.savez(tmp_path / "d.npz", **{form.format(name): part for name, part in values.items()})
    split = open_data(f"{tmp_path / 'd.npz'}:age+image,mood+kind").splits["test"]
    assert split.target_names == ("mood", "kind")
    assert split.targets[0].tolist() == [5, 6, 7]
    (given, _) = next(iter(split.fitted({"image": (2,), "age": (1,)}).batches(3)))
    assert [part.shape for part in given] == [(3, 2), (3, 1)]
    np.savez(tmp_path / "d.npz", image_test=np.zeros((3, 2)), kind_test=np.arange(2))
    with pytest.raises(DataError, match="'kind_test' has another number of examples than 'image_test'"):
        open_data(f"{tmp_path / 'd.npz'}:image,kind").splits["test"]


def test_keys_that_are_not_there_are_answered_with_those_that_are(tmp_path):
    np.savez(tmp_path / "d.npz", images=X, labels=Y)
    with pytest.raises(DataError) as refused:
        open_data(tmp_path / "d.npz")
    assert "found:    the keys images, labels" in str(refused.value)
    assert "FILE.npz:images,labels" in str(refused.value)
    assert refused.value.file == str(tmp_path / "d.npz")
    with pytest.raises(DataError, match=r"given as X,Y"):
        open_data(f"{tmp_path / 'd.npz'}:a,b,c")


def test_missing_empty_and_cut_files_are_refused(tmp_path):
    with pytest.raises(DataError, match="not there"):
        open_data(tmp_path / "none.npz")
    (tmp_path / "empty.npz").write_bytes(b"")
    with pytest.raises(WrongKindError) as refused:
        open_data(tmp_path / "empty.npz")
    assert refused.value.found == "an empty file"
    np.savez(tmp_path / "d.npz", x=X, y=Y)
    whole = (tmp_path / "d.npz").read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WrongKindError, match="cut short"):
        open_data(tmp_path / "cut.npz")


def test_declared_size_that_is_not_stored_is_refused_unread(tmp_path):
    path = write(tmp_path / "d.npz", {"x.npy": header("(1000000000, 1000)") + b"\0" * 64})
    with pytest.raises(DamagedFileError, match="declares another size") as refused:
        open_data(path)
    assert refused.value.expected == "4,000,000,000,000 bytes for shape (1000000000, 1000), dtype float32"
    assert refused.value.found == "64 bytes"


def test_bomb_is_refused_by_name_of_the_limit_and_can_be_let_in(tmp_path):
    zeros = header("(2000000,)") + b"\0" * 8_000_000
    path = write(tmp_path / "d.npz", {"x.npy": zeros, "y.npy": header("(2000000,)", "<i1") + b"\0" * 2_000_000})
    with pytest.raises(LimitError) as refused:
        open_data(path, inflated_bytes=1_000_000)
    assert "above the limit `inflated_bytes`" in str(refused.value)
    assert "--limit inflated_bytes=8000000" in str(refused.value)
    assert open_data(path, inflated_bytes=8_000_000).splits["all"].count == 2_000_000


def test_pickled_objects_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("the pickle was loaded",))

    buffer = io.BytesIO()
    np.save(buffer, np.array([Trap()], dtype=object), allow_pickle=True)
    path = write(tmp_path / "d.npz", {"x.npy": buffer.getvalue()})
    with pytest.raises(DataError, match="pickled Python objects"):
        open_data(path)


def test_flipped_bytes_are_noticed(tmp_path):
    path = tmp_path / "d.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=(200, 6)), y=np.arange(200))
    content = bytearray(path.read_bytes())
    content[2000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match="The array 'x' cannot be read"):
        open_data(path)


@pytest.mark.parametrize("what", ["https://example.org/d.npz", "nowhere", "file.csv"])
def test_what_is_no_data_is_refused_with_what_is(what):
    with pytest.raises(WeldError) as refused:
        open_data(what)
    assert refused.value.file == what
