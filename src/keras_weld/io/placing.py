"""Where Keras 3 would keep the tensors of a file that does not say it, given the architecture.

A tensor is known by its name where every name tells one variable. Otherwise the order in which the file has them
counts, but only where it is sure: variable by variable the kind and the shape must agree, and no name may say
something else that could be right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from keras_weld.core.counted_names import counted_alike
from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import BY_ORDER, LazyTensor, ModelState
from keras_weld.core.tensor import Role
from keras_weld.errors import IncompatibleModelsError, ShapeMismatchError
from keras_weld.io.expected_shapes import expected_shapes
from keras_weld.io.kinds import Kind
from keras_weld.io.legacy_h5 import agree, expected_by_layer, meant_by
from keras_weld.io.shape_rules import Shape, Shapes
from keras_weld.io.shared_kernels import Expected, Known, told_once

_REMEDY = "Give the architecture that these weights were saved from."
_Placed = list[tuple[LazyTensor, Known]]


def place(state: ModelState, graph: ModelGraph) -> ModelState:
    """The same tensors with the names, roles and paths that the architecture gives them.

    Args:
        state: a file of weights that keeps them by name or in the model's order: a legacy `.h5`, or a SavedModel.
        graph: the architecture that they belong to.

    Returns:
        A state whose tensors have the paths of Keras 3's layout, in the model's order.

    Raises:
        ShapeMismatchError: if the tensors are not those of the architecture.
        IncompatibleModelsError: if nothing tells for sure which tensor is which.
    """
    shapes = _shapes(graph)
    placed: _Placed = []
    by_order = False
    for tensors, variables in _parts(state, graph):
        once, shared = told_once(variables)
        found = _by_name(tensors, once)
        if found is None:
            found, by_order = _in_order(state, tensors, once, shapes), True
        placed += [*found, *((tensor, shared[known]) for tensor, known in found if known in shared)]
    for tensor, known in placed:
        _require_shape(state, tensor, known, shapes)
    others = {name: tensor for name, tensor in state.tensors.items() if tensor not in state.weights}
    of_graph = state.kind is Kind.SAVED_MODEL
    renamed = {known[1]: _renamed(tensor, known, of_graph) for tensor, known in placed}
    told = {BY_ORDER: True} if by_order else {}
    return replace(state, tensors={**renamed, **others}, metadata={**state.metadata, **told})


def place_if_known(state: ModelState) -> ModelState:
    """The same as `place`, if the file has its architecture and its tensors fit; otherwise the state as it is."""
    if state.graph is None or state.graph.opaque:
        return state
    try:
        return place(state, state.graph)
    except (ShapeMismatchError, IncompatibleModelsError):
        return state


def _parts(state: ModelState, graph: ModelGraph) -> list[tuple[list[LazyTensor], Expected]]:
    """Tensors and the variables that they are, layer by layer if the file's layers have the same names."""
    tensors = [tensor for tensor in state.weights if tensor.spec.role is not Role.SEED_STATE]
    expected = expected_by_layer(graph)
    by_layer: dict[str, list[LazyTensor]] = {}
    for tensor in tensors:
        by_layer.setdefault(tensor.spec.layer.split("/")[0], []).append(tensor)
    wanted = {layer for layer, variables in expected.items() if variables}
    if set(by_layer) == wanted:
        parts = [(by_layer[layer], expected[layer]) for layer in expected if layer in wanted]
    else:
        parts = [(tensors, [one for variables in expected.values() for one in variables])]
    if any(len(some) != len(told_once(variables)[0]) for some, variables in parts):
        raise ShapeMismatchError(
            "The tensors of this file are not those of the architecture.",
            file=state.source,
            expected=f"{sum(map(len, expected.values()))} tensors, those of each layer together",
            found=f"{len(tensors)} tensors",
            remedy=_REMEDY,
        )
    return parts


def _by_name(tensors: Sequence[LazyTensor], variables: Expected) -> _Placed | None:
    """Every variable with the tensor whose name means it, in the model's order; None if a name is not enough."""
    named = {tensor.spec.name: tensor for tensor in tensors}
    found = {known: name for name, known in meant_by(list(named), variables).items() if known is not None}
    if len(found) != len(variables):
        return None
    return [(named[found[known]], known) for known, _ in variables]


