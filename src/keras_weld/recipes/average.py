"""`weld average`: combine the weights of models of one architecture, tensor by tensor, in constant memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any

from keras_weld.core.arguments import list_of_models, require_flag, require_function, require_kind, require_path
from keras_weld.core.state import ModelState
from keras_weld.errors import UsageError
from keras_weld.io.fingerprint import Fingerprints
from keras_weld.io.hdf5 import natural
from keras_weld.io.hdf5_structure import files_alike
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.io.write import LINEAGE, open_sink, written_kind
from keras_weld.recipes.average_plan import Plan
from keras_weld.recipes.intact import Intact
from keras_weld.recipes.layout import with_architecture
from keras_weld.recipes.lineage import describe
from keras_weld.recipes.shares import shares
from keras_weld.recipes.source_notes import notes_on_sources
from keras_weld.recipes.streaming import Progress, Spoilt, stream
from keras_weld.weights import METHODS

Model = Any
"""A path (str or os.PathLike), or a live `keras.Model`; Keras is not imported to say so."""

_DEFAULT = Limits()


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
        weights: the share of each model; they sum to 1. Equal shares if None. A negative share goes away from a model.
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
    require_path(out, "Name the file to write: weld.average(models, 'mean.keras')")
    if architecture is not None:
        require_path(architecture, "Give the path of a file with the architecture, such as 'model.json'.")
    require_kind("limits", limits, Limits, "limits by name, such as Limits()")
    require_flag("normalize", normalize)
    require_function("progress", progress)
    written_kind(out)
    require_kind("method", method, str, "the name of a method, such as 'linear'")
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
                states = [with_architecture(state, like) for state in states]
        plan = Plan(states, Path(out), limits)
        tasks, copied = plan.tasks()
        notes = [*notes_on_sources(chosen, states, out), *plan.notes(copied)]

        def metadata() -> dict[str, Any]:
            lineage = describe(method, {"weights": parts}, states, parts, [prints.of(model) for model in chosen], notes)
            return {**plan.metadata(), LINEAGE: lineage}

        intact = stack.enter_context(Intact(states))
        with open_sink(
            out,
            [task.slot for task in tasks],
            config=plan.config(),
            metadata=metadata,
            assets={name: read() for name, read in plan.template.assets.items()},
        ) as sink:
            spoilt = stream(tasks, how, parts, sink, progress)
            intact.require()
            notes.extend(_told_of(spoilt, parts))
    averaged = sum(task.averaged for task in tasks)
    names = tuple(state.source for state in states)
    return Averaged(Path(out), names, tuple(parts), averaged, tuple(copied), tuple(notes))


def _told_of(spoilt: Spoilt, parts: Sequence[float]) -> Iterator[str]:
    if spoilt.nonfinite:
        where = _first_of(spoilt.nonfinite)
        yield f"Warning: the result holds NaN or infinity, in {where}: one of the sources broke down in training."
    if spoilt.negative:
        why = "a share is negative" if min(parts) < 0 else "it is so in one of the sources"
        yield (
            f"Warning: the result has a variance below zero, in {_first_of(spoilt.negative)}, since {why}. The layer "
            "makes NaN of it: estimate its statistics anew on training data, or give shares of 0 or more."
        )


def _first_of(names: Iterable[str]) -> str:
    first, *others = names
    return f"{first} and {len(others)} more" if others else first


def _last(models: list[Model], last: int | None) -> list[Model]:
    if last is not None:
        require_kind("last", last, Integral, "a whole number, such as 5")
    if last is None:
        chosen = models
    elif last < 1:
        raise UsageError(
            "--last asks for fewer than one model.",
            expected=f"a number from 1 to {len(models)}",
            found=last,
            remedy="Say how many of the files to take, such as --last 5.",
        )
    elif last > len(models):
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


def _open(model: Model, limits: Limits) -> ModelState:
    if isinstance(model, str | os.PathLike):
        return open_model(model, limits)
    from keras_weld.models.state import state_of

    return state_of(model)
