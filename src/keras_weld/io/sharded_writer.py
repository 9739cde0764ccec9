"""Sharded weights (`name.weights.json` and its shards), replaced as one.

A set of files cannot be renamed at once. So the shards are written under names that no other set has, and
renaming the map is the moment at which the new set counts. Keras opens `name_00000.weights.h5` before it
reads the map, so that name is kept as an empty file that no map points to.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from keras_weld.core.state import Array
from keras_weld.errors import UsageError
from keras_weld.io.atomic import atomic_path, require_place, sync_file, sync_folder
from keras_weld.io.hdf5 import open_hdf5
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.hdf5_writer import Hdf5Sink, Slot
from keras_weld.io.json_text import to_json
from keras_weld.io.limits import UNLIMITED
from keras_weld.io.verify import verify

_MAP = ".weights.json"
_HALVES = re.compile(r"[\ud800-\udfff]")
_EMPTY = 4096  # no HDF5 file without tensors is larger


class _Shards:
    def __init__(self, sinks: Mapping[str, Hdf5Sink]) -> None:
        self._sinks = sinks

    def put(self, path: str, first: int, values: Array) -> None:
        self._sinks[path].put(path, first, values)


@contextmanager
def open_shards(
    path: Path, slots: Sequence[Slot], shard_bytes: int, metadata: Callable[[], Mapping[str, Any]]
) -> Iterator[_Shards]:
    """Write sharded weights; the old set is valid until the new one is whole.

    Args:
        path: the map, `name.weights.json`.
        slots: every tensor that will be put.
        shard_bytes: largest size of a shard; a layer's own tensors stay together, whatever their size.
        metadata: gives what the map shall say beside Keras's own entries.

    Raises:
        UsageError: if `shard_bytes` is not positive.
        WriteError: if it cannot be written; the old set is untouched.
    """
    if shard_bytes <= 0:
        raise UsageError("The size of a shard must be positive.", found=shard_bytes)
    require_place(path)
    path = path.resolve()
    token = os.urandom(4).hex()
    parts = _divide(slots, shard_bytes)
    names = [f"{_begin(path)}_{token}_{number:05}.weights.h5" for number in range(len(parts))]
    shards = {path.with_name(name): part for name, part in zip(names, parts, strict=True)}
    first = path.with_name(f"{path.name.removesuffix(_MAP)}_00000.weights.h5")  # as Keras works it out
    old, had_first = _shards_of(path), first.exists()
    try:
        with atomic_path(path, lambda _: _open_again(shards, path)) as temporary:
            # From here on others know that these shards are being written.
            temporary.write_text(json.dumps({"weight_map": dict.fromkeys(names)}))
            _sweep(path)
            with ExitStack() as files:
                sinks: dict[str, Hdf5Sink] = {}
                for shard, part in shards.items():
                    sink = Hdf5Sink(files.enter_context(shard.open("x+b", buffering=0)), 0, part)
                    sinks.update(dict.fromkeys((slot.path for slot in part), sink))
                yield _Shards(sinks)
                for sink in dict.fromkeys(sinks.values()):
                    sink.check_whole()
            for shard in shards:
                sync_file(shard)
            if not had_first:
                _make_empty(first)
            sync_folder(path.parent)
            temporary.write_text(to_json(_map(slots, names, parts, metadata()), indent=4))
    finally:
        # Whether the new map is in place or not, the folder tells; an interrupt can come between.
        counts = bool(_shards_of(path).intersection(names))
        if not counts and not had_first:
            _remove(first)
        _sweep(path, old - {first.name})
    if first.stat().st_size > _EMPTY and first.name not in _needed(path.parent):
        _make_empty(first)


def _open_again(shards: Mapping[Path, Sequence[Slot]], path: Path) -> None:
    for shard, part in shards.items():
        with closing(open_hdf5(shard, UNLIMITED, reader=Reader.OWN)) as content:
            verify(content, part, path)


def _sweep(path: Path, old: Collection[str] = ()) -> None:
    """Remove the shards that no map in the folder points to: `old` ones, and what killed processes left."""
    ours = re.compile(re.escape(_begin(path)) + r"_[0-9a-f]{8}_\d{5,}\.weights\.h5")
    needed = _needed(path.parent)
    for entry in path.parent.glob("*.weights.h5"):
        if (entry.name in old or ours.fullmatch(entry.name)) and entry.name not in needed:
            _remove(entry)


def _begin(path: Path) -> str:
    """What the names of shards begin with: the map's own, but for bytes that are no text and cannot stand in it."""
    return _HALVES.sub("_", path.name.removesuffix(_MAP))


def _needed(folder: Path) -> set[str]:
    """Names of all shards that a map in the folder points to, or that are being written."""
    return {name for entry in folder.glob("*.weights.json") for name in _shards_of(entry)}


def _divide(slots: Sequence[Slot], shard_bytes: int) -> list[list[Slot]]:
    groups: dict[str, list[Slot]] = {}
    for slot in slots:
        groups.setdefault(slot.path.rpartition("/")[0], []).append(slot)
    parts: list[list[Slot]] = [[]]
    size = 0
    for group in groups.values():
        weight = sum(slot.nbytes for slot in group)
        if parts[-1] and size + weight > shard_bytes:
            parts.append([])
            size = 0
        parts[-1].extend(group)
        size += weight
    return parts


def _map(
    slots: Sequence[Slot], names: Sequence[str], parts: Sequence[Sequence[Slot]], metadata: Mapping[str, Any]
) -> dict[str, Any]:
    places = {
        "/" + slot.path.rpartition("/")[0]: name for name, part in zip(names, parts, strict=True) for slot in part
    }
    total = sum(slot.nbytes for slot in slots)
    return {"metadata": {**metadata, "total_size": total}, "weight_map": places}


def _shards_of(path: Path) -> set[str]:
    """Names of the shards that a map points to; empty if there is none."""
    with suppress(OSError, ValueError, AttributeError, KeyError, TypeError):
        content = json.loads(path.read_text())["weight_map"]
        places = content if None in content.values() else content.values()  # None: still being written
        flat = {name for place in places for name in ([place] if isinstance(place, str) else place)}
        return {name for name in flat if Path(name).name == name and name.endswith(".weights.h5")}
    return set()


def _make_empty(first: Path) -> None:
    """The name that Keras opens before it reads the map, as a file without tensors."""
    with atomic_path(first) as temporary, temporary.open("x+b", buffering=0) as file:
        Hdf5Sink(file, 0, [])


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
