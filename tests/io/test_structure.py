"""Files that differ in values alone are walked once; any other difference is seen."""

from __future__ import annotations

from pathlib import Path

import h5py
import handmade
import numpy as np
import pytest

from keras_weld.errors import LimitError, UnsafeFileError
from keras_weld.io import hdf5
from keras_weld.io.hdf5_structure import files_alike
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files whose structure was looked through."""
    seen: list[str] = []
    real = hdf5.parse

    def parse(file: hdf5.Hdf5, data: memoryview) -> bool:
        seen.append(file.path.name)
        return real(file, data)

    monkeypatch.setattr(hdf5, "parse", parse)
    return seen


def values_in(path: Path) -> handmade.Tensors:
    with open_model(path) as state:
        return {tensor.spec.path: tensor.read().copy() for tensor in state.values()}


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_the_second_of_two_files_that_are_alike_is_not_walked(tmp_path: Path, suffix: str, walks: list[str]) -> None:
    make = handmade.make_keras if suffix == ".keras" else handmade.make_weights
    for seed in range(3):
        make(tmp_path / f"{seed}{suffix}", handmade.tensors(seed))
    with files_alike():
        for seed in range(3):
            found = values_in(tmp_path / f"{seed}{suffix}")
            assert list(found) == list(handmade.tensors())
            for path, value in handmade.tensors(seed).items():
                np.testing.assert_array_equal(found[path], value)
    assert walks == [f"0{suffix}"]
    values_in(tmp_path / f"1{suffix}")
    assert walks == [f"0{suffix}", f"1{suffix}"]  # outside, every file is


def test_what_differs_otherwise_is_walked(tmp_path: Path, walks: list[str]) -> None:
    values = handmade.tensors()
    swapped = dict(values)
    swapped["layers/dense/vars/2"] = swapped.pop("layers/dense/vars/1")
    handmade.make_weights(tmp_path / "a.weights.h5", values)
    handmade.make_weights(tmp_path / "b.weights.h5", swapped)
    assert (tmp_path / "a.weights.h5").stat().st_size == (tmp_path / "b.weights.h5").stat().st_size
    with files_alike():
        assert set(values_in(tmp_path / "a.weights.h5")) == set(values)
        assert set(values_in(tmp_path / "b.weights.h5")) == set(swapped)
        assert walks == ["a.weights.h5", "b.weights.h5"]
        with pytest.raises(LimitError):
            open_model(tmp_path / "b.weights.h5", Limits(tensor_bytes=10))


def test_a_link_put_in_afterwards_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        handmade.make_weights(tmp_path / f"{name}.weights.h5", handmade.tensors())
    with h5py.File(tmp_path / "b.weights.h5", "r+") as content:
        del content["layers/dense/vars/1"]
        content["layers/dense/vars/1"] = h5py.ExternalLink("/etc/passwd", "x")
    with files_alike():
        open_model(tmp_path / "a.weights.h5").close()
        with pytest.raises(UnsafeFileError, match="a link to elsewhere"):
            open_model(tmp_path / "b.weights.h5")
