"""Where two architectures agree and where they part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from keras_weld.checks.calls import given, same_tensors, same_values, values_of
from keras_weld.checks.finding import Finding, Severity
from keras_weld.checks.nodes import Node, flatten
from keras_weld.checks.options import differing_options, untupled
from keras_weld.checks.others import OTHERS
from keras_weld.checks.partners import inputs_by_name, partners
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.layer_parts import sub_layers_of

_REMEDY = f"Only models of one architecture can be averaged{OTHERS}"

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

_Partners = Mapping[int, int]
"""For positions in the other model's flat order, that of the same layer in the first one's."""
_Ends = tuple[ModelGraph, Mapping[str, int]]
"""A model with the positions of its layers."""


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


def compare(ours: ModelGraph, theirs: ModelGraph) -> list[Difference]:
    """Every difference between two architectures, in the first model's order. Names of layers do not count."""
    first, second = flatten(ours), flatten(theirs)
    pairs = partners(ours, theirs, first, second)
    same = {his.number: mine.number for mine, his in pairs if mine is not None and his is not None}
    found: list[Difference] = []
    for mine, his in pairs:
        if mine is None or his is None:
            found.append(_alone(mine, his))
        else:
            found += compare_nodes(mine, his, same)
            if mine.layer.graph and his.layer.graph:
                ends = (mine.layer.graph, mine.inner), (his.layer.graph, his.inner)
                found += _outputs(mine.name, *ends, same, whole=False)
    if all(one.severity is not Severity.REFUSAL for one in found) and first and second:
        found += _inputs(ours, theirs)
        where = ours.outputs[0].layer if ours.outputs else ours.name
        found += _outputs(where, (ours, first[0].places), (theirs, second[0].places), same, whole=True)
    return found


def compare_nodes(mine: Node, his: Node, same: _Partners | None = None) -> list[Difference]:
    """The differences between two layers that belong together.

    Args:
        mine: the first model's layer.
        his: the other's.
        same: which layers around them belong together; by default those at the same positions.
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
    refused = any(one.severity is Severity.REFUSAL for one in found)
    return found if refused else [*found, *_calls(mine, his, same)]


def _calls(mine: Node, his: Node, same: _Partners | None) -> Iterator[Difference]:
    """How the calls of two layers differ: in their tensors, else in the values beside them."""
    ours = given(mine, lambda number: number)
    theirs = given(his, lambda number: number if same is None else same.get(number, ("other", number)))
    if len(ours) != len(theirs) or not all(map(same_tensors, ours, theirs)):
        said = mine.name, _show_links(mine), _show_links(his)
        yield Difference(Severity.REFUSAL, "The layer is connected otherwise.", *said)
        return
    for one, other in zip(ours, theirs, strict=True):
        if not same_values(one, other):
            values = _show(values_of(one)), _show(values_of(other))
            yield Difference(Severity.REFUSAL, "The layer is called with other values.", mine.name, *values)
        if one.training != other.training:
            always = bool(one.training) != bool(other.training)
            severity = Severity.WARNING if always else Severity.NOTE
            modes = (f"training={value}" for value in (one.training, other.training))
            yield Difference(severity, _TEXTS[severity], mine.name, *modes)


def _by_severity(where: str, options: list[tuple[Severity, str, Any, Any]]) -> Iterator[Difference]:
    """One difference for all options of a layer that matter alike."""
    for severity, text in _TEXTS.items():
        some = [one for one in options if one[0] is severity]
        if some:
            expected = ", ".join(f"{name}={_show(value)}" for _, name, value, _ in some)
            found = ", ".join(f"{name}={_show(value)}" for _, name, _, value in some)
            sizes = [name for _, name, _, _ in some] == ["batch_shape"]
            yield Difference(severity, _SIZE if sizes else text, where, expected, found)


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


def _alone(mine: Node | None, his: Node | None) -> Difference:
    if mine is not None:
        return Difference(Severity.REFUSAL, "The other model has no such layer.", mine.name, mine.class_name, "none")
    name, kind = (his.name, his.class_name) if his is not None else ("", "")
    return Difference(Severity.REFUSAL, "The other model has one layer more.", name, "none", kind)


def _inputs(ours: ModelGraph, theirs: ModelGraph) -> Iterator[Difference]:
    if inputs_by_name(ours, theirs) and ours.input_names != theirs.input_names:
        text = "The inputs stand in another order; the result takes them in the first model's."
        names = (", ".join(graph.input_names) for graph in (ours, theirs))
        yield Difference(Severity.WARNING, text, ours.input_names[0], *names)


def _outputs(where: str, ours: _Ends, theirs: _Ends, same: _Partners, *, whole: bool) -> Iterator[Difference]:
    """Whether other layers give the outputs, or those of the whole model stand in another order."""
    mine = [(ours[1].get(edge.layer), edge.call, edge.tensor) for edge in ours[0].outputs]
    his = [(same.get(theirs[1].get(edge.layer, -1)), edge.call, edge.tensor) for edge in theirs[0].outputs]
    if mine == his:
        return
    names = [", ".join(edge.layer for edge in graph.outputs) for graph, _ in (ours, theirs)]
    if whole and set(mine) == set(his) and len(mine) == len(his):
        text = "The outputs stand in another order; the result has them in the first model's."
        yield Difference(Severity.WARNING, text, where, *names)
    else:
        yield Difference(Severity.REFUSAL, "Other layers give the outputs.", where, *names)


def _show(value: object) -> str:
    text = _in_words(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _in_words(value: object) -> str:
    """A value as a person would write it: `L2(l2=0.01)` for an object, a function by its name."""
    value = untupled(value)
    options = value.get("config") if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and value.get("class_name") == "function" and isinstance(options, str):
        module = str(value.get("module") or "keras")
        return options if module in ("keras", "builtins") or module.startswith("keras.") else f"{module}.{options}"
    if isinstance(value, Mapping) and isinstance(options, Mapping):
        return f"{value.get('class_name')}({', '.join(f'{name}={one}' for name, one in options.items())})"
    return str(value)


def _show_links(node: Node) -> str:
    names = [", ".join(map(_show_edge, call.inbound)) for call in node.layer.calls]
    return f"called on {' and on '.join(names) or 'nothing'}"


def _show_edge(edge: Edge) -> str:
    return edge.layer if edge.call == 0 else f"{edge.layer} (call {edge.call + 1})"