def _in_order(state: ModelState, tensors: Sequence[LazyTensor], variables: Expected, shapes: Shapes) -> _Placed:
    """Every variable with the tensor that stands where it does.

    Raises:
        ShapeMismatchError: if one is of another kind or shape.
        IncompatibleModelsError: if the file may have them in another order.
    """
    meant = meant_by([tensor.spec.name for tensor in tensors], variables)
    wanted = {known: number for number, (known, _) in enumerate(variables)}
    if state.kind is Kind.SAVED_MODEL and not any("/" in tensor.spec.name for tensor in state.weights):
        # One from JAX, where names have no layers, has first what is trained.
        variables = sorted(variables, key=lambda one: one[0][2] is not Role.TRAINABLE)
    placed = [(tensor, known) for tensor, (known, _) in zip(tensors, variables, strict=True)]
    by_counter = counted_alike(
        [_owner(tensor.spec.name) for tensor, _ in placed], [_owner(known[1]) for _, known in placed]
    )
    for tensor, known in placed:
        if not agree(tensor.spec.name, known[1]):
            raise _another(state, tensor, known[1])
        _require_shape(state, tensor, known, shapes)
        told = meant[tensor.spec.name]
        if not by_counter and told not in (None, known) and _fits(tensor.spec.shape, shapes.get(told[1])):
            raise _unsure(state, tensor, f"{known[1]} by the order, {told[1]} by the name")
    if not _order_is_known(state, variables):
        raise _unsure(state, tensors[0], "neither names nor an order that tell")
    return sorted(placed, key=lambda one: wanted[one[1]])


def _owner(name: str) -> str:
    return name.rpartition("/")[0].rpartition("/")[2]


def _order_is_known(state: ModelState, variables: Expected) -> bool:
    """Whether the file has these in the model's order, beyond doubt.

    A SavedModel has. A legacy file too, but for a model inside the model: of that it has first what was trained when
    it was saved, which another file's architecture does not tell.
    """
    return state.kind == Kind.SAVED_MODEL or all(path.count("layers/") <= 1 for (path, _, _), _ in variables)


def _shapes(graph: ModelGraph) -> Shapes:
    """The shapes of the variables, by their names, as far as the architecture tells them."""
    return {
        f"{layer.path_name}/{variable}": shape
        for layer in graph.walk()
        for variable, shape in (
            expected_shapes(layer.class_name, dict(layer.config), layer.layer.build_config) or {}
        ).items()
    }


def _fits(shape: tuple[int, ...], wanted: Shape | None) -> bool:
    if wanted is None:
        return True
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in zip(shape, wanted, strict=True))


def _require_shape(state: ModelState, tensor: LazyTensor, known: Known, shapes: Mapping[str, Shape]) -> None:
    if not _fits(tensor.spec.shape, shapes.get(known[1])):
        wanted = ", ".join("?" if size is None else str(size) for size in shapes[known[1]])
        raise _another(state, tensor, f"{known[1]} of shape ({wanted})")


def _another(state: ModelState, tensor: LazyTensor, expected: str) -> ShapeMismatchError:
    return ShapeMismatchError(
        "The tensors of this file are not those of the architecture.",
        file=state.source,
        layer=tensor.spec.layer,
        expected=expected,
        found=f"{tensor.spec.name} of shape {tensor.spec.shape}",
        remedy=_REMEDY,
    )


def _unsure(state: ModelState, tensor: LazyTensor, found: str) -> IncompatibleModelsError:
    return IncompatibleModelsError(
        "Nothing tells for sure which tensor of this file is which of the architecture.",
        file=state.source,
        layer=tensor.spec.name,
        expected="names that agree with those of the architecture, or an order that no name speaks against",
        found=found,
        remedy="Give the architecture with the names that the layers had when the weights were saved, or load the "
        "weights into the model built in code, and save it as .keras.",
    )


def _renamed(tensor: LazyTensor, known: Known, of_graph: bool) -> LazyTensor:
    """The tensor under its name in the architecture; in a graph, layers have names with their models before them."""
    path, name, role = known
    layer = name.rpartition("/")[0] if of_graph else tensor.spec.layer
    return LazyTensor(replace(tensor.spec, path=path, name=name, role=role, layer=layer), tensor.read)
