"""Whether two layers are called on the same tensors, with the same values beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keras_weld.checks.nodes import Node
from keras_weld.checks.options import plain
from keras_weld.core.graph_nodes import Call, Edge, edges_in

_SYMMETRIC = frozenset({"Add", "Average", "Maximum", "Minimum", "Multiply"})
_MODE = "training"

Leaf = tuple[str, Any]
"""What a call is given: ("tensor", where it comes from) or ("value", a constant)."""


@dataclass(frozen=True, slots=True)
class Given:
    """What one call is given, without the forms in which versions of Keras write it.

    Attributes:
        args: the positional arguments, one after another.
        kwargs: the keyword arguments that are not None, without `training`.
        training: True, False, or None where the model decides.
    """

    args: tuple[Leaf, ...]
    kwargs: dict[str, tuple[Leaf, ...]]
    training: Any

    @property
    def tensors(self) -> list[Any]:
        """The tensors alone, in the order in which they are given."""
        every = (self.args, *self.kwargs.values())
        return [what for leaves in every for kind, what in leaves if kind == "tensor"]


def is_symmetric(node: Node) -> bool:
    """Whether the order of what a layer is given does not matter: a sum, a product, a maximum."""
    return node.class_name.removeprefix("ops.") in _SYMMETRIC


def given(node: Node, place: Callable[[int], Any]) -> list[Given]:
    """What each call of a layer is given; `place` names the layer at a position."""
    return [_given(call, node, place) for call in node.layer.calls]


def same_tensors(ours: Given, theirs: Given) -> bool:
    """Whether two calls take the same tensors, each in the same role as far as the files tell roles."""
    sides = [{name: _of_kind("tensor", leaves) for name, leaves in one.kwargs.items()} for one in (ours, theirs)]
    mine, his = ({name: leaves for name, leaves in side.items() if leaves} for side in sides)
    if mine.keys() == his.keys():
        return mine == his and _of_kind("tensor", ours.args) == _of_kind("tensor", theirs.args)
    return ours.tensors == theirs.tensors  # one by its place, the other by its name


def same_values(ours: Given, theirs: Given) -> bool:
    """Whether two calls on the same tensors are given the same constants, at the same places."""
    sides = [{name: _of_kind("value", leaves) for name, leaves in one.kwargs.items()} for one in (ours, theirs)]
    mine, his = ({name: leaves for name, leaves in side.items() if leaves} for side in sides)
    if mine != his:
        return False
    if not _of_kind("value", ours.args) and not _of_kind("value", theirs.args):
        return True
    return [_blind(leaf) for leaf in ours.args] == [_blind(leaf) for leaf in theirs.args]


def values_of(one: Given) -> str:
    """The constants of a call in words, a dot for each tensor: `·, 2.0`."""
    named = [f"{name}={_text(leaves)}" for name, leaves in one.kwargs.items() if _of_kind("value", leaves)]
    return ", ".join([_text(one.args), *named])


def _given(call: Call, node: Node, place: Callable[[int], Any]) -> Given:
    def leaves(value: Any) -> Iterator[Leaf]:
        if isinstance(value, Edge):
            yield "tensor", (place(node.places.get(value.layer, -1)), value.call, value.tensor)
        elif isinstance(value, list | tuple):
            for item in value:
                yield from leaves(item)
        elif isinstance(value, Mapping) and any(True for _ in edges_in(value)):
            for key in sorted(value):
                yield from leaves(value[key])
        elif value is not None:
            yield "value", _comparable(plain(value))

    args = tuple(leaves(call.args))
    if is_symmetric(node):
        args = tuple(sorted(args, key=repr))
    kwargs = {name: tuple(leaves(value)) for name, value in call.kwargs.items() if name != _MODE}
    return Given(args, {name: found for name, found in kwargs.items() if found}, call.kwargs.get(_MODE))


def _comparable(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _of_kind(kind: str, leaves: tuple[Leaf, ...]) -> list[Any]:
    return [what for one, what in leaves if one == kind]


def _blind(leaf: Leaf) -> Any:
    return leaf if leaf[0] == "value" else "tensor"


def _text(leaves: tuple[Leaf, ...]) -> str:
    return ", ".join("·" if kind == "tensor" else str(what) for kind, what in leaves)
