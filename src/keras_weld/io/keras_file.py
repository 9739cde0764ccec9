"""`.keras` archives: configuration, metadata, weights and assets, read in place."""

from __future__ import annotations

import io
from functools import partial
from pathlib import Path

from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.errors import DamagedFileError, add_context
from keras_weld.io import archive
from keras_weld.io.archive import Archive, open_archive
from keras_weld.io.hdf5 import Hdf5, open_hdf5
from keras_weld.io.json_text import checked_compile_config, parse_json
from keras_weld.io.kinds import LINEAGE, Kind
from keras_weld.io.limits import Limits
from keras_weld.io.naming import name_tensors
from keras_weld.io.window import Window


def read_keras(path: Path, limits: Limits) -> ModelState:
    """Open a `.keras` file.

    Raises:
        WeldError: if it is damaged, holds what no `.keras` file has, or is above a limit.
    """
    opened = open_archive(path, limits)
    try:
        with add_context(file=path):
            config = parse_json(opened.read(archive.CONFIG), limits, archive.CONFIG)
            has_metadata = archive.METADATA in opened.members
            metadata = parse_json(opened.read(archive.METADATA), limits, archive.METADATA) if has_metadata else {}
            if not isinstance(config, dict) or "class_name" not in config or not isinstance(metadata, dict):
                raise DamagedFileError(
                    "The model's configuration is not one that Keras writes.",
                    expected="an object with class_name and config",
                    found=type(config).__name__ if not isinstance(config, dict) else ", ".join(list(config)[:5]),
                    remedy="Save the model again with model.save().",
                )
            compiled = checked_compile_config(config.get("compile_config"))
            graph = ModelGraph.from_config(config)
            content = open_weights_member(opened)
    except BaseException:
        opened.file.close()
        raise
    return ModelState(
        source=str(path),
        kind=Kind.KERAS,
        tensors=lazy_tensors(content, graph),
        config=config,
        compile_config=compiled,
        metadata={**metadata, "lineage": metadata.get(LINEAGE)},
        assets={name: partial(opened.read, archive.ASSETS + name) for name in opened.assets},
        closers=(content.close, opened.file.close),
        known_graph=graph,
        verifier=partial(opened.verify, archive.WEIGHTS) if archive.WEIGHTS in opened.members else None,
    )


def open_weights_member(opened: Archive) -> Hdf5:
    """The HDF5 file inside an archive: in place if it is stored, unpacked in memory if it is deflated."""
    member = opened.members.get(archive.WEIGHTS)
    if member is None or member.deflated:
        buffer = io.BytesIO(opened.read(archive.WEIGHTS))
        return open_hdf5(opened.path, opened.limits, source=buffer, start=-1)
    window = Window(opened.file, member.start, member.size)
    return open_hdf5(opened.path, opened.limits, source=window, start=member.start)


def lazy_tensors(content: Hdf5, graph: ModelGraph | None) -> dict[str, LazyTensor]:
    """The tensors of a file in Keras 3's layout, by name, in the model's order."""
    specs = name_tensors(content.datasets, graph, partial(_owner, content))
    return {spec.name: LazyTensor(spec, partial(content.read, path)) for path, spec in specs.items()}


def _owner(content: Hdf5, group: str) -> str | None:
    name = content.attribute(group, "name") if content.has_group(group) else None
    return name if isinstance(name, str) else None
