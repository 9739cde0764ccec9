"""Sharded weights: a map (`name.weights.json`) and the shards it points to, read as one file."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.errors import DamagedFileError, MissingFileError, UnsafeFileError, WrongKindError, add_context
from keras_weld.io.hdf5 import Hdf5, Stored, open_hdf5
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.kinds import LINEAGE, Kind
from keras_weld.io.limits import Limits
from keras_weld.io.naming import name_tensors

_SHARD = re.compile(r"_\d{5}\.weights\.h5$")


def read_sharded(path: Path, content: dict[str, Any], limits: Limits, reader: Reader = Reader.QUICK) -> ModelState:
    """Open every shard of a map that was parsed already.

    Raises:
        UnsafeFileError: if the map points outside its folder.
        MissingFileError: if a shard is not there.
        DamagedFileError: if a group that the map names is not in its shard.
    """
    shards: dict[str, Hdf5] = {}
    try:
        with add_context(file=path):
            places = _places(content)
            limits.check("members", len({name for names in places.values() for name in names}), "The number of shards")
            for name in sorted({name for names in places.values() for name in names}):
                shards[name] = _open_shard(path, name, limits, reader)
            datasets, holder = _join(places, shards)
    except BaseException:
        for shard in shards.values():
            shard.close()
        raise
    specs = name_tensors(datasets, None, partial(_owner, holder))
    metadata = content.get("metadata")
    lineage = metadata.get(LINEAGE) if isinstance(metadata, dict) else None
    return ModelState(
        source=str(path),
        kind=Kind.SHARDED,
        tensors={spec.name: LazyTensor(spec, partial(holder[at].read, at)) for at, spec in specs.items()},
        metadata={"lineage": lineage, "shards": sorted(shards)},
        closers=tuple(shard.close for shard in shards.values()),
    )


def require_no_shard(path: Path, limits: Limits) -> None:
    """Refuse a shard by itself where the map that names it lies beside it.

    Raises:
        WrongKindError: naming the map.
    """
    if not _SHARD.search(path.name):
        return
    for parts in (1, 2):  # Keras writes NAME_00000, weld.save NAME_TOKEN_00000
        beside = path.with_name("_".join(path.name.split("_")[:-parts]) + ".weights.json")
        if not beside.is_file() or beside.stat().st_size > limits.json_bytes:
            continue
        if f'"{path.name}"' in beside.read_text("utf-8", errors="replace"):
            raise WrongKindError(
                "The file is one shard of several: it holds a part of the weights.",
                expected="all weights of the model",
                found=f"a shard that {beside.name} names",
                remedy=f"Give the map, which leads to every shard: {beside}",
            )


def _places(content: dict[str, Any]) -> dict[str, list[str]]:
    weight_map = content["weight_map"]
    if not isinstance(weight_map, dict):
        raise DamagedFileError(
            "The map of shards is not an object.",
            expected="groups and the shards that they are in",
            found=type(weight_map).__name__,
            remedy="Save the weights again with model.save_weights('name.weights.json', max_shard_size=…).",
        )
    places = {}
    for group, names in weight_map.items():
        names = [names] if isinstance(names, str) else names
        for name in names if isinstance(names, list) else [names]:
            if not isinstance(name, str) or Path(name).name != name or "\\" in name or name in ("", ".", ".."):
                raise UnsafeFileError(
                    "The map of shards points outside its folder.",
                    layer=group,
                    expected="the name of a file beside the map",
                    found=name,
                    remedy="Do not use this map unless you know who made it; Keras writes none such.",
                )
        places[group.strip("/")] = list(names)
    return places


def _open_shard(path: Path, name: str, limits: Limits, reader: Reader) -> Hdf5:
    shard = path.with_name(name)
    if not shard.is_file():
        raise MissingFileError(
            "A shard is not there.",
            file=shard,
            expected=f"{name} beside {path.name}, which names it",
            remedy="Copy the whole set: the map and every shard.",
        )
    return open_hdf5(shard, limits, reader=reader)


def _join(places: dict[str, list[str]], shards: dict[str, Hdf5]) -> tuple[dict[str, Stored], dict[str, Hdf5]]:
    datasets: dict[str, Stored] = {}
    holder: dict[str, Hdf5] = {}
    for group, names in places.items():
        for name in names:
            shard = shards[name]
            inside = [path for path in shard.datasets if path.rpartition("/")[0] == group]
            if not inside and group not in shard.groups:
                raise DamagedFileError(
                    "A shard does not hold what the map says.",
                    layer=group,
                    expected=f"the group {group} in {name}",
                    found="no such group",
                    remedy="Copy the whole set again: the map and its shards belong together.",
                )
            for path in inside:
                # The map lists the groups in the order in which they were written.
                datasets[path] = replace(shard.datasets[path], made=len(datasets))
                holder[path] = shard
    return datasets, holder


def _owner(holder: dict[str, Hdf5], group: str) -> str | None:
    for shard in dict.fromkeys(holder.values()):
        if shard.has_group(group):
            name = shard.attribute(group, "name")
            if isinstance(name, str):
                return name
    return None
