"""`weld average`: combine the weights of models of one architecture, tensor by tensor, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from keras_weld.core.arguments import list_of_models
from keras_weld.core.dtypes import is_float
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.errors import IncompatibleModelsError, UsageError
from keras_weld.io.fingerprint import Fingerprints
from keras_weld.io.hdf5 import natural
from keras_weld.io.hdf5_structure import files_alike
from keras_weld.io.hdf5_writer import Slot
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import Limits
from keras_weld.io.placing import place
from keras_weld.io.read import open_model
from keras_weld.io.write import LINEAGE, open_sink, written_kind
from keras_weld.recipes.caution import different_starts, require_means, require_one_architecture
from keras_weld.recipes.lineage import describe
from keras_weld.recipes.matching import match
from keras_weld.recipes.shares import shares
from keras_weld.recipes.streaming import Progress, Task, stream
from keras_weld.weights import METHODS

Model = Any
"""A path (str or os.PathLike), or a live `keras.Model`; Keras is not imported to say so."""

_DEFAULT = Limits()
_LAYOUTS = (Kind.KERAS, Kind.WEIGHTS, Kind.SHARDED)


@dataclass(frozen=True, slots=True)
class Averaged:
    """What an average gave.

    Attributes:
        path: the file that was written.
        sources: the models that went in, as they were named.
        weights: the share of each.
        averaged: number of tensors that were averaged.
        copied: names of tensors that have no mean and were taken from the first model.
        notes: what a person should know: what was left out, matched by order, or looks wrong.
    """

    path: Path
    sources: tuple[str, ...]
    weights: tuple[float, ...]
    averaged: int
    copied: tuple[str, ...]
    notes: tuple[str, ...]


def average(
    models: Sequence[Model],
    out: str | os.PathLike[str],
    *,
    weights: Sequence[float] | None = None,
    normalize: bool = False,
    last: int | None = None,
    method: str = "linear",
    limits: Limits = _DEFAULT,
    progress: Progress | None = None,
    architecture: str | os.PathLike[str] | None = None,
    fingerprints: Fingerprints | None = None,
) -> Averaged:
    """Average the weights of models of one architecture and write the result.

    Values are added up in float64 and rounded once, to the dtype of the model that gives the result its shape (the
    first in Keras 3's own formats). Tensors are read,
    combined and written piece by piece: memory does not grow with the number of models. Integers, random
    seeds and vocabularies have no mean; they are taken from the first model, and told where the others
    differ. The optimizer's state belongs to no mean of weights and is left out.

    Args:
        models: paths of saved models in any readable format, mixed, or live Keras models.
        out: the file to write: `.keras`, `.weights.h5` or `.weights.json`.
        weights: the share of each model; they sum to 1. Equal shares if None.
        normalize: divide the weights by their sum first.
        last: of the files, take the last `last` in the natural order of their names.
        method: name of a weight-space method.
        limits: what the files may ask for.
        progress: called with (bytes done, bytes in all).
        architecture: a file with the architecture (`.json`, `.keras`, `.h5`), for sources that keep weights alone in
            a way that does not tell where Keras 3 would keep them: SavedModels, and weights-only `.h5`.
        fingerprints: the sources' SHA-256, if somebody works them out already.

    Returns:
        What was done, and what to know about it.

    Raises:
        IncompatibleModelsError: if the models have different tensors or architectures.
        ShapeMismatchError: if a tensor differs in shape; names file, layer, expected and found.
        UsageError: for weights that do not fit.
        WeldError: if a file cannot be read, or the result cannot be written.

    Example:
        >>> import keras_weld as weld
        >>> weld.average(["a.keras", "b.keras"], "mean.keras").averaged  # doctest: +SKIP
        267
    """
    written_kind(out)
    how = METHODS[method]
    given = list_of_models(models)
    chosen = _last(given, last)
    parts = shares(len(chosen), weights, normalize)
    with ExitStack() as stack:
        stack.enter_context(files_alike())
        prints = fingerprints or stack.enter_context(Fingerprints(chosen))
        states = [stack.enter_context(_open(model, limits)) for model in chosen]
        if architecture is not None:
            with open_model(architecture, limits) as like:
                states = [_with_architecture(state, like) for state in states]
        plan = _Plan(states, Path(out))
        tasks, copied = plan.tasks()
        notes = plan.notes(copied)

        def metadata() -> dict[str, Any]:
            lineage = describe(method, {"weights": parts}, states, parts, [prints.of(model) for model in chosen], notes)
            return {**plan.metadata(), LINEAGE: lineage}

        intact = stack.enter_context(_Intact(states))
        with open_sink(
            out,
            [task.slot for task in tasks],
            config=plan.config(),
            metadata=metadata,
            assets={name: read() for name, read in plan.template.assets.items()},
        ) as sink:
            spoilt = stream(tasks, how, parts, sink, progress)
            intact.require()
            notes.extend(_told_of_nonfinite(spoilt))
    averaged = sum(task.averaged for task in tasks)
    names = tuple(state.source for state in states)
    return Averaged(Path(out), names, tuple(parts), averaged, tuple(copied), tuple(notes))


class _Intact:
    """Holds every source against its checksums, on another core, while the values are combined."""

    def __init__(self, states: Sequence[ModelState]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._running = [self._pool.submit(state.verifier) for state in states if state.verifier is not None]

    def __enter__(self) -> _Intact:
        return self

    def __exit__(self, *error: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def require(self) -> None:
        """Wait for the last source.

        Raises:
            DamagedFileError: for the first whose bytes are not those that were written.
        """
        for one in self._running:
            one.result()


def _told_of_nonfinite(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return [
        f"Warning: the result holds NaN or infinity, in {names[0]}{more}: one of the sources broke down in training."
    ]


def _last(models: list[Model], last: int | None) -> list[Model]:
    if last is None:
        chosen = models
    elif not 1 <= last <= len(models):
        raise UsageError(
            "There are not as many models as --last asks for.",
            expected=f"a number from 1 to {len(models)}",
            found=last,
            remedy="Give more files, or a smaller number.",
        )
    else:
        if not all(isinstance(model, str | os.PathLike) for model in models):
            raise UsageError("--last goes by the names of files; a live model has none.", remedy="Give paths.")
        chosen = sorted(models, key=lambda model: natural(os.fspath(model)))[-last:]
    if not chosen:
        raise UsageError(
            "There is nothing to average.",
            expected="one model or more",
            found="none",
            remedy="Name the files.",
        )
    return chosen


def _with_architecture(state: ModelState, like: ModelState) -> ModelState:
    if like.graph is None or like.graph.opaque:
        raise UsageError(
            "This file does not tell the architecture.",
            file=like.source,
            expected="a file with the model's layers: .json, .keras or .h5",
            found=str(like.kind),
            remedy="Write it where the model was made: model.to_json()",
        )
    if _is_keras_3(state):
        return state
    placed = state if _in_layout(state) else place(state, like.graph)
    return replace(placed, config=like.config, known_graph=like.graph, metadata={**like.metadata, "given": True})


def _open(model: Model, limits: Limits) -> ModelState:
    if isinstance(model, str | os.PathLike):
        return open_model(model, limits)
    from keras_weld.models.state import state_of

    return state_of(model)


class _Plan:
    """What goes where: the first model in Keras 3's layout gives the output its shape."""

    def __init__(self, states: Sequence[ModelState], out: Path) -> None:
        self.states = states
        self.out = out
        self.template = min(states, key=_distance)
        self.wants_config = written_kind(out) is Kind.KERAS
        if not self.template.weights:
            raise IncompatibleModelsError(
                "The first model holds no weights.",
                file=self.template.source,
                found=f"{self.template.kind}",
                remedy="Give a file that holds weights.",
            )
        if not _in_layout(self.template):
            raise IncompatibleModelsError(
                "None of the sources tells where Keras 3 would keep its tensors.",
                file=self.template.source,
                expected="one source as .keras, .weights.h5, .weights.json, or .h5 with its architecture",
                found=str(self.template.kind),
                remedy="Give the architecture too: --architecture model.json (what model.to_json() gave), or one of "
                "the models in such a format.",
            )
        self.by_order: list[str] = []
        self.starts: list[str] = []
        self.reordered: list[str] = []
        self.precisions: dict[tuple[str, str, str], None] = {}

    def tasks(self) -> tuple[list[Task], list[str]]:
        require_one_architecture(self.states)
        pairings = [match(self.template, state) for state in self.states]
        self.reordered = [state.source for state, found in zip(self.states, pairings, strict=True) if found.reordered]
        self.precisions = {
            (state.source, theirs.spec.dtype.name, ours.spec.dtype.name): None
            for state, found in zip(self.states, pairings, strict=True)
            for ours, theirs in found.pairs
            if is_float(ours.spec.dtype) and ours.spec.dtype != theirs.spec.dtype
        }
        self.by_order = [state.source for state, found in zip(self.states, pairings, strict=True) if found.by_order]
        columns = [[theirs for _, theirs in found.pairs] for found in pairings]
        require_means(columns, self.states)
        self.starts = list(different_starts(columns, self.states))
        tasks = [
            Task(_slot(kept), [column[number] for column in columns])
            for number, (kept, _) in enumerate(pairings[0].pairs)
        ]
        return tasks, [task.sources[0].spec.name for task in tasks if not task.averaged and not task.agree()]

    def config(self) -> dict[str, Any] | None:
        if not self.wants_config or self.template.config is None:
            return None
        if not _is_keras_3(self.template):
            raise UsageError(
                "None of the sources holds an architecture that Keras 3 reads as it is.",
                file=self.out,
                found=f"{self.template.kind} of Keras {self.template.metadata.get('keras_version')}",
                remedy=f"Write the weights alone (-o {self.out.stem}.weights.h5) and load them into the "
                "model built in code, or give one source as .keras.",
            )
        return {**self.template.config, "compile_config": None}

    def metadata(self) -> dict[str, Any]:
        kept = ("keras_version", "date_saved")
        return {name: self.template.metadata[name] for name in kept if self.template.metadata.get(name)}

    def notes(self, copied: Sequence[str]) -> list[str]:
        notes = [*self.starts]
        if len(self.states) == 1:
            notes.append("Only one model was given: the result has its weights.")
        if copied:
            listed = ", ".join(copied[:3]) + ("…" if len(copied) > 3 else "")
            notes.append(f"Taken from {self.states[0].source}, since it has no mean and differs: {listed}")
        if any(state.optimizer for state in self.states):
            notes.append("The optimizer's state was left out: it belongs to no mean of weights.")
        if self.wants_config and self.template.compile_config:
            notes.append("The result is not compiled: call model.compile(...) before you train or evaluate it.")
        notes.extend(
            f"{source} stores {theirs}; the result has {ours}, like {self.template.source}."
            for source, theirs, ours in self.precisions
        )
        notes.extend(
            f"Warning: in {source} the layers stand in another order; they were matched by their names, and the "
            f"outputs are in the order of {self.template.source}."
            for source in self.reordered
        )
        notes.extend(
            f"{source} was matched by the order of its tensors: its names say nothing." for source in self.by_order
        )
        if any(spec.name.endswith("/moving_mean") for spec in self.template.specs) and len(self.states) > 1:
            notes.append(
                "The statistics of BatchNormalization were averaged too; they belong to the sources. Judge "
                "the result with weld evaluate."
            )
        return [*notes, *self._asset_notes()]

    def _asset_notes(self) -> list[str]:
        notes: list[str] = []
        for name, read in self.template.assets.items():
            kept = read()
            notes.extend(
                f"{name} differs in {state.source}: the one of {self.template.source} was kept."
                for state in self.states
                if name in state.assets and state.assets[name]() != kept
            )
        return notes


def _is_keras_3(state: ModelState) -> bool:
    version = str(state.metadata.get("keras_version") or "3")
    # A legacy .h5 holds its architecture in an older form, whatever version wrote it.
    newer = state.kind is Kind.KERAS or (state.metadata.get("given") and "module" in (state.config or {}))
    return bool(newer) and not version.startswith(("1.", "2."))


def _in_layout(state: ModelState) -> bool:
    return all("vars/" in tensor.spec.path for tensor in state.weights)


def _distance(state: ModelState) -> int:
    """How far a source is from what Keras 3 writes: the nearest gives the result its shape."""
    if _is_keras_3(state):
        return 0
    if state.kind in _LAYOUTS:
        return 1
    return 2 if state.weights and _in_layout(state) else 3


def _slot(kept: LazyTensor) -> Slot:
    spec = kept.spec
    depth = spec.path.removesuffix("/vars/" + spec.path.rpartition("/")[2]).count("layers/")
    owner = spec.layer.rpartition("/")[2] if depth == spec.layer.count("/") + 1 else ""
    return Slot(spec.path, spec.shape, spec.dtype, owner)
