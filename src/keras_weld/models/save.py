"""Live Keras models into files: written beside, opened again, compared, and only then renamed."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from numbers import Real
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_weld.core.arguments import require_flag, require_free, require_kind, require_path
from keras_weld.core.older_calls import refuse_older
from keras_weld.core.state import ModelState
from keras_weld.errors import UsageError, WriteError, add_context
from keras_weld.io.atomic import atomic_path
from keras_weld.io.atomic_folder import atomic_folder
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.kinds import LINEAGE, SEEDS, Kind
from keras_weld.io.label import add_entries
from keras_weld.io.limits import GB
from keras_weld.io.read import open_model
from keras_weld.io.saved_kind import saved_kind
from keras_weld.io.write import open_sink
from keras_weld.models.architecture import compare_architecture
from keras_weld.models.keras_private import layers_directly_in
from keras_weld.models.lost_arrays import refuse_lost_arrays
from keras_weld.models.provenance import lineage_of
from keras_weld.models.quiet import quiet
from keras_weld.models.saved_model import compare_served, write_saved_model
from keras_weld.models.seed_states import states_of_seeds
from keras_weld.models.state import state_of
from keras_weld.models.whole_h5 import compare_training, refuse_what_has_no_place
from keras_weld.models.write import UNLIMITED, write

_Print = tuple[tuple[int, ...], str, bytes]
_BY_NAME = "The name tells the format: weld.save(model, 'model.keras'), 'model.h5' or 'model.savedmodel'."
_INSTEAD = {
    "save_format": _BY_NAME,
    "format": _BY_NAME,
    "include_optimizer": "The optimizer's state goes into .keras and .h5. To do without it, load with compile=False.",
    "save_traces": "weld.save(model, 'model.savedmodel') always writes what can be served.",
    "signatures": "For endpoints of your own, use keras.export.ExportArchive.",
    "options": "Options of TensorFlow's saving are gone: save to this machine, and copy the file.",
    "zipped": "A .keras file is always one zip archive.",
    "include_config": "Write the architecture with weld.save(model, 'model.json').",
}


def save(
    model: keras.Model,
    path: str | os.PathLike[str],
    *,
    overwrite: bool = True,
    max_shard_size: float = 5.0,
    **older: Any,
) -> Path:
    """Save a model so that a crash at any moment leaves the old file or the new one.

    The file is written under another name in the same folder, opened again and compared with the live
    variables byte by byte, flushed, and renamed. A model that was composed takes its lineage along. The live
    model stays as it is.

    Args:
        model: a built Keras model.
        path: a name ending in `.keras` or `.h5` (the whole model with its optimizer's state), `.weights.h5`,
            `.weights.json` (weights in shards), `.json` or `.yaml` (the architecture alone), or `.savedmodel` or
            a slash (a SavedModel folder for serving, without optimizer).
        overwrite: whether a file that is there may be replaced.
        max_shard_size: largest size of a shard in gigabytes, for `.weights.json`.
        older: options of older versions of Keras, such as `save_format`; each is refused with the new way.

    Returns:
        The path.

    Raises:
        UsageError: if the name asks for a format that is not written, or the model is not built.
        WriteError: if the file cannot be written, or does not hold what the model holds.

    Example:
        >>> save(model, "model.keras")  # doctest: +SKIP
    """
    refuse_older("weld.save", older, _INSTEAD)
    require_path(path, "The model comes first, then the path: weld.save(model, 'model.keras')")
    require_kind("max_shard_size", max_shard_size, Real, "gigabytes, such as 5.0")
    require_flag("overwrite", overwrite)
    kind = saved_kind(path)
    target = Path(path)
    require_savable(model, target, kind)
    require_free(target, overwrite)
    with add_context(file=target):
        if kind is Kind.SHARDED:
            _save_shards(model, target, int(max_shard_size * GB))
        elif kind is Kind.SAVED_MODEL:
            _save_folder(model, target)
        else:
            save_if(model, target)
    return target


def save_if(model: keras.Model, target: Path, holds: Callable[[Path], None] = lambda path: None) -> None:
    """Save a model as one file, if it stands a further test.

    Args:
        model: a built model.
        target: a name ending in that of a format that is one file.
        holds: called with the finished file under its temporary name; what it raises is raised, and the file
            not kept.

    Raises:
        WriteError: if the file cannot be written, or does not hold what the model holds.
    """
    kind = saved_kind(target)

    def check(temporary: Path) -> None:
        _verify(model, temporary, kind)
        holds(temporary)

    with atomic_path(target, check) as temporary:
        write(model, temporary)
        entries = {LINEAGE: lineage_of(model), SEEDS: states_of_seeds(model) or None}
        there = {name: value for name, value in entries.items() if value is not None}
        if there and kind is not Kind.ARCHITECTURE:
            add_entries(temporary, there)


def require_savable(model: Any, target: Path, kind: Kind) -> None:
    """Refuse what cannot be saved under a name, before anything is written.

    Args:
        model: what shall be saved.
        target: the name.
        kind: the format that it asks for.

    Raises:
        UsageError: if it is no built model.
        WriteError: if a variable has lost its values, a folder of other things is there, or the format has no place
            for a part of the model.
    """
    if not isinstance(model, keras.Model):
        raise UsageError("Only a Keras model can be saved.", file=target, found=type(model).__name__)
    if not model.built:
        raise UsageError(
            f"The model {model.name!r} has no weights yet.",
            file=target,
            remedy="Call it once on some data, or model.build(input_shape), then save it.",
        )
    refuse_lost_arrays(model, target)
    if kind is Kind.SAVED_MODEL:
        _refuse_other_folders(target)
    elif kind is Kind.LEGACY_MODEL:
        refuse_what_has_no_place(model, target)


def _refuse_other_folders(target: Path) -> None:
    """Refuse to replace a folder with anything in it that is no SavedModel."""
    if target.is_dir() and any(target.iterdir()) and not (target / "saved_model.pb").is_file():
        raise WriteError(
            "The folder holds other things than a SavedModel; it is not replaced.",
            file=target,
            found=", ".join(sorted(entry.name for entry in target.iterdir())[:5]),
            remedy=f"Choose another name, such as {target.name}/model.savedmodel",
        )


def _save_shards(model: keras.Model, target: Path, shard_bytes: int) -> None:
    with state_of(model, weights_only=True) as state:
        specs = state.specs
        slots = [Slot(spec.path, spec.shape, spec.dtype, spec.layer.rpartition("/")[2]) for spec in specs]
        known = lineage_of(model)
        metadata = {} if known is None else {LINEAGE: known}
        with open_sink(target, slots, metadata=lambda: metadata, shard_bytes=shard_bytes) as sink:
            for tensor in state.values():
                sink.put(tensor.spec.path, 0, tensor.read())
    _verify(model, target, Kind.SHARDED)


def _save_folder(model: keras.Model, target: Path) -> None:
    def check(temporary: Path) -> None:
        _verify(model, temporary, Kind.SAVED_MODEL)
        compare_served(model, temporary)

    with atomic_folder(target, check) as temporary:
        write_saved_model(model, temporary, lineage_of(model))


def _verify(model: keras.Model, path: Path, kind: Kind) -> None:
    with quiet(), open_model(path, UNLIMITED) as written:
        if kind is Kind.ARCHITECTURE:
            compare_architecture(model, written)
            return
        _compare(model, written)
        if kind is Kind.LEGACY_MODEL:
            compare_training(model, written)


def _compare(model: keras.Model, written: ModelState) -> None:
    """Refuse a file that lacks any tensor that the live model would store.

    Raises:
        WriteError: naming the first one.
    """
    there = Counter(_print(tensor.read()) for tensor in written.values())
    for owner, key, value in _stored_by(model):
        fingerprint = _print(value)
        if there[fingerprint] == 0:
            raise WriteError(
                "The file that was written does not hold what the model holds; it was not kept.",
                layer=f"{owner}/{key}",
                expected=f"shape {fingerprint[0]}, {fingerprint[1]}",
                found="no such values",
                remedy="Check the disk and the memory of this machine; if both are well, report this.",
            )
        there[fingerprint] -= 1


def _stored_by(model: keras.Model) -> Iterator[tuple[str, str, Any]]:
    """What every layer, asked by itself, wants to have stored."""
    seen: set[int] = set()
    waiting: list[Any] = [model]
    while waiting:
        layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        store: dict[str, Any] = {}
        layer.save_own_variables(store)
        for key, value in store.items():
            yield layer.name, key, keras.ops.convert_to_numpy(value)
        waiting.extend(layers_directly_in(layer))


def _print(values: Any) -> _Print:
    array = np.ascontiguousarray(values)
    digest = hashlib.blake2b(array.reshape(-1).view(np.uint8).data, digest_size=16).digest()
    return np.shape(values), str(array.dtype), digest
