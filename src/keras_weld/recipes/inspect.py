"""`weld inspect`: what a model file holds, without a backend and without reading its tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from keras_weld.checks.summary import Summary, summarize
from keras_weld.core.arguments import require_flag, require_kind, require_path
from keras_weld.core.state import ModelState
from keras_weld.errors import LimitError, ShapeMismatchError, WeldError, WrongKindError, add_context
from keras_weld.io.bare_operations import require_no_bare_operation
from keras_weld.io.config_scan import ConfigReport, FoundClass, scan_config
from keras_weld.io.fingerprint import sha256_of
from keras_weld.io.guard import require_sizes
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.recipes.intact import Intact

_DEFAULT = Limits()


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a model file is and holds.

    Attributes:
        path: the file or folder, as it was named.
        kind: its format.
        bytes: its size on disk; of all files, for a folder or sharded weights.
        sha256: of the file's bytes; for a folder, of every name and SHA-256 in it. None if not asked for.
        summary: what it holds.
        executable: layers that run code that comes with the file.
        older: layers that Keras 3 no longer has.
        problems: why loading the file is refused: what no honest file has, sizes that contradict what is stored,
            operations that Keras takes for layers.
    """

    path: str
    kind: str
    bytes: int
    sha256: str | None
    summary: Summary
    executable: tuple[str, ...]
    older: tuple[str, ...]
    problems: tuple[str, ...]


def inspect(path: str | os.PathLike[str], *, limits: Limits | None = None, sha256: bool = True) -> Inspection:
    """Tell what a model file holds: nothing is built or run, and no backend is imported.

    Args:
        path: a saved model in any readable format.
        limits: what the file may ask for.
        sha256: whether to work out the file's SHA-256 and to hold a `.keras` against its checksums, which both read
            all of it.

    Returns:
        The file's figures: inputs, outputs and their meaning, layers, parameters, optimizer, lineage.

    Raises:
        UsageError: if `path` is no path.
        WeldError: if the file cannot be read.

    Example:
        >>> import keras_weld as weld
        >>> weld.inspect("model.keras").summary.parameters.total  # doctest: +SKIP
        25636712
    """
    require_path(path, "Give the path of a saved model; save a live one first: weld.save(model, 'model.keras')")
    where = Path(path)
    limits = _DEFAULT if limits is None else limits
    require_kind("limits", limits, Limits, "limits by name, such as Limits()")
    require_flag("sha256", sha256)
    with ThreadPoolExecutor(1) as pool:
        # On a core of its own while the file is opened and summed up.
        digest = pool.submit(sha256_of, where) if sha256 and where.exists() else None
        with add_context(file=where), open_model(where, limits) as state, Intact([state] if sha256 else []) as intact:
            report = scan(state, limits)
            summary = summarize(state, [found.full_name for found in report.custom])
            kind = str(state.kind)
            shards = state.metadata.get("shards", ())
            intact.require()
        return Inspection(
            path=os.fspath(path),
            kind=kind,
            bytes=_size(where, shards),
            sha256=digest.result() if digest else None,
            summary=summary,
            executable=report.code,
            older=_names(report.older),
            problems=tuple(map(_in_one_line, report.problems)),
        )


def scan(state: ModelState, limits: Limits) -> ConfigReport:
    """What in a file's config Keras does not ship, would do harm, cannot be built, or does not fit the weights.

    The report is empty without a config.
    """
    if not state.config:
        return ConfigReport()
    report = scan_config(state.config, limits=limits, file=state.source)
    if state.compile_config and "compile_config" not in state.config:  # of an .h5, which keeps it elsewhere
        compiled = scan_config(state.compile_config, limits=limits, file=state.source, compiled=True)
        report = report.joined(compiled)
    problems = list(report.problems)
    for require in (require_no_bare_operation, partial(require_sizes, limits=limits)):
        try:
            require(state)
        except (LimitError, ShapeMismatchError, WrongKindError) as error:
            problems.append(error)
    return replace(report, problems=tuple(problems))


def _in_one_line(error: WeldError) -> str:
    parts = [error.layer, error.expected and f"expected {error.expected}", error.found and f"found {error.found}"]
    told = "; ".join(part for part in parts if part)
    return f"{error.problem.removesuffix('.')} ({told})" if told else error.problem


def _names(found: tuple[FoundClass, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"{one.class_name} in {one.where}" for one in found))


def _size(path: Path, shards: Sequence[str]) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return sum(file.stat().st_size for file in (path, *(path.parent / name for name in shards)))
