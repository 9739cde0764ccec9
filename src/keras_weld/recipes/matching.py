"""Which tensor of one model is which of another, also across formats."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import Role, TensorSpec
from keras_weld.errors import IncompatibleModelsError, ShapeMismatchError

_REMEDY = "Only models of one architecture can be averaged; weld check tells which merges are possible."


def match(reference: ModelState, other: ModelState) -> tuple[list[LazyTensor], str]:
    """The tensors of `other` in the order of `reference.weights`, and by what they were matched.

    By the path that Keras 3 stores them under, which follows from the architecture; failing that by name;
    failing that by their order. Random seeds are left out of the order, since not every format keeps them.

    Raises:
        IncompatibleModelsError: if the two have different tensors.
        ShapeMismatchError: if a tensor has another shape.
    """
    wanted = [tensor.spec for tensor in reference.weights]
    keys: tuple[tuple[str, Callable[[TensorSpec], str]], ...] = (
        ("path", lambda spec: spec.path),
        ("name", lambda spec: spec.name),
    )
    for how, key in keys:
        found = {key(tensor.spec): tensor for tensor in other.weights}
        if all(key(spec) in found for spec in wanted) and len(found) == len(wanted):
            matched = [found[key(spec)] for spec in wanted]
            _check_shapes(wanted, matched, other)
            return matched, how
    in_order = [tensor for tensor in other.weights if tensor.spec.role is not Role.SEED_STATE]
    shapes = [tensor.spec.shape for tensor in in_order]
    if shapes == [spec.shape for spec in wanted]:
        return in_order, "order"
    raise _different(wanted, in_order, reference, other)


def _check_shapes(wanted: Sequence[TensorSpec], matched: Sequence[LazyTensor], other: ModelState) -> None:
    differing = [
        (want, got.spec) for want, got in zip(wanted, matched, strict=True) if want.shape != got.spec.shape
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


def _different(
    wanted: Sequence[TensorSpec], found: Sequence[LazyTensor], reference: ModelState, other: ModelState
) -> IncompatibleModelsError:
    names = {tensor.spec.name for tensor in found}
    missing = [spec.name for spec in wanted if spec.name not in names]
    known = {spec.name for spec in wanted}
    extra = [tensor.spec.name for tensor in found if tensor.spec.name not in known]
    return IncompatibleModelsError(
        f"The models have different tensors: {len(wanted)} in the first, {len(found)} here.",
        file=other.source,
        layer=next(iter([*missing, *extra]), None),
        expected=f"the tensors of {reference.source}" + (f", such as {missing[0]}" if missing else ""),
        found=f"also {extra[0]}" if extra else f"no {missing[0]}" if missing else "another order",
        remedy=_REMEDY,
    )
