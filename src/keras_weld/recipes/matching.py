"""Which tensor of one model is which of another, also across formats."""

from __future__ import annotations

from pathlib import Path

from keras_weld.checks.tensors import Pairing, pair
from keras_weld.core.counted_names import counted_alike
from keras_weld.core.layer_variables import variables_of
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.errors import IncompatibleModelsError, ShapeMismatchError
from keras_weld.io.kinds import Kind

_REMEDY = "Only models of one architecture can be averaged; weld check tells which merges are possible."
_OF_LEGACY = (Kind.LEGACY_MODEL, Kind.LEGACY_WEIGHTS)


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
    if found.missing or found.extra:
        raise _different(found, reference, other)
    _check_shapes(found, reference, other)
    if found.by_order:
        _require_known_order(found, reference, other)
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


def _require_known_order(found: Pairing, reference: ModelState, other: ModelState) -> None:
    """Refuse a match by order that may be wrong: equal shapes alone do not tell a kernel from another."""
    for ours, theirs in found.pairs:
        wanted, got = _variable(ours), _variable(theirs)
        if wanted != got and not wanted.isdecimal() and not got.isdecimal():
            raise _unsure(other, ours.spec.name, wanted, theirs.spec.name)
    _refuse_contradiction(found, other)
    nested = any(ours.spec.path.count("layers/") > 1 for ours, _ in found.pairs)
    for state in (reference, other):
        if not _order_is_known(state, nested):
            raise _unsure(state, None, "names, or an order, that tell which tensor is which", "neither")


def _refuse_contradiction(found: Pairing, other: ModelState) -> None:
    """Refuse a match by order that a name speaks against: the tensor that has it in the other model would fit too."""
    names = [[_ending(tensors[side]) for tensors in found.pairs] for side in (0, 1)]
    if counted_alike(*([name.rpartition("/")[0] for name in row] for row in names)):
        return
    shapes = {name: ours.spec.shape for name, (ours, _) in zip(names[0], found.pairs, strict=True)}
    for ours, theirs, (tensor, its) in zip(*names, found.pairs, strict=True):
        elsewhere = ours != theirs and names[0].count(theirs) == 1 and shapes[theirs] == tensor.spec.shape
        if elsewhere and not _in_one_layer(tensor, its):
            raise _unsure(other, tensor.spec.name, f"{ours} at this place, as the order has it", theirs)


def _in_one_layer(ours: LazyTensor, theirs: LazyTensor) -> bool:
    """Whether both belong to a part of a layer, such as the cell of an LSTM, and the layers have the same name."""
    parts = ours.spec.path.rpartition("layers/")[2].partition("/vars/")[0].count("/")
    rows = [tensor.spec.name.split("/") for tensor in (ours, theirs)]
    return parts > 0 and len({len(row) for row in rows}) == 1 and len({tuple(row[: -1 - parts]) for row in rows}) == 1


def _ending(tensor: LazyTensor) -> str:
    """The layer's own name and the variable's, without the models around them: `dense_1/kernel`."""
    return "/".join(tensor.spec.name.split("/")[-2:])


def _unsure(state: ModelState, layer: str | None, expected: str, got: str) -> IncompatibleModelsError:
    return IncompatibleModelsError(
        "Nothing tells which tensor of one model is which of the other.",
        file=state.source,
        layer=layer,
        expected=expected,
        found=got,
        remedy="Load the weights into the model built in code, and save it as .keras; then average that.",
    )


def _variable(tensor: LazyTensor) -> str:
    return tensor.spec.name.rpartition("/")[2]


def _order_is_known(state: ModelState, nested: bool) -> bool:
    """Whether a file keeps its tensors in the order of the model, beyond doubt."""
    if state.kind in _OF_LEGACY:  # of a model inside the model, this format stores what is trained first
        return not nested or all("vars/" in tensor.spec.path for tensor in state.weights)
    if state.kind is Kind.KERAS:
        return state.graph is not None and not state.graph.opaque and _all_built_in(state)
    return state.kind is Kind.SAVED_MODEL  # weights alone are in the order of writing, more or less


def _all_built_in(state: ModelState) -> bool:
    graph = state.graph
    layers = () if graph is None else graph.walk()
    return all(
        layer.layer.graph is not None or variables_of(layer.class_name, layer.config) is not None for layer in layers
    )
