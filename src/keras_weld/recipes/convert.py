"""Convert a saved model from any format that is read into any that is written."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

from keras_weld.core.arguments import require_another_file, require_flag, require_free, require_kind, require_path
from keras_weld.core.state import ModelState
from keras_weld.errors import OptimizerStateError, UsageError, add_context
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.kinds import LINEAGE, Kind
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.io.saved_kind import saved_kind
from keras_weld.io.write import open_sink
from keras_weld.recipes.original import Compared, compare_with_original
from keras_weld.recipes.which import is_run
from keras_weld.training.run_folder import MODEL, read_run

_WEIGHTS_ALONE = (Kind.WEIGHTS, Kind.SHARDED)


@dataclass(frozen=True, slots=True)
class Converted:
    """What was converted.

    Attributes:
        path: the file or folder that was written.
        source: what it was made from.
        source_kind: the format of that; "run" for a run.
        kind: the format that was written.
        keras_version: the version that wrote the source, as far as it tells.
        difference: for a model of Keras 1 or 2, the largest difference between an output of the original, computed
            with tf_keras, and of what was written; None if they were not compared.
        guards: what the process that ran the original could not do.
        reloaded: of a whole model, the largest difference between an output of the model and of what was written,
            loaded again; None if they were not compared.
        notes: what was left out, and what could not be compared.
    """

    path: str
    source: str
    source_kind: str
    kind: str
    keras_version: str | None
    difference: float | None
    guards: tuple[str, ...]
    reloaded: float | None
    notes: tuple[str, ...]


def convert(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    which: str | None = None,
    architecture: str | os.PathLike[str] | None = None,
    custom_objects: Any = None,
    unsafe: bool = False,
    limits: Limits | None = None,
    overwrite: bool = True,
    max_shard_size: float = 5.0,
) -> Converted:
    """Write a saved model, or the model of a run, in another format; the name of the output tells which.

    The file is scanned, built and written as `weld.load` and `weld.save` do it, optimizer state included where both
    formats have it. A whole model is loaded again, and has to answer made-up inputs as the one that was written. A
    model of Keras 1 or 2 is said anew in the words of Keras 3, and then, if tf_keras is installed, both answer the
    same made-up inputs: the original in a sandbox. If they differ, nothing is written.

    Args:
        source: any file or folder that is read, or the folder of a run.
        out: a name ending in .keras, .h5, .weights.h5, .weights.json, .json, .yaml or .savedmodel.
        which: of a run, which model: `"last"` (the default), `"best"`, `"epoch 7"`, or a metric with its direction,
            such as `"highest val_accuracy"`; its checkpoint has to be kept.
        architecture: a file that has the architecture, for weights without one.
        custom_objects: classes and functions of your own that the model needs, as `weld.load` takes them.
        unsafe: also build, and run, what carries Python code. It runs with your rights.
        limits: what the file may ask for.
        overwrite: whether a file that is there may be replaced.
        max_shard_size: largest size of a shard in gigabytes, for .weights.json.

    Returns:
        What was written, what was compared, and what was left out.

    Raises:
        UsageError: if the name tells no format, or the source has no weights to write.
        WeldError: if the source cannot be read or built, or what comes of it answers otherwise than the original.

    Example:
        >>> convert("old.h5", "new.keras").difference  # doctest: +SKIP
        4.5e-08
    """
    for path in (source, out):
        require_path(path, "Give two paths: weld.convert('old.h5', 'new.keras')")
    require_flag("unsafe", unsafe)
    require_flag("overwrite", overwrite)
    require_kind("max_shard_size", max_shard_size, Real, "gigabytes, such as 5.0")
    kind = saved_kind(out)
    require_another_file(out, [source, Path(source, MODEL)])
    require_free(out, overwrite)
    asked = _Asked(kind, architecture, custom_objects, unsafe, Limits() if limits is None else limits, max_shard_size)
    if is_run(source, which):
        return _out_of_run(Path(source), out, which, asked)
    with open_model(source, asked.limits) as state:
        _require_weights(state, kind)
        if state.config is None and architecture is None:
            _require_architecture(state, kind)
            _copy_weights(state, out)
            return _converted(state, out, kind, Compared(), None, ())
    # Closed by now: HDF5 does not let Keras open a file that is open here under other flags.
    return _by_building(state, out, asked)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for besides source and output, as `convert` tells of it."""

    kind: Kind
    architecture: str | os.PathLike[str] | None
    custom_objects: Any
    unsafe: bool
    limits: Limits
    max_shard_size: float

    @property
    def loading(self) -> dict[str, Any]:
        return {
            "architecture": self.architecture,
            "custom_objects": self.custom_objects,
            "unsafe": self.unsafe,
            "limits": self.limits,
        }

    @property
    def writing(self) -> dict[str, Any]:
        return {
            "custom_objects": self.custom_objects,
            "unsafe": self.unsafe,
            "max_shard_size": self.max_shard_size,
        }


