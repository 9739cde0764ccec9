"""Which tensor of one model is which of another, also across formats."""

from __future__ import annotations

from pathlib import Path

from keras_weld.checks.order import UNSURE, Doubt, doubt_of_order, untold_of
from keras_weld.checks.tensors import Pairing, pair
from keras_weld.core.state import ModelState
from keras_weld.errors import IncompatibleModelsError, ShapeMismatchError

_REMEDY = "Only models of one architecture can be averaged; weld check tells which merges are possible."


def match(reference: ModelState, other: ModelState) -> Pairing:
    """The tensors of two models that belong together, in the order of `reference`.

    Raises:
        IncompatibleModelsError: if the two have different tensors, or nothing tells which is which.
        ShapeMismatchError: if a tensor has another shape.
    """
    if not other.weights:
        raise IncompatibleModelsError(
            "This file holds no weights.",
            file=other.source,
            expected="a model with weights",
            found=str(other.kind),
            remedy="Give the file that holds the weights.",
        )
    found = pair(reference, other)
    if untold := untold_of(found, reference, other):
        raise unsure(UNSURE, untold)
    if found.missing or found.extra:
        raise _different(found, reference, other)
    _check_shapes(found, reference, other)
    if found.by_order and (doubt := doubt_of_order(found, reference, other)):
        raise unsure(UNSURE, doubt)
    return found


def _check_shapes(found: Pairing, reference: ModelState, other: ModelState) -> None:
    differing = [(ours.spec, theirs.spec) for ours, theirs in found.pairs if ours.spec.shape != theirs.spec.shape]
    if differing:
        want, got = differing[0]
        more = f" ({len(differing) - 1} more differ)" if len(differing) > 1 else ""
        raise ShapeMismatchError(
            f"A tensor has another shape than in {Path(reference.source).name}{more}.",
            file=other.source,
            layer=want.name,
            expected=want.shape,
            found=got.shape,
            remedy=_REMEDY,
        )


def _different(found: Pairing, reference: ModelState, other: ModelState) -> IncompatibleModelsError:
    missing, extra = ([tensor.spec.name for tensor in tensors] for tensors in (found.missing, found.extra))
    return IncompatibleModelsError(
        f"The models have different tensors: {len(reference.weights)} in {Path(reference.source).name}, "
        f"{len(other.weights)} here.",
        file=other.source,
        layer=next(iter([*missing, *extra])),
        expected=f"the tensors of {reference.source}" + (f", such as {missing[0]}" if missing else ""),
        found=f"also {extra[0]}" if extra else f"no {missing[0]}",
        remedy=_REMEDY,
    )


def unsure(problem: str, doubt: Doubt) -> IncompatibleModelsError:
    """What to raise where nothing tells for sure which tensor is which.

    Args:
        problem: one sentence.
        doubt: why.
    """
    return IncompatibleModelsError(
        problem,
        file=doubt.file,
        layer=doubt.layer,
        expected=doubt.expected,
        found=doubt.found,
        remedy=doubt.remedy,
    )
