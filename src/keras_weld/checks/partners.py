"""Which layer of one model is which of another: what goes in by its place or name, weights as averaging pairs them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from keras_weld.checks.calls import given, is_symmetric
from keras_weld.checks.finding import Severity
from keras_weld.checks.nodes import Node, has_weights
from keras_weld.checks.options import differing_options
from keras_weld.core.graph import ModelGraph

Pairs = list[tuple[Node | None, Node | None]]
_ENOUGH = 4000  # beyond so many layers, comparing every one with every other takes too long
_COUNTED = re.compile(r"(input|input_layer)(_\d+)?|.+_input")  # as Keras names inputs that were not named

_Tags = dict[int, str]


def partners(ours: ModelGraph, theirs: ModelGraph, first: Sequence[Node], second: Sequence[Node]) -> Pairs:
    """Pairs of layers in the first model's order; where one model has more than the other, the layers that are alone.

    Layers with weights belong together as their tensors do: by the order of the layers of each class in the config,
    or by their names where both models have the same ones at other places. The others belong together if they are
    called on the same; what is left is paired as it stands in the flat order.

    Args:
        ours: the first model.
        theirs: the other.
        first: the first model's layers, flattened.
        second: the other's.
    """
    if Counter(node.class_name for node in first) != Counter(node.class_name for node in second):
        return list(_aligned(first, second))
    tags = _tags(ours, theirs, first, second)
    table: dict[object, int] = {}
    keys = [_keys(nodes, some, table) for nodes, some in zip((first, second), tags, strict=True)]
    pairs, left = _by_key(first, second, *keys)
    return sorted([*pairs, *_aligned(*left)], key=lambda one: one[0].number if one[0] is not None else len(first))


def inputs_by_name(ours: ModelGraph, theirs: ModelGraph) -> bool:
    """Whether the two models' inputs have the same names, given by a person: then these tell which is which."""
    names = ours.input_names
    return sorted(names) == sorted(theirs.input_names) and not all(map(_COUNTED.fullmatch, names))


def _tags(ours: ModelGraph, theirs: ModelGraph, first: Sequence[Node], second: Sequence[Node]) -> tuple[_Tags, _Tags]:
    """A tag for each input, model, and layer with weights; those that belong together have the same."""
    named = inputs_by_name(ours, theirs)
    one, two = (_by_order(graph, nodes, named) for graph, nodes in ((ours, first), (theirs, second)))
    mine, his = _weighted_by_name(first), _weighted_by_name(second)
    if mine.keys() != his.keys() or all(one[node.number] == two[his[name].number] for name, node in mine.items()):
        return one, two
    if not all(_alike(node, his[name]) for name, node in mine.items()):
        return one, two
    return _with_names(one, first), _with_names(two, second)


def _weighted_by_name(nodes: Sequence[Node]) -> dict[str, Node]:
    return {node.name: node for node in nodes if has_weights(node)}


def _with_names(tags: _Tags, nodes: Sequence[Node]) -> _Tags:
    return {
        number: tag if nodes[number].layer.is_input else f"named {nodes[number].name}" for number, tag in tags.items()
    }


def _alike(mine: Node, his: Node) -> bool:
    if mine.class_name != his.class_name:
        return False
    return all(severity is not Severity.REFUSAL for severity, *_ in differing_options(mine.layer, his.layer))


def _by_order(graph: ModelGraph, nodes: Sequence[Node], named: bool) -> _Tags:
    tags: _Tags = {}
    _number(graph, nodes[0].places if nodes else {}, nodes, "", tags)
    for place, (edge, name) in enumerate(zip(graph.inputs, graph.input_names, strict=True)):
        if nodes and edge.layer in nodes[0].places:
            tags[nodes[0].places[edge.layer]] = f"input {name if named else place}"
    return tags


def _number(graph: ModelGraph, places: Mapping[str, int], nodes: Sequence[Node], around: str, tags: _Tags) -> None:
    """Tags by the order in the config, as Keras 3 numbers the folders of its files."""
    tags |= {places[edge.layer]: f"{around}input {n}" for n, edge in enumerate(graph.inputs) if edge.layer in places}
    counts: Counter[str] = Counter()
    for layer in graph.layers:
        node = nodes[places[layer.name]] if layer.name in places else None
        if node is None or not (has_weights(node) or layer.graph is not None):
            continue
        tag = f"{around}{node.class_name} {counts[node.class_name]}"
        counts[node.class_name] += 1
        tags[node.number] = tag
        if layer.graph is not None:
            _number(layer.graph, node.inner, nodes, f"{tag}/", tags)


def _keys(nodes: Sequence[Node], tags: _Tags, table: dict[object, int]) -> list[int]:
    """A number for each layer that is the same for layers that are called on the same."""
    found: list[int] = []

    def key_at(number: int) -> object:
        return found[number] if 0 <= number < len(found) else None

    for node in nodes:
        what: object = tags.get(node.number)
        if what is None:
            taken = [one.tensors for one in given(node, key_at)]
            what = node.class_name, repr([sorted(one, key=repr) for one in taken] if is_symmetric(node) else taken)
        found.append(table.setdefault(what, len(table)))
    return found


def _by_key(
    first: Sequence[Node], second: Sequence[Node], ours: Sequence[int], theirs: Sequence[int]
) -> tuple[Pairs, tuple[list[Node], list[Node]]]:
    """The pairs of the same key, and what is left over in each model."""
    groups: dict[int, tuple[list[Node], list[Node]]] = {}
    for side, (nodes, keys) in enumerate(((first, ours), (second, theirs))):
        for node, key in zip(nodes, keys, strict=True):
            groups.setdefault(key, ([], []))[side].append(node)
    pairs: Pairs = []
    left: tuple[list[Node], list[Node]] = ([], [])
    for mine, his in groups.values():
        if len(mine) > 1 or len(his) > 1:
            mine, his = (sorted(some, key=_details) for some in (mine, his))
        count = min(len(mine), len(his))
        pairs += zip(mine[:count], his[:count], strict=True)
        left[0].extend(mine[count:])
        left[1].extend(his[count:])
    number: Callable[[Node], int] = lambda node: node.number  # noqa: E731 - for two sorts
    return pairs, (sorted(left[0], key=number), sorted(left[1], key=number))


def _details(node: Node) -> str:
    """What tells layers apart that are called on the same."""
    options = {name: value for name, value in node.layer.config.items() if name != "name"}
    return repr((sorted(options.items()), [one.args for one in given(node, lambda _: None)]))


def _aligned(first: Sequence[Node], second: Sequence[Node]) -> Iterator[tuple[Node | None, Node | None]]:
    """Pairs in the flat order; where one model has more than the other, the layers that are alone."""
    ours, theirs = ([node.class_name for node in nodes] for nodes in (first, second))
    if ours == theirs or max(len(first), len(second)) > _ENOUGH:
        count = min(len(first), len(second))
        yield from zip(first, second, strict=False)
        yield from ((node, None) for node in first[count:])
        yield from ((None, node) for node in second[count:])
        return
    for _, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        count = min(b - a, d - c)
        yield from zip(first[a : a + count], second[c : c + count], strict=True)
        yield from ((node, None) for node in first[a + count : b])
        yield from ((None, node) for node in second[c + count : d])
