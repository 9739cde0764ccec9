"""The SHA-256 of files and folders, as `sha256sum` gives it, and how working it out is broken off."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from keras_weld.io.fingerprint import Fingerprints, sha256_of


def test_a_file_has_the_digest_that_sha256sum_gives(tmp_path: Path) -> None:
    for name, data in (("empty", b""), ("small", b"abc"), ("large", os.urandom(3 << 20))):
        (tmp_path / name).write_bytes(data)
        assert sha256_of(tmp_path / name) == hashlib.sha256(data).hexdigest()
        if shutil.which("sha256sum"):
            said = subprocess.run(["sha256sum", tmp_path / name], capture_output=True, text=True, check=True)
            assert said.stdout.split()[0] == sha256_of(tmp_path / name)


def test_a_folder_has_one_by_names_and_contents(tmp_path: Path) -> None:
    def folder(name: str, **files: str) -> str:
        for file, text in files.items():
            path = tmp_path / name / file.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return sha256_of(tmp_path / name)

    first = folder("a", saved_model="1", variables__index="2")
    assert first == folder("b", variables__index="2", saved_model="1")
    assert len({first, folder("c", saved_model="1", variables__index="3"), folder("d", saved_model="12")}) == 3


def test_what_is_no_path_has_none_and_what_is_not_there_fails_when_asked(tmp_path: Path) -> None:
    (tmp_path / "m").write_text("x")
    with Fingerprints([tmp_path / "m", object(), str(tmp_path / "none")]) as prints:
        assert prints.of(tmp_path / "m") == prints.of(str(tmp_path / "m")) == hashlib.sha256(b"x").hexdigest()
        assert prints.of(object()) is None
        with pytest.raises(FileNotFoundError):
            prints.of(tmp_path / "none")


def test_nobody_waits_for_what_is_not_needed_any_more(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.truncate(30 << 30)  # a hole: to read it all takes far longer
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        begin_and_interrupt(tmp_path / "huge")
    assert time.monotonic() - started < 5


def begin_and_interrupt(file: Path) -> None:
    with Fingerprints([file] * 3):
        time.sleep(0.05)
        raise KeyboardInterrupt


def test_sharded_weights_have_one_by_the_map_and_every_shard(tmp_path: Path) -> None:
    def shards(folder: str, first: str, second: str) -> str:
        (tmp_path / folder).mkdir()
        map_ = tmp_path / folder / "m.weights.json"
        map_.write_text('{"weight_map": {"/a/vars": "m_0.weights.h5", "/b/vars": ["m_1.weights.h5", "../x"]}}')
        (tmp_path / folder / "m_0.weights.h5").write_text(first)
        (tmp_path / folder / "m_1.weights.h5").write_text(second)
        return sha256_of(map_)

    assert shards("a", "1", "2") == shards("b", "1", "2")
    assert len({sha256_of(tmp_path / "a" / "m.weights.json"), shards("c", "1", "3"), shards("d", "12", "")}) == 3


@pytest.mark.parametrize("text", ["", "no JSON", "[]", '{"weight_map": 3}', '{"weight_map": {"a": 3}}'])
def test_what_only_looks_like_a_map_has_one_too(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.weights.json").write_text(text)
    assert len(sha256_of(tmp_path / "m.weights.json")) == 64
