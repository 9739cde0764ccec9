"""Whole models as layers of a graph, and which of their outputs belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras

from keras_weld.compose.member import Member
from keras_weld.core.named_place import output_named
from keras_weld.errors import IncompatibleModelsError, add_context
from keras_weld.models.cut import whole
from keras_weld.models.replay import graph_of


@dataclass(frozen=True, slots=True)
class Part:
    """A model as one layer.

    Attributes:
        member: what it was made from.
        model: from its inputs to all of its outputs, under the member's name.
        names: of its outputs; those of a model of the user's own class are numbered.
        by_name: whether the model gives its outputs as a dict, with these names for keys.
    """

    member: Member
    model: keras.Model
    names: tuple[str, ...]
    by_name: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """Outputs that belong together, one of each model.

    Attributes:
        name: what the output is called in the result.
        numbers: by model, which of its outputs it is.
    """

    name: str
    numbers: tuple[int, ...]


def part_of(member: Member) -> Part:
    """A member as one layer."""
    model, graph = whole(member.model, member.name), graph_of(member.model)
    names, count = graph.output_names, len(model.outputs)
    if len(names) != count:
        names = ("output",) if count == 1 else tuple(f"output_{number}" for number in range(count))
    by_name = isinstance(graph.output_structure, Mapping) and set(graph.output_structure) == set(names)
    return Part(member, model, names, by_name)


def columns_of(parts: Sequence[Part], output: str | None = None) -> tuple[list[Column], list[str]]:
    """The outputs that belong together, and what to know about how they were matched.

    Outputs are matched by name where all models have the same names, else by their order.

    Args:
        parts: the models.
        output: the name of the only output that is taken; a model with one output gives that, whatever its name.

    Raises:
        IncompatibleModelsError: if the models have different numbers of outputs.
        UsageError: if a model has no output of that name.
    """
    first = parts[0].names
    if output is not None:
        return [Column(output, tuple(_number(part, output) for part in parts))], []
    for part in parts:
        if len(part.names) != len(first):
            raise IncompatibleModelsError(
                "The models have different numbers of outputs.",
                file=part.member.source,
                expected=f"{len(first)} ({', '.join(first)}), as {parts[0].member.name} has",
                found=f"{len(part.names)} ({', '.join(part.names)})",
                remedy="Take one output of each: --output NAME",
            )
    if all(len(set(part.names)) == len(first) and set(part.names) == set(first) for part in parts):
        return [Column(name, tuple(part.names.index(name) for part in parts)) for name in first], []
    notes = []
    if len(first) > 1:
        told = "; ".join(f"{part.member.name}: {', '.join(part.names)}" for part in parts)
        notes = [f"The outputs have different names and are matched by their order ({told})."]
    return [Column(name, (number,) * len(parts)) for number, name in enumerate(first)], notes


def _number(part: Part, output: str) -> int:
    if output not in part.names and len(part.names) == 1:
        return 0
    with add_context(file=part.member.source):
        return output_named(part.names, output)
