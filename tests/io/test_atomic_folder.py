"""Folders that appear whole, or not at all."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time

import pytest

from keras_weld.errors import WriteError
from keras_weld.io import atomic_folder as module
from keras_weld.io.atomic_folder import atomic_folder


def write(path, text, verify=lambda folder: None):
    with atomic_folder(path, verify) as folder:
        folder.mkdir()
        (folder / "a").write_text(text)


@pytest.mark.parametrize("exchange", [True, False])
def test_old_folder_is_replaced_as_one(tmp_path, exchange, monkeypatch):
    if not exchange:
        monkeypatch.setattr(module, "_exchanged", lambda one, other: False)
    write(tmp_path / "m", "old")
    (tmp_path / "m" / "only in the old one").touch()
    write(tmp_path / "m", "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["m", "a"]
    assert (tmp_path / "m" / "a").read_text() == "new"


def test_what_is_refused_leaves_the_old_folder(tmp_path):
    write(tmp_path / "m", "old")

    def refuse(folder):
        assert (folder / "a").read_text() == "new"
        raise WriteError("It is not well.", file=folder / "a")

    with pytest.raises(WriteError, match="not well") as refused:
        write(tmp_path / "m", "new", refuse)
    assert refused.value.file == str(tmp_path / "m")
    assert (tmp_path / "m" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_no_folder_above_and_a_file_of_the_name(tmp_path):
    with pytest.raises(WriteError, match="folder to write into is not there"):
        write(tmp_path / "none" / "m", "x")
    (tmp_path / "m").write_text("precious")
    with pytest.raises(WriteError, match="A file has the name"):
        write(tmp_path / "m", "x")
    assert (tmp_path / "m").read_text() == "precious"


WRITER = """
import itertools, sys
from keras_weld.io.atomic_folder import atomic_folder

for number in itertools.count():
    with atomic_folder(sys.argv[1], lambda folder: None) as folder:
        folder.mkdir()
        for name in "abcdef":
            (folder / name).write_text(f"{number}" * 2000)
    print(number, flush=True)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs SIGKILL and an exchange of names in one step")
def test_killed_at_any_moment_the_folder_is_whole(tmp_path):
    chance = random.Random(1)
    for _ in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "m")], stdout=subprocess.PIPE)
        with writer:
            writer.stdout.readline()
            time.sleep(chance.uniform(0, 0.05))
            writer.send_signal(signal.SIGKILL)
        found = {path.name: path.read_text() for path in (tmp_path / "m").iterdir()}
        assert sorted(found) == list("abcdef")
        assert len(set(found.values())) == 1
    write(tmp_path / "m", "last")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
