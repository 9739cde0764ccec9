"""Who is to blame when writing fails, and which temporary files are whose."""

from __future__ import annotations

import errno
import os
import platform
from pathlib import Path

import handmade
import pytest

from keras_weld.errors import DamagedFileError, WriteError
from keras_weld.io import atomic
from keras_weld.io.atomic import atomic_path
from keras_weld.io.limits import UNLIMITED
from keras_weld.io.read import open_model


def fail_with(path: Path, error: OSError) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error


def test_a_source_that_cannot_be_read_is_not_called_a_failure_to_write(tmp_path: Path) -> None:
    def merge() -> None:
        with atomic_path(tmp_path / "out.keras") as temporary:
            temporary.write_bytes((tmp_path / "source.keras").read_bytes())

    with pytest.raises(FileNotFoundError) as caught:
        merge()
    assert caught.value.filename == str(tmp_path / "source.keras")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(errno.EACCES, "Permission denied", "/elsewhere/source.h5"),
        OSError(errno.EIO, "Input/output error", "/elsewhere/source.h5"),
        ConnectionResetError(errno.ECONNRESET, "Connection reset"),
        OSError("Unable to open file (file signature not found)"),
    ],
    ids=str,
)
def test_what_is_not_of_the_writing_passes_unchanged(tmp_path: Path, error: OSError) -> None:
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the very same, below
        fail_with(tmp_path / "out.keras", error)
    assert caught.value is error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EROFS, "Read-only file system", "/mount"),
        OSError(errno.EFBIG, "File too large"),
        OSError(errno.EIO, "Input/output error"),
        OSError("Can't synchronously write data (file write failed: errno = 28, No space left on device)"),
    ],
    ids=str,
)
def test_what_the_system_says_of_writing_is_told_as_that(tmp_path: Path, error: OSError) -> None:
    with pytest.raises(WriteError, match="could not be written") as caught:
        fail_with(tmp_path / "out.keras", error)
    assert caught.value.found == str(error)
    assert caught.value.file == str(tmp_path / "out.keras")
    assert not list(tmp_path.iterdir())


def test_an_error_that_names_the_output_is_of_the_writing(tmp_path: Path) -> None:
    def write() -> None:
        with atomic_path(tmp_path / "out.keras") as temporary:
            temporary.mkdir()
            try:
                temporary.write_text("x")
            finally:
                temporary.rmdir()

    with pytest.raises(WriteError, match="could not be written"):
        write()


def test_hosts_of_similar_names_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(host: str, space: str = "pid:[1]") -> str:
        monkeypatch.setattr(platform, "node", lambda: host)
        monkeypatch.setattr(os, "readlink", lambda _: space)
        atomic._host.cache_clear()
        return atomic._host()

    try:
        hosts = {
            named("gpu-cluster-node-01.example"),
            named("gpu-cluster-node-02.example"),
            named("gpu-cluster-node01.example"),
            named("gpu-cluster-node-01.example", "pid:[2]"),
        }
        assert len(hosts) == 4
        assert named("gpu-cluster-node-01.example") in hosts
        assert all(len(host) == 16 and host.isalnum() for host in hosts)
    finally:
        monkeypatch.undo()
        atomic._host.cache_clear()


@pytest.mark.parametrize("value", ["text", ["list"], 5, False], ids=repr)
def test_a_compile_config_that_is_no_object_is_refused(tmp_path: Path, value: object) -> None:
    path = tmp_path / "m.keras"
    handmade.make_keras(path, handmade.tensors(), config={**handmade.config(), "compile_config": value})
    with pytest.raises(DamagedFileError) as caught:
        open_model(path)
    error = caught.value
    assert error.problem == "How the model was compiled is not told as Keras does."
    assert error.file == str(path)
    assert error.found == f"{type(value).__name__}: {value!r}"
    assert "model.save()" in (error.remedy or "")


def test_unlimited_has_one_definition() -> None:
    UNLIMITED.check("tensor_bytes", 1 << 60, "A size")
