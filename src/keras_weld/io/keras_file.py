"""`.keras` archives: configuration, metadata, weights and assets, read in place."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import TensorSpec
from keras_weld.errors import DamagedFileError, add_context
from keras_weld.io import archive
from keras_weld.io.alike import made_once
from keras_weld.io.archive import Archive, open_archive
from keras_weld.io.config_form import require_form
from keras_weld.io.hdf5 import Hdf5, open_hdf5
from keras_weld.io.hdf5_reader import Reader
from keras_weld.io.json_text import checked_compile_config, parse_json
from keras_weld.io.kinds import LINEAGE, Kind
from keras_weld.io.limits import Limits
from keras_weld.io.naming import name_tensors
from keras_weld.io.window import Window

_ADDRESS = re.compile(rb'((?<!\\)"shared_object_id": )(\d+)')  # a key, not part of a text, where quotes are escaped


@dataclass(frozen=True, slots=True)
class _Described:
    """What config.json says."""

    config: dict[str, Any]
    compiled: dict[str, Any] | None
    graph: ModelGraph


def without_addresses(config: bytes) -> bytes:
    """The text of a configuration, its shared objects numbered in the order in which they come.

    Keras numbers them by their addresses in memory, so the same model saved twice gives two texts.
    """
    numbers: dict[bytes, bytes] = {}

    def number(found: re.Match[bytes]) -> bytes:
        return found[1] + numbers.setdefault(found[2], b"%d" % len(numbers))

    return _ADDRESS.sub(number, config)


def _describe(text: bytes, limits: Limits) -> _Described:
    config = parse_json(text, limits, archive.CONFIG)
    if not isinstance(config, dict) or "class_name" not in config:
        raise _not_of_keras(config)
    graph = ModelGraph.from_config(config)
    require_form(config, graph)
    return _Described(config, checked_compile_config(config.get("compile_config")), graph)


def _not_of_keras(config: Any) -> DamagedFileError:
    return DamagedFileError(
        "The model's configuration is not one that Keras writes.",
        expected="an object with class_name and config",
        found=type(config).__name__ if not isinstance(config, dict) else ", ".join(list(config)[:5]),
        remedy="Save the model again with model.save().",
    )


def read_keras(path: Path, limits: Limits, reader: Reader = Reader.QUICK) -> ModelState:
    """Open a `.keras` file.

    Raises:
        WeldError: if it is damaged, holds what no `.keras` file has, or is above a limit.
    """
    opened = open_archive(path, limits)
    try:
        with add_context(file=path):
            text = opened.read(archive.CONFIG)
            same = without_addresses(text)
            described = made_once((same, limits), partial(_describe, text, limits), kind=_Described)
            has_metadata = archive.METADATA in opened.members
            metadata = parse_json(opened.read(archive.METADATA), limits, archive.METADATA) if has_metadata else {}
            if not isinstance(metadata, dict):
                raise _not_of_keras(metadata)
            content = open_weights_member(opened, reader)
    except BaseException:
        opened.file.close()
        raise
    return ModelState(
        source=str(path),
        kind=Kind.KERAS,
        tensors=lazy_tensors(content, described.graph, same),
        config=described.config,
        compile_config=described.compiled,
        metadata={**metadata, "lineage": metadata.get(LINEAGE)},
        assets={name: partial(opened.read, archive.ASSETS + name) for name in opened.assets},
        closers=(content.close, opened.file.close),
        known_graph=described.graph,
        verifier=opened.verify,
    )


def open_weights_member(opened: Archive, reader: Reader) -> Hdf5:
    """The HDF5 file inside an archive: in place if it is stored, unpacked in memory if it is deflated."""
    member = opened.members.get(archive.WEIGHTS)
    if member is None or member.deflated:
        buffer = io.BytesIO(opened.read(archive.WEIGHTS))
        return open_hdf5(opened.path, opened.limits, source=buffer, start=-1, reader=reader)
    window = Window(opened.file, member.start, member.size)
    return open_hdf5(opened.path, opened.limits, source=window, start=member.start, reader=reader)


def lazy_tensors(content: Hdf5, graph: ModelGraph | None, described: bytes = b"") -> dict[str, LazyTensor]:
    """The tensors of a file in Keras 3's layout, by name, in the model's order.

    Args:
        content: the file.
        graph: the architecture, if the file has it.
        described: the text that the graph was read from, as `without_addresses` gives it.
    """

    def name_all() -> dict[str, TensorSpec]:
        return name_tensors(content.datasets, graph, partial(_owner, content))

    structure = content.structure
    specs = name_all() if structure is None else made_once((structure, described), name_all, kind=dict)
    return {spec.name: LazyTensor(spec, partial(content.read, path)) for path, spec in specs.items()}


def _owner(content: Hdf5, group: str) -> str | None:
    name = content.attribute(group, "name") if content.has_group(group) else None
    return name if isinstance(name, str) else None
