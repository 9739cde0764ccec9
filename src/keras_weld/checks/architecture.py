"""Where two architectures agree and where they part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from keras_weld.checks.finding import Finding, Severity
from keras_weld.checks.options import class_name_of, differing_options
from keras_weld.checks.others import OTHERS
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_order import calls_in_order
from keras_weld.core.layer_parts import sub_layers_of
from keras_weld.core.layer_variables import variables_of

_REMEDY = f"Only models of one architecture can be averaged{OTHERS}"
_ENOUGH = 4000  # beyond so many layers, comparing every one with every other takes too long

_TEXTS = {
    Severity.REFUSAL: "The layer is built otherwise.",
    Severity.WARNING: "The layer calculates a little otherwise; the result has the first model's setting.",
    Severity.NOTE: "The layer was trained otherwise; the result has the first model's setting.",
}

_SIZE = (
    "The models take inputs of other sizes; if all tensors fit, they can be averaged. "
    "The result has the first model's size."
)
_OF_SIZE = "Give it that size, and compare it with its sources on such data: weld evaluate."

_Calls = tuple[tuple[tuple[int, int, int], ...], ...]


@dataclass(frozen=True, slots=True)
class Node:
    """A layer in the flat order of a model, with what it is called on by position.

    Attributes:
        name: its name, those of the models around it first.
        class_name: its class in the terms of Keras 3.
        layer: the layer.
        takes: for each call, the tensors it takes: (position in the order, call, tensor).
    """

    name: str
    class_name: str
    layer: GraphLayer
    takes: _Calls


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: how much it matters, the layer, what the first model has and what the other has."""

    severity: Severity
    text: str
    layer: str
    expected: str
    found: str

    def finding(self, file: str) -> Finding:
        """The same as a finding on averaging."""
        remedy = _REMEDY if self.severity is Severity.REFUSAL else _OF_SIZE if self.text == _SIZE else None
        return Finding(self.severity, self.text, file, self.layer, self.expected, self.found, remedy)


def flatten(graph: ModelGraph) -> list[Node]:
    """All layers and operations, models inside unfolded, in the order in which they can be called."""
    return list(_flatten(graph, ""))


def _flatten(graph: ModelGraph, path: str) -> Iterator[Node]:
    order: dict[str, int] = {}
    layers: list[GraphLayer] = []
    for layer, _ in calls_in_order(graph):
        if layer.name not in order:
            order[layer.name] = len(order)
            layers.append(layer)
    for layer in layers:
        takes = tuple(
            tuple((order[edge.layer], edge.call, edge.tensor) for edge in call.inbound) for call in layer.calls
        )
        yield Node(f"{path}{layer.name}", class_name_of(layer), layer, takes)
        if layer.graph is not None:
            yield from _flatten(layer.graph, f"{path}{layer.name}/")


def compare(ours: ModelGraph, theirs: ModelGraph) -> list[Difference]:
    """Every difference between two architectures, in the first model's order. Names do not count."""
    first, second = flatten(ours), flatten(theirs)
    found: list[Difference] = []
    for mine, his in _aligned(first, second):
        if mine is None or his is None:
            found.append(_alone(mine, his))
        else:
            found += compare_nodes(mine, his)
    if not found and _ends(ours) != _ends(theirs):
        found.append(
            Difference(
                Severity.REFUSAL,
                "Other layers give the outputs.",
                ours.outputs[0].layer if ours.outputs else ours.name,
                ", ".join(edge.layer for edge in ours.outputs),
                ", ".join(edge.layer for edge in theirs.outputs),
            )
        )
    return found


def compare_nodes(mine: Node, his: Node, *, links: bool = True) -> list[Difference]:
    """The differences between two layers that stand at the same place.

    Args:
        mine: the first model's layer.
        his: the other's.
        links: whether to compare what they are called on as well.
    """
    if mine.class_name != his.class_name:
        return [
            Difference(
                Severity.REFUSAL,
                "Another kind of layer stands here.",
                mine.name,
                mine.class_name,
                f"{his.class_name} ({his.name})",
            )
        ]
    found = [
        one
        for where, a, b in _with_parts(mine.name, mine.layer, his.layer)
        for one in _by_severity(where, list(differing_options(a, b)))
    ]
    if links and mine.takes != his.takes and not found:
        found.append(
            Difference(
                Severity.REFUSAL,
                "The layer is connected otherwise.",
                mine.name,
                _show_links(mine),
                _show_links(his),
            )
        )
    return found


def _by_severity(where: str, options: list[tuple[Severity, str, Any, Any]]) -> Iterator[Difference]:
    """One difference for all options of a layer that matter alike."""
    for severity, text in _TEXTS.items():
        some = [one for one in options if one[0] is severity]
        if some:
            expected = ", ".join(f"{name}={_show(value)}" for _, name, value, _ in some)
            found = ", ".join(f"{name}={_show(value)}" for _, name, _, value in some)
            sizes = [name for _, name, _, _ in some] == ["batch_shape"]
            yield Difference(severity, _SIZE if sizes else text, where, expected, found)


def has_weights(node: Node) -> bool:
    """Whether a layer has variables, of its own or in its parts; layers of the user's own are taken to."""
    if node.layer.is_input or node.layer.is_operation or node.layer.graph is not None:
        return False
    own = variables_of(node.layer.class_name, node.layer.config)
    return own != [] or bool(sub_layers_of(node.layer.class_name, node.layer.config))


def _with_parts(name: str, ours: GraphLayer, theirs: GraphLayer) -> Iterator[tuple[str, GraphLayer, GraphLayer]]:
    """Two layers, and those wrapped in them."""
    yield name, ours, theirs
    if "layer" not in ours.config and "cell" not in ours.config:
        return
    mine = sub_layers_of(ours.class_name, ours.config) or []
    his = sub_layers_of(theirs.class_name, theirs.config) or []
    for (group, a_class, a), (_, b_class, b) in zip(mine, his, strict=False):
        inner = [
            GraphLayer(group, kind, one.module, config)
            for kind, one, config in ((a_class, ours, a), (b_class, theirs, b))
        ]
        yield from _with_parts(f"{name}/{group}", inner[0], inner[1])


def _aligned(first: list[Node], second: list[Node]) -> Iterator[tuple[Node | None, Node | None]]:
    """Pairs of layers; where one model has more than the other, the layers that are alone."""
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


def _alone(mine: Node | None, his: Node | None) -> Difference:
    if mine is not None:
        return Difference(Severity.REFUSAL, "The other model has no such layer.", mine.name, mine.class_name, "none")
    name, kind = (his.name, his.class_name) if his is not None else ("", "")
    return Difference(Severity.REFUSAL, "The other model has one layer more.", name, "none", kind)


def _ends(graph: ModelGraph) -> list[tuple[int, int, int]]:
    order = {layer.name: number for number, (layer, _) in enumerate(calls_in_order(graph))}
    return [(order.get(edge.layer, -1), edge.call, edge.tensor) for edge in graph.outputs]


def _show(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _show_links(node: Node) -> str:
    names = [", ".join(edge.layer for edge in call.inbound) for call in node.layer.calls]
    return f"called on {' and on '.join(names) or 'nothing'}"
