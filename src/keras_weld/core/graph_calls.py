"""Reads the three ways in which Keras has written down which tensors a layer is called on.

Keras 3 writes each call with its arguments, a `__keras_tensor__` for every tensor. Keras 1 and 2 write a list
of `[layer, call, tensor, keyword arguments]` for each call. A model's own inputs and outputs are short lists
of `[layer, call, tensor]` in all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from keras_weld.core.graph_nodes import Call, Edge, edges_in, shape_of

_TENSOR = "__keras_tensor__"


def read_calls(inbound_nodes: Any, names: Collection[str]) -> list[Call]:
    """The calls of one layer from its `inbound_nodes`.

    Args:
        inbound_nodes: the entry in the model's config.
        names: the names of all layers of the model; what is not one of these is no reference.
    """
    nodes = inbound_nodes if isinstance(inbound_nodes, list) else []
    return [_read_call(node, names) for node in nodes if node]


def is_new_form(inbound_nodes: Any) -> bool:
    """Whether an entry is in the form of Keras 3."""
    nodes = inbound_nodes if isinstance(inbound_nodes, list) else []
    return any(isinstance(node, Mapping) and "args" in node for node in nodes)


def read_ends(value: Any, names: Collection[str]) -> Any:
    """The structure of a model's `input_layers` or `output_layers`, with an `Edge` for each tensor."""
    edge = _short_reference(value, names)
    if edge is not None:
        return edge
    if isinstance(value, Mapping):
        return {str(key): read_ends(item, names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [read_ends(item, names) for item in value]
    return None


def _read_call(node: Any, names: Collection[str]) -> Call:
    if isinstance(node, Mapping) and "args" in node:
        args = _with_edges(node.get("args") or [], names)
        kwargs = _with_edges(node.get("kwargs") or {}, names)
        args = tuple(args) if isinstance(args, list | tuple) else (args,)
        kwargs = kwargs if isinstance(kwargs, dict) else {}
        return Call((*edges_in(args), *edges_in(kwargs)), args, kwargs)
    return _read_legacy_call(node, names)


def _with_edges(value: Any, names: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        if value.get("class_name") == _TENSOR:
            return _keras_tensor(value.get("config"), names) or value
        return {key: _with_edges(item, names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_edges(item, names) for item in value]
    return value


def _keras_tensor(config: Any, names: Collection[str]) -> Edge | None:
    if not isinstance(config, Mapping):
        return None
    edge = _short_reference(config.get("keras_history"), names)
    if edge is None:
        return None
    dtype = config.get("dtype")
    shape = shape_of(config.get("shape"))
    return Edge(edge.layer, edge.call, edge.tensor, shape, dtype if isinstance(dtype, str) else None)


def _read_legacy_call(node: Any, names: Collection[str]) -> Call:
    tensors: list[Any] = []
    kwargs: dict[str, Any] = {}
    for entry in _legacy_entries(node, names):
        if entry[0] == "_CONSTANT_VALUE":
            tensors.append(entry[2])
        else:
            tensors.append(Edge(entry[0], entry[1], entry[2]))
        if len(entry) == 4 and isinstance(entry[3], Mapping):
            kwargs |= _legacy_kwargs(entry[3], names)
    args = (tensors[0],) if len(tensors) == 1 else (tensors,)
    return Call((*edges_in(tensors), *edges_in(kwargs)), args, kwargs)


def _legacy_entries(node: Any, names: Collection[str]) -> list[list[Any]]:
    if isinstance(node, list | tuple):
        constant = len(node) >= 3 and node[0] == "_CONSTANT_VALUE" and node[1] == -1
        if constant or _short_reference(node, names) is not None:
            return [list(node)]
        return [entry for item in node for entry in _legacy_entries(item, names)]
    if isinstance(node, Mapping):
        return [entry for item in node.values() for entry in _legacy_entries(item, names)]
    return []


def _legacy_kwargs(value: Any, names: Collection[str]) -> Any:
    edge = _short_reference(value, names)
    if edge is not None:
        return edge
    if isinstance(value, Mapping):
        return {key: _legacy_kwargs(item, names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_legacy_kwargs(item, names) for item in value]
    return value


def _short_reference(value: Any, names: Collection[str]) -> Edge | None:
    if not isinstance(value, list | tuple) or not 3 <= len(value) <= 4:
        return None
    layer, call, tensor = value[:3]
    if not isinstance(layer, str) or layer not in names:
        return None
    if not _is_index(call) or not _is_index(tensor):
        return None
    return Edge(layer, call, tensor)


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
