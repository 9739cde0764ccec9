"""How far several models are one architecture, from the input upward, and which of their layers calculate alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from keras_weld.checks.architecture import Difference, compare_nodes
from keras_weld.checks.finding import Severity
from keras_weld.checks.nodes import Node
from keras_weld.checks.options import class_name_of
from keras_weld.checks.prepared import OTHER_WORDS, other_words
from keras_weld.core.features import features_of
from keras_weld.core.graph_nodes import Call, Edge, edges_in
from keras_weld.zipping.trace import Slot, Step, Trace


@dataclass(frozen=True, slots=True)
class Parting:
    """Where a model stops being like the first one.

    Attributes:
        model: the model's number.
        step: the number of the first step that differs.
        difference: what differs there.
    """

    model: int
    step: int
    difference: Difference


@dataclass(frozen=True, slots=True)
class Trunk:
    """What several models have in common.

    Attributes:
        traces: the models.
        length: the first so many steps of each are the trunk: they agree, and the heads come after them.
        unlike: numbers of steps that the models calculate in different ways (another range of pixels, another
            epsilon), so that each model has to keep its own; with what differs.
        parting: where the models part first, if they do before the heads.
    """

    traces: tuple[Trace, ...]
    length: int
    unlike: dict[int, Difference]
    parting: Parting | None

    @property
    def steps(self) -> tuple[Step, ...]:
        """The trunk's steps, as the first model names them."""
        return self.traces[0].steps[: self.length]


def trunk_of(traces: Sequence[Trace]) -> Trunk:
    """The trunk of models: as long as they agree, and at most up to the features that their classifiers work on."""
    head = min(_features_end(one) for one in traces)
    unlike: dict[int, Difference] = {}
    parting = None
    for number, other in enumerate(traces[1:], 1):
        found = _parting(traces[0], other, number, unlike)
        if found is not None and (parting is None or found.step < parting.step):
            parting = found
    length = head if parting is None else min(head, parting.step)
    length = min(_alone(one, length) for one in traces)
    early = parting if parting is not None and parting.step < head else None
    kept = {step: difference for step, difference in unlike.items() if step < length}
    return Trunk(tuple(traces), length, kept, early)


def _parting(first: Trace, other: Trace, number: int, unlike: dict[int, Difference]) -> Parting | None:
    for step, (mine, his) in enumerate(zip(first.steps, other.steps, strict=False)):
        found = compare_nodes(_node(step, mine), _node(step, his))
        refused = next((one for one in found if one.severity is Severity.REFUSAL), None)
        refused = refused or _other_shape(mine, his) or _other_words(mine, his)
        if refused is not None:
            return Parting(number, step, refused)
        calculated = [one for one in found if one.severity is Severity.WARNING]
        if calculated:
            unlike.setdefault(step, calculated[0])
    shorter = min(len(first.steps), len(other.steps))
    if len(first.steps) == len(other.steps):
        return None
    longer = max(first.steps, other.steps, key=len)[shorter]
    text = "One model goes on where the other ends."
    return Parting(number, shorter, Difference(Severity.REFUSAL, text, longer.name, longer.layer.class_name, "the end"))


def _node(number: int, step: Step) -> Node:
    """The step as a layer that is called once, on steps that go by their numbers."""
    args, kwargs = _with_edges(step.args), _with_edges(dict(step.kwargs))
    call = Call(tuple(edges_in((args, kwargs))), args, kwargs)
    places = {str(slot.step): slot.step for slot in step.inbound}
    layer = replace(step.layer, calls=(call,), graph=None)
    return Node(number, step.name, class_name_of(step.layer), layer, places, {})


def _with_edges(value: Any) -> Any:
    if isinstance(value, Slot):
        return Edge(str(value.step), 0, value.tensor)
    if isinstance(value, list | tuple):
        return type(value)(_with_edges(item) for item in value)
    if isinstance(value, dict):
        return {key: _with_edges(item) for key, item in value.items()}
    return value


def _other_shape(mine: Step, his: Step) -> Difference | None:
    ours, theirs = ([tuple(one.shape) for one in step.weights] for step in (mine, his))
    if ours == theirs:
        return None
    return Difference(Severity.REFUSAL, "A tensor has another shape.", mine.name, str(ours), str(theirs))


def _other_words(mine: Step, his: Step) -> Difference | None:
    """Other vocabularies: the same number is another word, and nothing that works on it can be shared."""
    both = [one.operation for one in (mine, his) if hasattr(one.operation, "get_vocabulary")]
    if len(both) < 2:
        return None
    words = other_words(*(map(str, one.get_vocabulary()) for one in both))
    return None if words is None else Difference(Severity.REFUSAL, OTHER_WORDS, mine.name, *words)


def _features_end(one: Trace) -> int:
    """The number of steps up to the first tensor that a classifier works on; all steps if there is no classifier."""
    ends = []
    for output in range(len(one.outputs)):
        place = features_of(one.graph, output).place
        within = place.within
        while within not in one.levels:
            within = within[:-1]
        level = one.levels[within]
        unfolded = within == place.within
        ends.append(level.slot(place.edge).step + 1 if unfolded else level.steps[place.within[len(within)], 0])
    return min(ends)


def _alone(one: Trace, length: int) -> int:
    """The length of a trunk none of whose layers is called again after it."""
    after = {id(step.operation) for step in one.steps[length:]}
    again = next((number for number, step in enumerate(one.steps[:length]) if id(step.operation) in after), None)
    return length if again is None else _alone(one, again)
