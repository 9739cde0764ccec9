"""A model as one straight list of calls, with the models inside it unfolded, so that several can be walked in step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Call, Edge, Shape, places_in
from keras_weld.core.graph_order import calls_in_order
from keras_weld.errors import IncompatibleModelsError
from keras_weld.models.replay import graph_of, operations_of


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor in a trace, named by where it is made.

    Attributes:
        step: the number of the step that makes it, from 0; -1, -2, … for the model's inputs, in their order.
        tensor: which of the step's results, from 0.
    """

    step: int
    tensor: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One call of a layer or an operation.

    Attributes:
        name: the layer's name, those of the models around it first: `backbone/conv1`.
        layer: what the config says of it.
        operation: the live layer or operation.
        args: the call's positional arguments, with a `Slot` where a tensor stands.
        kwargs: its keyword arguments, likewise.
        shapes: of the tensors that go in, batch first; empty for one that the config does not tell.
    """

    name: str
    layer: GraphLayer
    operation: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    shapes: tuple[Shape, ...] = ()

    @property
    def inbound(self) -> tuple[Slot, ...]:
        """The tensors that go in, in order."""
        return tuple(places_in((self.args, dict(self.kwargs)), Slot))

    @property
    def weights(self) -> list[Any]:
        """The variables of the live layer without those of random generators; an operation has none."""
        return list(getattr(self.operation, "weights", ()))


@dataclass(frozen=True, slots=True)
class Trace:
    """All calls of a model, in an order in which they can be made.

    Attributes:
        model: the live model.
        graph: its graph.
        steps: the calls.
        outputs: the tensors that come out, in the order of `model.outputs`.
        levels: where the tensors of the graph, and of each model inside it, are in the trace; by the names of the
            models around them.
    """

    model: keras.Model
    graph: ModelGraph
    steps: tuple[Step, ...]
    outputs: tuple[Slot, ...]
    levels: Mapping[tuple[str, ...], Level]


def trace(model: keras.Model) -> Trace:
    """Unfold a live model.

    Models inside are unfolded where their call is plain; others stay one step, as a layer does.

    Raises:
        IncompatibleModelsError: if the model's layers are in its own code.
    """
    graph = graph_of(model)
    if graph.opaque:
        raise IncompatibleModelsError(
            f"The layers of the model {model.name!r} are in its own code, so they cannot be walked through.",
            expected="a model built with keras.Model(inputs, outputs) or keras.Sequential",
            found=f"a class of your own, {type(model).__name__}",
            remedy="Build it as a functional model, give that the weights of this one, and save it.",
        )
    unfolding = _Unfolding()
    outputs = unfolding.walk(model, graph, (), [Slot(-1 - number) for number in range(len(graph.inputs))])
    return Trace(model, graph, tuple(unfolding.steps), tuple(outputs), unfolding.levels)


@dataclass(frozen=True, slots=True)
class Level:
    """Where the tensors of one graph are in a trace.

    Attributes:
        slots: of its inputs, and of what models inside it give.
        steps: of its calls, by layer and number of the call.
    """

    slots: dict[Edge, Slot]
    steps: dict[tuple[str, int], int]

    def slot(self, edge: Edge) -> Slot:
        """The slot of a tensor of the graph."""
        found = self.slots.get(edge)
        return Slot(self.steps[edge.layer, edge.call], edge.tensor) if found is None else found


class _Unfolding:
    """Collects the steps of a model and of those inside it."""

    def __init__(self) -> None:
        self.steps: list[Step] = []
        self.levels: dict[tuple[str, ...], Level] = {}

    def walk(
        self, model: keras.Model, graph: ModelGraph, within: tuple[str, ...], entering: Sequence[Slot]
    ) -> list[Slot]:
        """Append the steps of one model, and give the slots of its outputs."""
        level = Level(dict(zip(graph.inputs, entering, strict=True)), {})
        self.levels.setdefault(within, level)
        operations = operations_of(model)
        for layer, number in calls_in_order(graph):
            if layer.is_input:
                continue
            call, operation = layer.calls[number], operations[layer.name]
            inner = _unfoldable(layer, call)
            if inner is not None:
                taken = [level.slot(edge) for edge in call.inbound]
                given = self.walk(operation, inner, (*within, layer.name), taken)
                level.slots.update({Edge(layer.name, number, index): slot for index, slot in enumerate(given)})
                continue
            level.steps[layer.name, number] = len(self.steps)
            args, kwargs = (_with_slots(value, level) for value in (call.args, call.kwargs))
            shapes = tuple(edge.shape or () for edge in call.inbound)
            self.steps.append(Step("/".join((*within, layer.name)), layer, operation, tuple(args), kwargs, shapes))
        return [level.slot(edge) for edge in graph.outputs]


def _unfoldable(layer: GraphLayer, call: Call) -> ModelGraph | None:
    """The graph of a model inside, if it is called in the plain way: on its inputs in their order."""
    inner = layer.graph
    if inner is None or inner.opaque or isinstance(call.args[0] if call.args else None, dict):
        return None
    plain = all(value is None or name == "training" for name, value in call.kwargs.items())
    return inner if plain and len(call.inbound) == len(inner.inputs) else None


def _with_slots(value: Any, level: Level) -> Any:
    if isinstance(value, Edge):
        return level.slot(value)
    if isinstance(value, list | tuple):
        return type(value)(_with_slots(item, level) for item in value)
    if isinstance(value, dict):
        return {key: _with_slots(item, level) for key, item in value.items()}
    return value
