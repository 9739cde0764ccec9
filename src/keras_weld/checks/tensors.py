"""Whether two files hold the same tensors: which belongs to which, and how they differ."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from keras_weld.checks.finding import Finding, note, refusal, warning
from keras_weld.checks.others import OTHERS
from keras_weld.core.dtypes import is_float, is_quantised
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import Role, TensorSpec

if TYPE_CHECKING:
    from keras_weld.checks.candidate import Candidate

_KEYS: tuple[Callable[[TensorSpec], str], ...] = (lambda spec: spec.path, lambda spec: spec.name)
_ALIKE = f"Only models with the same tensors can be averaged{OTHERS}"


@dataclass(frozen=True, slots=True)
class Pairing:
    """Which tensor of one file is which of another.

    Attributes:
        pairs: the tensors that belong together, in the first model's order.
        missing: those that only the first has.
        extra: those that only the other has.
        by_order: they were matched by their order alone, since the names do not tell which is which.
        reordered: the layers stand in another order than in the first model; the names were followed.
    """

    pairs: tuple[tuple[LazyTensor, LazyTensor], ...]
    missing: tuple[LazyTensor, ...]
    extra: tuple[LazyTensor, ...]
    by_order: bool = False
    reordered: bool = False


def pair(first: ModelState, other: ModelState) -> Pairing:
    """Match tensors by the path that Keras 3 stores them under, else by name, else by order.

    The path follows from the architecture, so that it does not depend on names given by a counter. But where both
    models have the very same names, and these stand at other paths, the names are right: the layers were put into
    the model in another order. Random seeds are left out: not every format keeps them.
    """
    ours, theirs = _tensors(first), _tensors(other)
    by_path, by_name = (_by_key(ours, theirs, key) for key in _KEYS)
    if _complete(by_path) and _complete(by_name) and by_path.pairs != by_name.pairs and _same_shapes(by_name):
        return replace(by_name, reordered=True)
    for found in (by_path, by_name):
        if _complete(found):
            return found
    if [one.spec.shape for one in ours] == [one.spec.shape for one in theirs]:
        return Pairing(tuple(zip(ours, theirs, strict=True)), (), (), by_order=True)
    return max(by_path, by_name, key=lambda found: len(found.pairs))


def _complete(found: Pairing) -> bool:
    return not found.missing and not found.extra


def _same_shapes(found: Pairing) -> bool:
    return all(ours.spec.shape == theirs.spec.shape for ours, theirs in found.pairs)


def differences(pairing: Pairing, other: Candidate) -> Iterator[Finding]:
    """What keeps the tensors of two files from being averaged, and what to know about them."""
    for tensor in pairing.missing:
        yield refusal(
            "A tensor of the first model is not in the other.",
            file=other.name,
            layer=tensor.spec.name,
            expected=_shape(tensor.spec),
            found="none",
            remedy=_ALIKE,
        )
    for tensor in pairing.extra:
        yield refusal(
            "The other model has a tensor that the first has not.",
            file=other.name,
            layer=tensor.spec.name,
            expected="none",
            found=_shape(tensor.spec),
            remedy=_ALIKE,
        )
    for ours, theirs in pairing.pairs:
        if ours.spec.shape != theirs.spec.shape:
            yield refusal(
                "A tensor has another shape.",
                file=other.name,
                layer=ours.spec.name,
                expected=_shape(ours.spec),
                found=_shape(theirs.spec),
                remedy=_ALIKE,
            )
    yield from _dtypes(pairing, other)
    if pairing.reordered:
        yield warning(
            "The layers stand in another order than in the first model; tensors are matched by their names.",
            file=other.name,
            remedy="Make sure that layers of one name have one meaning, and mind that outputs may be in another order.",
        )


def _dtypes(pairing: Pairing, other: Candidate) -> Iterator[Finding]:
    differing = [pair for pair in pairing.pairs if pair[0].spec.dtype != pair[1].spec.dtype]
    if not differing:
        return
    ours, theirs = (one.spec for one in differing[0])
    if is_float(ours.dtype) != is_float(theirs.dtype):
        yield refusal(
            "A tensor holds whole numbers in one model and fractions in the other.",
            file=other.name,
            layer=ours.name,
            expected=ours.dtype.name,
            found=theirs.dtype.name,
            remedy=of_fractions(theirs.dtype if is_float(ours.dtype) else ours.dtype),
        )
        return
    more = f" ({len(differing) - 1} more differ)" if len(differing) > 1 else ""
    yield note(
        f"A tensor has another precision{more}.",
        file=other.name,
        layer=ours.name,
        expected=ours.dtype.name,
        found=theirs.dtype.name,
        remedy="The result has the precision of the first model; put the most precise one first.",
    )


def whole_numbers(subject: str, dtype: np.dtype[np.generic]) -> str:
    """Why kernels of whole numbers are not averaged."""
    if is_quantised(dtype):
        return f"The {subject} quantised: whole numbers with a scale each have no mean."
    return "A kernel holds whole numbers, which have no mean."


def of_fractions(dtype: np.dtype[np.generic]) -> str:
    """What to do about it."""
    if is_quantised(dtype):
        return "Average the models before they are quantised, then quantise the result."
    return "Give the model as it was trained, its kernels in float32, float16 or bfloat16."


def _tensors(one: ModelState) -> list[LazyTensor]:
    return [tensor for tensor in one.weights if tensor.spec.role is not Role.SEED_STATE]


def _by_key(ours: list[LazyTensor], theirs: list[LazyTensor], key: Callable[[TensorSpec], str]) -> Pairing:
    found = {key(tensor.spec): tensor for tensor in theirs}
    known = {key(tensor.spec) for tensor in ours}
    return Pairing(
        tuple((one, found[key(one.spec)]) for one in ours if key(one.spec) in found),
        tuple(one for one in ours if key(one.spec) not in found),
        tuple(one for one in theirs if key(one.spec) not in known),
    )


def _shape(spec: TensorSpec) -> str:
    return f"{spec.shape} {spec.dtype.name}"
