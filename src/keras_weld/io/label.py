"""Write what keras-weld knows of a model into a file that Keras wrote, before it gets its name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_weld.io import archive
from keras_weld.io.archive import Member, open_archive
from keras_weld.io.atomic import another
from keras_weld.io.json_text import parse_json, to_json
from keras_weld.io.limits import UNLIMITED
from keras_weld.io.write import root_texts
from keras_weld.io.zip_writer import ZipWriter

_PIECE = 1 << 24


def add_entries(path: Path, entries: Mapping[str, Any]) -> None:
    """Put entries, such as the lineage, into a `.keras` or `.h5` file under its temporary name.

    Args:
        path: as `atomic_path` gave it; the members of the file keep their bytes.
        entries: plain JSON values by their names in the file's metadata.

    Raises:
        WeldError: if it is not such a file.
    """
    if path.suffix == ".keras":
        _label_archive(path, entries)
        return
    import h5py

    with h5py.File(path, "r+") as content:
        for name, text in root_texts(entries).items():
            content.attrs[name] = text


def _label_archive(path: Path, entries: Mapping[str, Any]) -> None:
    labelled = another(path)
    opened = open_archive(path, UNLIMITED)
    try:
        with opened.file, labelled.open("x+b", buffering=0) as file:
            said = parse_json(opened.read(archive.METADATA), UNLIMITED, archive.METADATA)
            writer = ZipWriter(file)
            for name, member in opened.members.items():
                if name == archive.METADATA:
                    continue
                if member.deflated:
                    writer.add(name, opened.read(name))
                else:
                    start = writer.begin(name)
                    _copy(opened.file.fileno(), member, file.fileno(), start)
                    writer.finish(member.size)
            writer.add(archive.METADATA, to_json({**dict(said), **entries}).encode())
            writer.close()
        os.replace(labelled, path)
    finally:
        labelled.unlink(missing_ok=True)


def _copy(source: int, member: Member, target: int, place: int) -> None:
    for at in range(0, member.size, _PIECE):
        data = os.pread(source, min(_PIECE, member.size - at), member.start + at)
        os.pwrite(target, data, place + at)
