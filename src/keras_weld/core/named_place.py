"""What in a model a name means: a layer by its own name and those of the models around it, an output."""

from __future__ import annotations

from collections.abc import Sequence

from keras_weld.core.features import Place
from keras_weld.core.graph import ModelGraph
from keras_weld.core.graph_nodes import Edge
from keras_weld.errors import UsageError

_MOST = 12  # names that are shown of all


def place_named(graph: ModelGraph, path: str) -> Place:
    """The output of the layer that a path names: `avg_pool`, or `backbone/avg_pool` in a model in the model.

    Args:
        graph: the model's graph.
        path: names with `/` between them, from the outside in.

    Raises:
        UsageError: if there is no such layer; names those that there are.
    """
    names = path.split("/")
    whole = graph.name
    for depth, name in enumerate(names):
        known = {layer.name: layer for layer in graph.layers}
        layer = known.get(name)
        inside = layer.graph if layer is not None else None
        last = depth == len(names) - 1
        if layer is None or (not last and inside is None):
            raise UsageError(
                f"The model {whole!r} has no layer {path!r}.",
                layer=path,
                expected="one of " + _shortened([f"{'/'.join([*names[:depth], one])}" for one in known]),
                found=name,
                remedy="weld inspect --layers shows the names of all layers.",
            )
        if not last and inside is not None:
            graph = inside
    return Place(tuple(names[:-1]), Edge(names[-1]))


def output_named(names: Sequence[str], output: str, option: str = "--output ") -> int:
    """The number of the output that a name means.

    Args:
        names: of the model's outputs.
        output: the name.
        option: what stands before the name on the command line.

    Raises:
        UsageError: if there is none of that name.
    """
    if output not in names:
        raise UsageError(
            "The model has no such output.",
            layer=output,
            expected=", ".join(names),
            found=output,
            remedy=f"Name one that it has: {option}{names[0]}",
        )
    return list(names).index(output)


def _shortened(names: Sequence[str]) -> str:
    if len(names) <= _MOST:
        return ", ".join(names)
    return ", ".join([*names[: _MOST // 2], "…", *names[-_MOST // 2 :]])
