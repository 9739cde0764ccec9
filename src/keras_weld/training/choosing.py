"""Which parts of a model a stage trains."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from keras_weld.core.features import features_of
from keras_weld.core.graph import ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.core.graph_order import consumers
from keras_weld.errors import UsageError
from keras_weld.training.parts import Part
from keras_weld.training.plan import ALL, HEAD, Stage

_SHOWN = 12


def choose(parts: Sequence[Part], stage: Stage, head: Sequence[str]) -> list[Part]:
    """The parts that a stage names, frozen ones among them.

    Args:
        parts: all parts of the model, in their order.
        stage: the stage.
        head: paths of the layers that are the head.

    Raises:
        UsageError: if it names none.
    """
    if stage.part == ALL:
        found = list(parts)
    elif stage.last is not None:
        found = list(parts[-stage.last :])
    elif stage.part == HEAD:
        found = [part for part in parts if any(_within(part.path, one) for one in head)]
    else:
        found = [part for part in parts if named_by(part.path, stage.part)]
    if not found:
        raise _none(parts, stage)
    return found


def named_by(path: str, pattern: str) -> bool:
    """Whether a name, path or glob names a layer, or a model around it.

    Example:
        >>> named_by("backbone/block_13/conv", "backbone/block_13*"), named_by("backbone/block_2", "block_1*")
        (True, False)
    """
    names = path.split("/")
    ways = ["/".join(names[:end]) for end in range(1, len(names) + 1)]
    return any(fnmatchcase(one, pattern) for one in (*ways, *names))


def head_of(graph: ModelGraph) -> list[str]:
    """Paths of all layers and models that come after the features of a model: what gives its answers."""
    found: list[str] = []
    for number in range(len(graph.outputs)):
        features = features_of(graph, number)
        if features.classifier is not None:
            found += _after(graph, features.place.within, features.place.edge, "")
    return list(dict.fromkeys(found))


def _after(graph: ModelGraph, within: Sequence[str], edge: Edge, path: str) -> list[str]:
    """What takes a tensor, in the model it is in and in those around it, and all that follows."""
    if not within:
        return [f"{path}{name}" for name in _downstream(graph, [edge])]
    layer = graph.layer(within[0])
    inner = layer.graph
    found = [] if inner is None else _after(inner, within[1:], edge, f"{path}{layer.name}/")
    leaving = [one for one in consumers(graph) if one.layer == layer.name]
    return found + [f"{path}{name}" for name in _downstream(graph, leaving)]


def _downstream(graph: ModelGraph, edges: Sequence[Edge]) -> list[str]:
    taken = consumers(graph)
    calls: dict[tuple[str, int], None] = {}
    waiting = [call for edge in edges for call in taken.get(edge, ())]
    while waiting:
        call = waiting.pop()
        if call not in calls:
            calls[call] = None
            made = [edge for edge in taken if (edge.layer, edge.call) == call]
            waiting += [taker for edge in made for taker in taken[edge]]
    return list(dict.fromkeys(name for name, _ in calls))


def _within(path: str, name: str) -> bool:
    return path == name or path.startswith(f"{name}/")


def _none(parts: Sequence[Part], stage: Stage) -> UsageError:
    paths = [part.path for part in parts]
    shown = paths if len(paths) <= _SHOWN else [*paths[: _SHOWN // 2], "…", *paths[-_SHOWN // 2 :]]
    if stage.part == HEAD:
        return UsageError(
            "No head can be told from the model's graph.",
            expected="a layer that makes the answer out of the features",
            found="a model that ends in its features, or whose layers are in its own code",
            remedy="Say what is trained by number or name: last-5, all, or the name of a layer.",
        )
    return UsageError(
        f"No layer that can be trained is called {stage.part!r}.",
        expected="head, last-N, all, or one of: " + ", ".join(shown),
        found=stage.part,
        remedy="weld inspect --layers shows the names of all layers; * stands for any letters.",
    )
