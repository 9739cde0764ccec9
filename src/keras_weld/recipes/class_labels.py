"""The names of the classes of models in an ensemble: read once, counted, and brought into one order."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from keras_weld.checks.candidate import candidate_of
from keras_weld.core.arguments import require_kind
from keras_weld.errors import UsageError
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.recipes.check import read_labels
from keras_weld.recipes.member_names import is_path
from keras_weld.recipes.sources import Sources

if TYPE_CHECKING:
    from keras_weld.compose.labels import Alignment
    from keras_weld.compose.parts import Column, Part

Labels: TypeAlias = "Sequence[str | os.PathLike[str] | Sequence[str] | None]"
"""For each model, a file with the names of its classes, one a line, or the names; None for those in its lineage."""

_EXAMPLE = "a list with a file or a list of names for each model, such as ['a.txt', 'b.txt']"


def labels_of(
    given: Labels | None, models: Sequence[Any], names: Sequence[str], unknown: str, limits: Limits | None = None
) -> list[list[str] | None] | None:
    """The lists of labels; those that do not fit each other or the files are refused, before a model is loaded.

    Args:
        given: the lists, or files of them; each is read once.
        models: the models.
        names: the models' names.
        unknown: what is done with classes that only some models know.
        limits: what the files may ask for.

    Raises:
        UsageError: if there are too few or too many, one is of another kind, or has two classes of one name.
        MissingFileError: if a file is not there.
        IncompatibleModelsError: if there are not as many as classes, or a class is not known to all, and nothing says
            what to do.
    """
    from keras_weld.compose.labels import REFUSE, ZERO, align

    if given is None:
        return None
    require_kind("labels", given, (list, tuple), _EXAMPLE)
    if len(given) != len(names):
        raise UsageError(
            "There are not as many lists of labels as models.",
            expected=f"{len(names)}, one for each model in the same order",
            found=str(len(given)),
            remedy="Give a file for each model, behind the models: --labels a.txt b.txt",
        )
    for one in given:
        if one is not None:
            require_kind("labels", one, (str, os.PathLike, list, tuple), _EXAMPLE)
    lists = [_read(one) for one in given]
    known = [own for own in lists if own is not None]
    whose = [name for own, name in zip(lists, names, strict=True) if own is not None]
    align(known, whose, ZERO if unknown == REFUSE else unknown)
    counted = [_counted(model, own, limits) for model, own in zip(models, lists, strict=True)]
    if all(counted):  # a list that is too short lacks classes too, and is told as such
        align(known, whose, unknown)
    return lists


def alignment_of(
    sources: Sources,
    labels: Sequence[list[str] | None] | None,
    unknown: str,
    parts: Sequence[Part],
    columns: Sequence[Column],
) -> tuple[Alignment | None, list[str]]:
    """How the classes of the models become one list, if anybody names them, and what to know about it.

    A model that does not name its classes is taken to have those of the first that does, if it has as many.

    Raises:
        UsageError: if labels are given, and the models have several outputs.
        IncompatibleModelsError: if there are not as many as classes, or some are not known to all.
    """
    from keras_weld.compose.labels import align, require_as_many

    given = labels if labels is not None else [None] * len(parts)
    if len(columns) > 1 and any(own is not None for own in given):
        raise UsageError(
            "Labels name the classes of one output, and the models have several.",
            expected="one output",
            found=", ".join(column.name for column in columns),
            remedy="Choose it: --output NAME",
        )
    known = [one.labels if own is None else own for own, one in zip(given, sources.candidates, strict=True)]
    first = next((one for one in known if one is not None), None)
    if first is None or len(columns) > 1:
        return None, []
    named = [member.name for member in sources.members]
    widths = [part.model.outputs[number].shape[-1] for part, number in zip(parts, columns[0].numbers, strict=True)]
    for part, number, own, width in zip(parts, columns[0].numbers, known, widths, strict=True):
        if own is not None:
            require_as_many(len(own), width, part.member.source, part.names[number])
    assumed = [name for name, one in zip(named, known, strict=True) if one is None]
    if any(one is None and width != len(first) for one, width in zip(known, widths, strict=True)):
        return None, []
    notes = [f"{', '.join(assumed)}: the classes are not named, and taken to be the others'."] if assumed else []
    return align([one or first for one in known], named, unknown), notes


def _read(labels: Any) -> list[str] | None:
    if labels is None:
        return None
    if isinstance(labels, str | os.PathLike):
        return read_labels(Path(labels))
    return [str(label) for label in labels]


def _counted(model: Any, labels: list[str] | None, limits: Limits | None) -> bool:
    """Whether a file tells how many classes its one output has; refuses another number of labels."""
    from keras_weld.compose.labels import require_as_many

    if labels is None or not is_path(model):
        return False
    with open_model(model, limits or Limits()) as state:
        ports = candidate_of(state).summary.outputs
    if len(ports) != 1 or ports[0].shape is None or not ports[0].shape or ports[0].shape[-1] is None:
        return False
    require_as_many(len(labels), ports[0].shape[-1], os.fspath(model), ports[0].name)
    return True
