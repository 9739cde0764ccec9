"""Where Keras 3 would keep the tensors of a file that does not say it, given the architecture."""

from __future__ import annotations

from dataclasses import replace

from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import LazyTensor, ModelState
from keras_weld.core.tensor import Role
from keras_weld.errors import ShapeMismatchError
from keras_weld.io.kinds import Kind
from keras_weld.io.legacy_h5 import Expected, Known, expected_by_layer, fit_names


def place(state: ModelState, graph: ModelGraph) -> ModelState:
    """The same tensors with the names, roles and paths that the architecture gives them.

    Args:
        state: a file of weights that keeps them by name or in the model's order: a legacy `.h5`, or a SavedModel.
        graph: the architecture that they belong to.

    Returns:
        A state whose tensors have the paths of Keras 3's layout, in the model's order.

    Raises:
        ShapeMismatchError: if the tensors are not those of the architecture.
    """
    placed = _place(state, graph)
    if placed is None:
        expected = sum(len(variables) for variables in expected_by_layer(graph).values())
        raise ShapeMismatchError(
            "The tensors of this file are not those of the architecture.",
            file=state.source,
            expected=f"{expected} tensors with the names or the order that the architecture gives them",
            found=f"{len(state.weights)} tensors",
            remedy="Give the architecture that these weights were saved from.",
        )
    others = {name: tensor for name, tensor in state.tensors.items() if tensor not in state.weights}
    return replace(state, tensors={**{tensor.spec.name: tensor for tensor in placed}, **others})


def place_if_known(state: ModelState) -> ModelState:
    """The same as `place`, if the file has its architecture and its tensors fit; otherwise the state as it is."""
    if state.graph is None or state.graph.opaque or _place(state, state.graph) is None:
        return state
    return place(state, state.graph)


def _place(state: ModelState, graph: ModelGraph) -> list[LazyTensor] | None:
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
    placed: list[LazyTensor] = []
    for some, variables in parts:
        named = {tensor.spec.name: tensor for tensor in some}
        fitting = fit_names(list(named), variables, _orders(state, variables))
        if fitting is None:
            return None
        placed += [_renamed(named[name], known, state.kind == Kind.SAVED_MODEL) for name, known in fitting]
    return placed


def _orders(state: ModelState, variables: Expected) -> list[list[Known]]:
    """The orders in which the file may have these, beyond doubt; none where it may be another.

    A SavedModel has them in the model's order; one from JAX, where they have no layers in their names, has first
    what is trained. A legacy file has the model's order too, but for a model inside the model: of that it has
    first what was trained when it was saved, which another file's architecture does not tell.
    """
    if state.kind == Kind.SAVED_MODEL and not any("/" in tensor.spec.name for tensor in state.weights):
        return [sorted((known for known, _ in variables), key=lambda one: one[2] is not Role.TRAINABLE)]
    nested = any(path.count("layers/") > 1 for (path, _, _), _ in variables)
    return [] if nested and state.kind != Kind.SAVED_MODEL else [[known for known, _ in variables]]


def _renamed(tensor: LazyTensor, known: Known, of_graph: bool) -> LazyTensor:
    """The tensor under its name in the architecture; in a graph, layers have names with their models before them."""
    path, name, role = known
    layer = name.rpartition("/")[0] if of_graph else tensor.spec.layer
    return LazyTensor(replace(tensor.spec, path=path, name=name, role=role, layer=layer), tensor.read)
