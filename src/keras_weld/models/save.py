"""Live Keras models into files: written beside, opened again, compared, and only then renamed."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_weld.core.file_names import with_format
from keras_weld.core.state import ModelState
from keras_weld.errors import UsageError, WriteError, add_context
from keras_weld.io.atomic import atomic_path
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.kinds import LINEAGE, Kind
from keras_weld.io.label import add_lineage
from keras_weld.io.limits import GB
from keras_weld.io.read import open_model
from keras_weld.io.write import open_sink, written_kind
from keras_weld.models.provenance import lineage
from keras_weld.models.quiet import quiet
from keras_weld.models.state import state_of
from keras_weld.models.write import UNLIMITED, write

_Print = tuple[tuple[int, ...], str, bytes]


def save(
    model: keras.Model, path: str | os.PathLike[str], *, overwrite: bool = True, max_shard_size: float = 5.0
) -> Path:
    """Save a model so that a crash at any moment leaves the old file or the new one.

    The file is written under another name in the same folder, opened again and compared with the live
    variables byte by byte, flushed, and renamed. A model that was composed takes its lineage along.

    Args:
        model: a built Keras model.
        path: a name ending in `.keras` (the whole model), `.weights.h5`, or `.weights.json` (weights in
            shards).
        overwrite: whether a file that is there may be replaced.
        max_shard_size: largest size of a shard in gigabytes, for `.weights.json`.

    Returns:
        The path.

    Raises:
        UsageError: if the name asks for a format that is not written, or the model is not built.
        WriteError: if the file cannot be written, or does not hold what the model holds.

    Example:
        >>> save(model, "model.keras")  # doctest: +SKIP
    """
    target = Path(path)
    _check(model, target, overwrite)
    with add_context(file=target):
        if written_kind(target) is Kind.SHARDED:
            _save_shards(model, target, int(max_shard_size * GB))
        else:
            save_if(model, target)
    return target


def save_if(model: keras.Model, target: Path, holds: Callable[[Path], None] = lambda path: None) -> None:
    """Save a model as one file, if it stands a further test.

    Args:
        model: a built model.
        target: a name ending in `.keras` or `.weights.h5`.
        holds: called with the finished file under its temporary name; what it raises is raised, and the file
            not kept.

    Raises:
        WriteError: if the file cannot be written, or does not hold what the model holds.
    """

    def check(temporary: Path) -> None:
        _verify(model, temporary)
        holds(temporary)

    with atomic_path(target, check) as temporary:
        write(model, temporary)
        if (known := lineage(model)) is not None:
            add_lineage(temporary, known)


def _check(model: Any, target: Path, overwrite: bool) -> None:
    if not isinstance(model, keras.Model):
        raise UsageError("Only a Keras model can be saved.", file=target, found=type(model).__name__)
    if target.suffix.lower() in (".h5", ".hdf5") and not target.name.endswith(".weights.h5"):
        raise UsageError(
            "Whole-model .h5 files are not written: they lose optimizer state, and writing one changes how "
            "the live model is saved afterwards.",
            file=target,
            expected="a name ending in .keras, .weights.h5 or .weights.json",
            found=target.name,
            remedy=f"Save it as {with_format(target, '.keras')}",
        )
    written_kind(target)
    if not model.built:
        raise UsageError(
            f"The model {model.name!r} has no weights yet.",
            file=target,
            remedy="Call it once on some data, or model.build(input_shape), then save it.",
        )
    if target.exists() and not overwrite:
        raise WriteError(
            "There is a file of this name already.",
            file=target,
            remedy="Choose another name, or allow it to be replaced: overwrite=True",
        )


def _save_shards(model: keras.Model, target: Path, shard_bytes: int) -> None:
    with state_of(model, weights_only=True) as state:
        specs = state.specs
        slots = [Slot(spec.path, spec.shape, spec.dtype, spec.layer.rpartition("/")[2]) for spec in specs]
        known = lineage(model)
        metadata = {} if known is None else {LINEAGE: known}
        with open_sink(target, slots, metadata=lambda: metadata, shard_bytes=shard_bytes) as sink:
            for tensor in state.values():
                sink.put(tensor.spec.path, 0, tensor.read())
    with quiet(), open_model(target, UNLIMITED) as written:
        _compare(model, written)


def _verify(model: keras.Model, path: Path) -> None:
    with quiet(), open_model(path, UNLIMITED) as written:
        _compare(model, written)


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
        waiting.extend(layer._layers)


def _print(values: Any) -> _Print:
    array = np.ascontiguousarray(values)
    digest = hashlib.blake2b(array.reshape(-1).view(np.uint8).data, digest_size=16).digest()
    return np.shape(values), str(array.dtype), digest
