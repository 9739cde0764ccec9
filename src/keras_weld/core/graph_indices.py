"""Makes every reference to a call count from 0.

Keras counts a model's calls inside another model from 1 in some places: its call 0 is the one that built it.
Keras 1 and 2 do so everywhere, but only for some models; Keras 3 does so for Functional models in the lists
of inputs and outputs and not in the arguments of calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from keras_weld.core.graph_nodes import Call, Edge, edges_in
from keras_weld.errors import DamagedFileError

Calls = Mapping[str, tuple[Call, ...]]


def count_from_zero(
    calls: Calls, inputs: Any, outputs: Any, late: set[str], new_form: bool
) -> tuple[dict[str, tuple[Call, ...]], Any, Any]:
    """Correct the references in calls, inputs and outputs.

    Args:
        calls: the calls of each layer.
        inputs: the structure of the model's inputs, with an `Edge` for each tensor.
        outputs: likewise for its outputs.
        late: names of the layers that are models and whose calls may count from 1.
        new_form: whether the calls are in the form of Keras 3.

    Returns:
        The three, corrected.

    Raises:
        DamagedFileError: if a call is referred to that is not there.
    """
    inside = [edge for one in calls.values() for call in one for edge in call.inbound]
    ends = [*edges_in(inputs), *edges_in(outputs)]
    if new_form:
        of_calls = _offsets(calls, inside, late)
        of_ends = {name: 1 for name in late if all(edge.call > 0 for edge in ends if edge.layer == name)}
    else:
        of_calls = of_ends = _offsets(calls, [*inside, *ends], late)
    counts = {name: max(1, len(one)) for name, one in calls.items()}
    fixed = {
        name: tuple(_map(call, lambda edge: _fix(edge, of_calls, counts)) for call in one)
        for name, one in calls.items()
    }
    return (
        fixed,
        _map(inputs, lambda edge: _fix(edge, of_ends, counts)),
        _map(outputs, lambda edge: _fix(edge, of_ends, counts)),
    )


def _offsets(calls: Calls, edges: list[Edge], late: set[str]) -> dict[str, int]:
    highest: dict[str, int] = {}
    for edge in edges:
        highest[edge.layer] = max(highest.get(edge.layer, 0), edge.call)
    return {name: 1 for name in late if highest.get(name, 0) >= max(1, len(calls[name]))}


def _fix(edge: Edge, offsets: Mapping[str, int], counts: Mapping[str, int]) -> Edge:
    call = edge.call - offsets.get(edge.layer, 0)
    if not 0 <= call < counts[edge.layer]:
        raise DamagedFileError(
            "The model's config refers to a call that is not there.",
            layer=edge.layer,
            expected=f"one of {counts[edge.layer]} calls",
            found=f"call {edge.call}",
            remedy="Save the model again from where it came from.",
        )
    return edge if call == edge.call else replace(edge, call=call)


def _map(value: Any, fix: Any) -> Any:
    if isinstance(value, Edge):
        return fix(value)
    if isinstance(value, Call):
        return Call(_map(value.inbound, fix), _map(value.args, fix), _map(value.kwargs, fix))
    if isinstance(value, tuple):
        return tuple(_map(item, fix) for item in value)
    if isinstance(value, list):
        return [_map(item, fix) for item in value]
    if isinstance(value, dict):
        return {key: _map(item, fix) for key, item in value.items()}
    return value