def _out_of_run(run: Path, out: str | os.PathLike[str], which: str | None, asked: _Asked) -> Converted:
    from keras_weld.recipes.run_model import model_of_run
    from keras_weld.recipes.run_step import LAST
    from keras_weld.recipes.written import left_out, write_tried

    with _told() as notes:
        model, told = model_of_run(run, which or LAST, **asked.loading)
    reloaded = write_tried(model, out, asked.kind, **asked.writing)
    return Converted(
        path=os.fspath(out),
        source=os.fspath(run),
        source_kind="run",
        kind=str(asked.kind),
        keras_version=str(read_run(run)["identity"].get("versions", {}).get("keras")),
        difference=None,
        guards=(),
        reloaded=reloaded,
        notes=(*told, *notes, *left_out(model, asked.kind)),
    )


def _by_building(state: ModelState, out: str | os.PathLike[str], asked: _Asked) -> Converted:
    from keras_weld.models.provenance import set_lineage
    from keras_weld.recipes.written import left_out, write_tried

    kind, of_architecture = asked.kind, Kind(state.kind) is Kind.ARCHITECTURE
    with _told() as told:
        model, notes = _built(state.source, **asked.loading)
    notes += told
    if known := state.metadata.get("lineage"):
        set_lineage(model, known)
    compared = Compared()
    if _is_older(state) and not of_architecture:
        compared = _compared(state, model, asked.architecture, asked.unsafe, asked.limits)
    reloaded = write_tried(model, out, kind, **asked.writing)
    if kind is not Kind.ARCHITECTURE:
        notes += left_out(model, kind)
    elif not of_architecture:
        notes = left_out(model, kind)
    return _converted(state, out, kind, compared, reloaded, notes)


@contextmanager
def _told() -> Iterator[list[str]]:
    """What is told by warnings inside the block, once it has ended."""
    notes: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield notes
    notes += [str(one.message) for one in caught if issubclass(one.category, UserWarning)]


def _built(source: str, **options: Any) -> tuple[Any, list[str]]:
    """The model; without its optimizer, if the state of that does not fit, which is told."""
    from keras_weld.models.load import load

    try:
        return load(source, **options), []
    except OptimizerStateError as error:
        return load(source, **options, compile=False), [
            f"{error.problem} The model has {error.expected}; the file has {error.found}. The state was left out, "
            "and the result is not compiled: call model.compile(...) before you train or evaluate it."
        ]


def _compared(
    state: ModelState, model: Any, architecture: str | os.PathLike[str] | None, unsafe: bool, limits: Limits
) -> Compared:
    config = None
    if state.config is None and architecture is not None:
        with open_model(architecture, limits) as beside:
            config = beside.config
    with add_context(file=state.source):
        return compare_with_original(Path(state.source), Kind(state.kind), model, architecture=config, unsafe=unsafe)


def _is_older(state: ModelState) -> bool:
    """Whether Keras 1 or 2 wrote it: the old layout without a version is theirs too."""
    version = str(state.metadata.get("keras_version") or "")
    return version.startswith(("1.", "2.")) or (not version and Kind(state.kind) is Kind.LEGACY_WEIGHTS)


def _require_weights(state: ModelState, kind: Kind) -> None:
    if Kind(state.kind) is Kind.ARCHITECTURE and kind is not Kind.ARCHITECTURE:
        raise UsageError(
            "An architecture has no weights, and a model with random ones is not what you want to keep.",
            file=state.source,
            remedy="Give the weights, and the architecture beside them: weld convert weights.h5 model.keras "
            f"--architecture {Path(state.source).name}",
        )


def _require_architecture(state: ModelState, kind: Kind) -> None:
    if Kind(state.kind) not in _WEIGHTS_ALONE or kind not in _WEIGHTS_ALONE:
        raise UsageError(
            "This file holds no architecture, and the output needs one.",
            file=state.source,
            expected="an architecture beside it",
            found=f"{state.kind} without an architecture",
            remedy="Give it: --architecture model.json (in Python: architecture='model.json'), a file that "
            "model.to_json() or model.save() wrote.",
        )


def _copy_weights(state: ModelState, out: str | os.PathLike[str]) -> None:
    """Copy weights, optimizer's state and all, between the two formats of weights alone; nothing is built."""
    slots = [Slot(one.path, one.shape, one.dtype, one.layer.rpartition("/")[2]) for one in state.specs]
    known = state.metadata.get("lineage")
    metadata = {} if known is None else {LINEAGE: known}
    with open_sink(out, slots, metadata=lambda: metadata) as sink:
        for tensor in state.values():
            sink.put(tensor.spec.path, 0, tensor.read())


def _converted(
    state: ModelState,
    out: str | os.PathLike[str],
    kind: Kind,
    compared: Compared,
    reloaded: float | None,
    notes: Sequence[str],
) -> Converted:
    version = state.metadata.get("keras_version")
    reason = () if compared.reason is None else (f"Outputs were not compared with the original's: {compared.reason}",)
    return Converted(
        path=os.fspath(out),
        source=state.source,
        source_kind=str(state.kind),
        kind=str(kind),
        keras_version=None if version is None else str(version),
        difference=compared.difference,
        guards=compared.guards,
        reloaded=reloaded,
        notes=(*notes, *reason),
    )
