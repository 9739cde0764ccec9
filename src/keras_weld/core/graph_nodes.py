"""The small values that a model's graph is made of: where a tensor comes from, and one call of a layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """A tensor in a graph, named by what makes it.

    Attributes:
        layer: name of the layer that makes it.
        call: which call of that layer, from 0.
        tensor: which of the call's results, from 0.
        shape: its shape with the batch first and None for what is left open, if the config tells.
        dtype: its dtype, if the config tells.
    """

    layer: str
    call: int = 0
    tensor: int = 0
    shape: Shape | None = field(default=None, compare=False)
    dtype: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a layer.

    Attributes:
        inbound: the tensors that go in, in order.
        args: the call's positional arguments as plain JSON values, with an `Edge` where a tensor stands.
        kwargs: its keyword arguments, likewise.
    """

    inbound: tuple[Edge, ...] = ()
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


Place = TypeVar("Place")


def edges_in(value: Any) -> Iterator[Edge]:
    """All edges in a structure of lists, tuples and dicts, in order."""
    return places_in(value, Edge)


def places_in(value: Any, kind: type[Place]) -> Iterator[Place]:
    """All values of one class in a structure of lists, tuples and dicts, in order."""
    if isinstance(value, kind):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from places_in(item, kind)
    elif isinstance(value, dict):
        for item in value.values():
            yield from places_in(item, kind)


def shape_of(value: Any) -> Shape | None:
    """A shape from its JSON form (a list of numbers and nulls), or None if it is not one."""
    if isinstance(value, dict):  # Keras 3 may write a tuple with its class
        value = value.get("items", value.get("config"))
    if not isinstance(value, list | tuple):
        return None
    if all(axis is None or (isinstance(axis, int) and not isinstance(axis, bool)) for axis in value):
        return tuple(value)
    return None
