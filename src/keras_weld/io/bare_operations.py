"""Operations of `keras.ops` in a whole-model `.h5`, which names no modules: Keras takes each for a layer."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.state import ModelState
from keras_weld.errors import WrongKindError
from keras_weld.io.allow_list import is_known_class
from keras_weld.io.kinds import Kind

_OPERATIONS, _LAYERS = ("operations", "ops"), ("layers", "models")


def bare_operations(state: ModelState) -> Iterator[GraphLayer]:
    """The operations in a whole-model `.h5`, those of the models inside too; none in another format."""
    if state.kind == Kind.LEGACY_MODEL and state.graph is not None:
        yield from _operations(state.graph)


def require_no_bare_operation(state: ModelState, custom: Collection[str] = frozenset()) -> None:
    """Refuse a whole-model `.h5` with an operation for which Keras has not even a layer of the same name.

    Args:
        state: the file, open.
        custom: names of the classes that the user passed in.

    Raises:
        WrongKindError: naming the first one.
    """
    for one in bare_operations(state):
        name = one.class_name
        if is_known_class(name, _OPERATIONS) and not is_known_class(name, _LAYERS) and name not in custom:
            raise taken_for_a_layer(one, f"no layer of Keras called {name}")


def taken_for_a_layer(operation: GraphLayer, found: str) -> WrongKindError:
    """What to raise where Keras would take an operation for a layer.

    Args:
        operation: the operation.
        found: what comes of it.
    """
    return WrongKindError(
        "The file holds an operation of keras.ops and, as .h5, does not say so: Keras takes it for a layer.",
        layer=f"{operation.name} ({operation.class_name})",
        expected="a .keras file, which keeps what is an operation",
        found=found,
        remedy="Save the model as .keras where it was built. Or load the weights into its architecture, which "
        "model.to_json() gives: weld.load(file, architecture='arch.json'). Inspecting and averaging work as it is.",
    )


def _operations(graph: ModelGraph) -> Iterator[GraphLayer]:
    for layer in graph.layers:
        if layer.is_operation:
            yield layer
        if layer.graph is not None:
            yield from _operations(layer.graph)
