"""Write a model file tensor by tensor: `.keras`, `.weights.h5` or sharded `.weights.json`.

The file is built under a temporary name with room for every tensor; values are put in pieces, in any order;
then it is checksummed, flushed, opened again and compared, and only then renamed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from keras_weld.core.file_names import with_format
from keras_weld.core.state import Array
from keras_weld.errors import UsageError
from keras_weld.io import archive
from keras_weld.io.atomic import atomic_path, syncing
from keras_weld.io.hdf5 import open_hdf5
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.hdf5_writer import Hdf5Sink, Slot
from keras_weld.io.json_text import to_json
from keras_weld.io.keras_file import open_weights_member
from keras_weld.io.kinds import LINEAGE as LINEAGE
from keras_weld.io.kinds import SEEDS, Kind
from keras_weld.io.limits import GB, UNLIMITED
from keras_weld.io.verify import verify
from keras_weld.io.zip_writer import ZipWriter

_TEXT_PIECE = 32_000  # an HDF5 attribute holds at most 64 kB


class Sink(Protocol):
    """Where the values of a model's tensors go."""

    def put(self, path: str, first: int, values: Array) -> None:
        """Write consecutive values of the tensor at `path`, from element `first` on (in C order)."""


def written_kind(path: str | os.PathLike[str]) -> Kind:
    """The format that a file name asks for.

    Raises:
        UsageError: if it is none that is written.
    """
    name = Path(path).name
    for suffix, kind in (
        (".keras", Kind.KERAS),
        (".weights.h5", Kind.WEIGHTS),
        (".weights.json", Kind.SHARDED),
    ):
        if name.endswith(suffix):
            return kind
    raise UsageError(
        "The name of the output does not say which format to write.",
        file=path,
        expected="a name ending in .keras, .weights.h5 or .weights.json",
        found=name,
        remedy=f"For example: {with_format(name, '.keras')}, or for weights alone {with_format(name, '.weights.h5')}",
    )


@contextmanager
def open_sink(
    path: str | os.PathLike[str],
    slots: Sequence[Slot],
    *,
    config: Mapping[str, Any] | None = None,
    metadata: Callable[[], Mapping[str, Any]] = dict,
    assets: Mapping[str, bytes] | None = None,
    shard_bytes: int = 5 * GB,
) -> Iterator[Sink]:
    """Write a model file; the format follows the name.

    Args:
        path: a name ending in `.keras`, `.weights.h5` or `.weights.json`.
        slots: every tensor that will be put.
        config: the model's configuration as Keras writes it to `config.json`; needed for `.keras`.
        metadata: gives what the file shall say of itself; for `.keras` with `keras_version`. What stands
            under "keras_weld" is kept in every format. It is asked as late as the format allows.
        assets: further files of the model, by name.
        shard_bytes: largest size of a shard, for `.weights.json`.

    Raises:
        WriteError: if the file cannot be written; what was there before is untouched.
        UsageError: if the name asks for a format that is not written, or `.keras` has no configuration.
    """
    kind = written_kind(path)
    if kind is Kind.SHARDED:
        from keras_weld.io.sharded_writer import open_shards

        with open_shards(Path(path), slots, shard_bytes, metadata) as shards:
            yield shards
        return
    if kind is Kind.KERAS and config is None:
        raise UsageError(
            "A .keras file holds the architecture, and none of the sources has one.",
            file=path,
            remedy=f"Write the weights alone: -o {with_format(path, '.weights.h5')}, or give one source as .keras.",
        )

    def check(temporary: Path) -> None:
        _open_again(temporary, kind, slots, path)

    with atomic_path(path, check) as temporary, temporary.open("x+b", buffering=0) as file:
        if kind is Kind.WEIGHTS:
            sink = Hdf5Sink(file, 0, slots, root_texts(metadata()))
            yield sink
            sink.check_whole()
            return
        writer = ZipWriter(file)
        writer.add(archive.CONFIG, json.dumps(config).encode())
        for name, data in (assets or {}).items():
            writer.add(archive.ASSETS + name, data)
        sink = Hdf5Sink(file, writer.begin(archive.WEIGHTS), slots)
        yield sink
        sink.check_whole()
        with syncing(temporary):  # so that little is left to flush when the file is whole
            writer.finish(sink.size)
            writer.add(archive.METADATA, to_json(metadata()).encode())
            writer.close()


def root_texts(metadata: Mapping[str, Any]) -> dict[str, str]:
    """What keras-weld knows of a model as attributes of an HDF5 file's root, in pieces that fit."""
    found: dict[str, str] = {}
    for name in (LINEAGE, SEEDS):
        text = to_json(metadata[name]) if name in metadata else ""
        pieces = [text[at : at + _TEXT_PIECE] for at in range(0, len(text), _TEXT_PIECE)]
        found |= {f"{name}{number}": piece for number, piece in enumerate(pieces)}
    return found


def _open_again(temporary: Path, kind: Kind, slots: Sequence[Slot], path: str | os.PathLike[str]) -> None:
    if kind is Kind.KERAS:
        opened = archive.open_archive(temporary, UNLIMITED)
        with opened.file:
            content = open_weights_member(opened, Reader.OWN)
    else:
        content = open_hdf5(temporary, UNLIMITED, reader=Reader.OWN)
    with closing(content):
        verify(content, slots, path)
