"""Which tensor of one model is which of another, also across formats."""

from __future__ import annotations

from keras_weld.checks.tensors import Pairing, pair
from keras_weld.core.state import ModelState
from keras_weld.errors import IncompatibleModelsError, ShapeMismatchError

_REMEDY = "Only models of one architecture can be averaged; weld check tells which merges are possible."


def match(reference: ModelState, other: ModelState) -> Pairing:
    """The tensors of two models that belong together, in the order of `reference`.

    Raises:
        IncompatibleModelsError: if the two have different tensors.
        ShapeMismatchError: if a tensor has another shape.
    """
    found = pair(reference, other)
    if found.missing or found.extra:
        raise _different(found, reference, other)
    _check_shapes(found, other)
    return found


def _check_shapes(found: Pairing, other: ModelState) -> None:
    differing = [
        (ours.spec, theirs.spec) for ours, theirs in found.pairs if ours.spec.shape != theirs.spec.shape
    ]
    if differing:
        want, got = differing[0]
        more = f" ({len(differing) - 1} more differ)" if len(differing) > 1 else ""
        raise ShapeMismatchError(
            f"A tensor has another shape than in the first model{more}.",
            file=other.source,
            layer=want.name,
            expected=want.shape,
            found=got.shape,
            remedy=_REMEDY,
        )


def _different(found: Pairing, reference: ModelState, other: ModelState) -> IncompatibleModelsError:
    missing, extra = ([tensor.spec.name for tensor in tensors] for tensors in (found.missing, found.extra))
    return IncompatibleModelsError(
        f"The models have different tensors: {len(reference.weights)} in the first, {len(other.weights)} "
        "here.",
        file=other.source,
        layer=next(iter([*missing, *extra])),
        expected=f"the tensors of {reference.source}" + (f", such as {missing[0]}" if missing else ""),
        found=f"also {extra[0]}" if extra else f"no {missing[0]}",
        remedy=_REMEDY,
    )
