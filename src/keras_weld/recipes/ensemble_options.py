"""The options of an ensemble, read and held against each other before anything is computed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.core.arguments import require_numbers
from keras_weld.errors import UsageError
from keras_weld.recipes.check import read_labels
from keras_weld.recipes.shares import shares
from keras_weld.recipes.sources import Sources

if TYPE_CHECKING:
    from keras_weld.compose.labels import Alignment
    from keras_weld.compose.parts import Column, Part
    from keras_weld.compose.plan import Plan

Labels = Sequence["str | os.PathLike[str] | Sequence[str]"]
"""For each model, a file with the names of its classes, one a line, or the names."""


def given_weights(count: int, weights: Sequence[float], normalize: bool) -> list[float]:
    """Weights that were given, one for each model.

    Raises:
        UsageError: if one is negative, or they do not sum to 1.
    """
    require_numbers("weights", weights, "a list of numbers, such as [0.5, 0.5]")
    if any(weight < 0 for weight in weights):
        raise UsageError(
            "A model cannot have a negative weight in an ensemble: what comes out would be no probabilities.",
            expected="0 or more",
            found=", ".join(f"{weight:g}" for weight in weights),
        )
    return shares(count, weights, normalize)


def check_options(plan: Plan, fit_weights: Any) -> None:
    """Refuse weights that a plan has no use for, and a plan that lacks what it needs.

    Raises:
        UsageError: says what goes with what.
    """
    reducer, given = plan.reducer, plan.weights is not None
    if given and fit_weights is not None:
        raise UsageError("Weights are given or found, not both.", found="--weights and --fit-weights")
    if given and not reducer.takes_weights:
        raise UsageError(
            f"{plan.reduce} gives no model more weight than another.",
            expected="no weights",
            found=f"--weights with --reduce {plan.reduce}",
            remedy="Take --reduce weighted.",
        )
    if fit_weights is not None and not (reducer.finds_weights or reducer.trained):
        raise UsageError(
            "Weights are found for a weighted mean of probabilities or values, or for stack.",
            expected="--reduce weighted, or --reduce stack",
            found=f"--reduce {plan.reduce}",
        )
    if reducer.needs_weights and not given and fit_weights is None:
        raise UsageError(
            "A weighted mean needs weights.",
            expected="one for each model, or data to find them on",
            found="none",
            remedy="Give --weights 0.6,0.4, or --fit-weights val.npz",
        )
    if reducer.trained and fit_weights is None:
        raise UsageError(
            f"{plan.reduce} has to be trained on held-out data.",
            expected="data that the models were not trained on",
            found="none",
            remedy="Give --fit-weights val.npz",
        )


def require_labels(labels: Labels | None, names: Sequence[str], unknown: str) -> None:
    """Refuse lists of labels that do not fit each other, before a model is loaded.

    Args:
        labels: the lists.
        names: the models' names.
        unknown: what is done with classes that only some models know.

    Raises:
        UsageError: if there are too few or too many, one is no text, or has two classes of one name.
        MissingFileError: if a file is not there.
        IncompatibleModelsError: if a class is not known to all, and nothing says what to do.
    """
    from keras_weld.compose.labels import align

    if labels is None:
        return
    if len(labels) != len(names):
        raise UsageError(
            "There are not as many lists of labels as models.",
            expected=f"{len(names)}, one for each model in the same order",
            found=str(len(labels)),
            remedy="Give --labels once for each model.",
        )
    align([_read(one) for one in labels], names, unknown)


def alignment_of(
    sources: Sources, labels: Labels | None, unknown: str, parts: Sequence[Part], columns: Sequence[Column]
) -> tuple[Alignment | None, list[str]]:
    """How the classes of the models become one list, if anybody names them, and what to know about it."""
    from keras_weld.compose.labels import align

    named = [member.name for member in sources.members]
    if labels is not None:
        if len(columns) > 1:
            raise UsageError(
                "Labels name the classes of one output, and the models have several.",
                expected="one output",
                found=", ".join(column.name for column in columns),
                remedy="Choose it: --output NAME",
            )
        return align([_read(one) for one in labels], named, unknown), []
    known = [candidate.labels for candidate in sources.candidates]
    first = next((one for one in known if one is not None), None)
    if first is None or len(columns) > 1:
        return None, []
    # A model that does not name its classes is taken to have those of the first that does, if it has as many.
    widths = [part.model.outputs[number].shape[-1] for part, number in zip(parts, columns[0].numbers, strict=True)]
    assumed = [name for name, one in zip(named, known, strict=True) if one is None]
    if any(one is None and width != len(first) for one, width in zip(known, widths, strict=True)):
        return None, []
    notes = [f"{', '.join(assumed)}: the classes are not named, and taken to be the others'."] if assumed else []
    return align([one or first for one in known], named, unknown), notes


def _read(labels: str | os.PathLike[str] | Sequence[str]) -> list[str]:
    return read_labels(Path(labels)) if isinstance(labels, str | os.PathLike) else [str(label) for label in labels]
