"""What goes into a model and comes out of it, and what that means."""

from __future__ import annotations

from dataclasses import dataclass

from keras_weld.checks.meaning import Kind, Meaning, meaning_of, meaning_told
from keras_weld.checks.shapes import Shapes
from keras_weld.checks.terms import modern_config
from keras_weld.checks.training import loss_of
from keras_weld.core.dtype_policy import compute_dtype
from keras_weld.core.graph import ModelGraph
from keras_weld.core.graph_nodes import Shape
from keras_weld.core.lineage import gives_of
from keras_weld.core.state import ModelState


@dataclass(frozen=True, slots=True)
class Port:
    """One input or output.

    Attributes:
        name: its name.
        shape: batch first, None for what is left open; None as a whole if the file does not tell.
        dtype: its dtype, if the file tells.
        meaning: what an output means; None for an input.
    """

    name: str
    shape: Shape | None
    dtype: str | None
    meaning: Meaning | None = None


def inputs_of(state: ModelState) -> tuple[Port, ...]:
    """What goes in; nothing for a file without an architecture."""
    graph = state.graph
    if graph is None:
        return ()
    shapes = Shapes(graph)
    return tuple(
        Port(name, shapes.of(edge), edge.dtype) for name, edge in zip(graph.input_names, graph.inputs, strict=True)
    )


def outputs_of(state: ModelState) -> tuple[Port, ...]:
    """What comes out, by the layers, the losses, and what the lineage tells; nothing without an architecture."""
    graph = state.graph
    if graph is None:
        return ()
    shapes = Shapes(graph)
    told = gives_of(state.metadata.get("lineage"))
    ports = []
    for number, (name, edge) in enumerate(zip(graph.output_names, graph.outputs, strict=True)):
        shape = shapes.of(edge)
        width = shape[-1] if shape else _width(graph, edge.layer)
        loss = loss_of(state.compile_config, name, number, len(graph.outputs))
        dtype = edge.dtype or compute_dtype(graph.layer(edge.layer).config.get("dtype"))
        meaning = meaning_of(graph, edge, loss, width)
        if meaning.kind in (Kind.UNKNOWN, Kind.OPEN):
            meaning = meaning_told(told.get(name, ""), width) or meaning
        ports.append(Port(name, shape, dtype, meaning))
    return tuple(ports)


def _width(graph: ModelGraph, name: str) -> int | None:
    layer = graph.layer(name)
    units = modern_config(layer.class_name, layer.config).get("units")
    return units if isinstance(units, int) else None
