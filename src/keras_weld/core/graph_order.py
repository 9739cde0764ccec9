"""In which order a graph's calls can be made, and who takes which tensor."""

from __future__ import annotations

from collections import deque

from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge


def calls_in_order(graph: ModelGraph) -> list[tuple[GraphLayer, int]]:
    """Every call of every layer as (layer, number of the call), each after those whose results it needs.

    Inputs come as call 0. Calls that never become ready, because the config goes in a circle, are left out.
    """
    needs: dict[tuple[str, int], set[tuple[str, int]]] = {}
    taken_by: dict[tuple[str, int], list[tuple[str, int]]] = {}
    layers = {layer.name: layer for layer in graph.layers}
    for layer in graph.layers:
        for number in range(max(1, len(layer.calls))):
            call = (layer.name, number)
            needs[call] = {(e.layer, e.call) for e in layer.calls[number].inbound} if layer.calls else set()
            for need in needs[call]:
                taken_by.setdefault(need, []).append(call)
    ready = deque(call for call, missing in needs.items() if not missing)
    order: list[tuple[GraphLayer, int]] = []
    while ready:
        call = ready.popleft()
        order.append((layers[call[0]], call[1]))
        for taker in taken_by.get(call, ()):
            needs[taker].discard(call)
            if not needs[taker]:
                ready.append(taker)
    return order


def consumers(graph: ModelGraph) -> dict[Edge, list[tuple[str, int]]]:
    """For every tensor that is used inside: the layers that take it, with the number of the call."""
    found: dict[Edge, list[tuple[str, int]]] = {}
    for layer in graph.layers:
        for number, call in enumerate(layer.calls):
            for edge in call.inbound:
                found.setdefault(edge, []).append((layer.name, number))
    return found
