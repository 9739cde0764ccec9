"""Sharded weights (`name.weights.json` and its shards), replaced as one.

A set of files cannot be renamed at once. So the shards are written under names that no other set has, and
renaming the map is the moment at which the new set counts. Keras opens `name_00000.weights.h5` before it
reads the map, so that name is kept as an empty file that no map points to.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py

from keras_weld.core.state import Array
from keras_weld.errors import UsageError
from keras_weld.io.atomic import PREFIX, atomic_path, sync_file, sync_folder
from keras_weld.io.hdf5_writer import Hdf5Sink, Slot


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
    base = path.name.removesuffix(".weights.json")
    token = secrets.token_hex(4)
    parts = _divide(slots, shard_bytes)
    names = [f"{base}_{token}_{number:05}.weights.h5" for number in range(len(parts))]
    old = _shards_of(path)
    with ExitStack() as cleanup:
        with atomic_path(path) as temporary:
            temporaries = {name: path.with_name(f"{PREFIX}{name}") for name in names}
            for left in (*temporaries.values(), *(path.with_name(name) for name in names)):
                cleanup.callback(_remove, left)
            sinks: dict[str, Hdf5Sink] = {}
            with ExitStack() as files:
                for name, part in zip(names, parts, strict=True):
                    file = files.enter_context(temporaries[name].open("x+b", buffering=0))
                    sink = Hdf5Sink(file, 0, part)
                    sinks.update(dict.fromkeys((slot.path for slot in part), sink))
                yield _Shards(sinks)
                for sink in dict.fromkeys(sinks.values()):
                    sink.check_whole()
            for name, waiting in temporaries.items():
                sync_file(waiting)
                os.replace(waiting, path.with_name(name))
            _keep_first(path.with_name(f"{base}_00000.weights.h5"), replace=False)
            temporary.write_text(json.dumps(_map(slots, names, parts, metadata()), indent=4))
            sync_folder(path.resolve().parent)
        cleanup.pop_all()  # from here on the new set counts
    for name in old:
        if name == f"{base}_00000.weights.h5":
            _keep_first(path.with_name(name), replace=True)
        elif name not in names:
            _remove(path.with_name(name))


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
        "/" + slot.path.rpartition("/")[0]: name
        for name, part in zip(names, parts, strict=True)
        for slot in part
    }
    total = sum(slot.nbytes for slot in slots)
    return {"metadata": {**metadata, "total_size": total}, "weight_map": places}


def _shards_of(path: Path) -> set[str]:
    """Names of the shards that a map written earlier points to; empty if there is none."""
    with suppress(OSError, ValueError, AttributeError):
        places = json.loads(path.read_text())["weight_map"].values()
        flat = {name for place in places for name in ([place] if isinstance(place, str) else place)}
        return {name for name in flat if Path(name).name == name and name.endswith(".weights.h5")}
    return set()


def _keep_first(first: Path, *, replace: bool) -> None:
    if first.exists() and not replace:
        return
    with atomic_path(first) as temporary, h5py.File(temporary, "w"):
        pass


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()
