"""Whether two architectures are one but for the names of their layers, told by their texts alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from keras_weld.core.graph import ModelGraph


def same_but_for_names(ours: str, theirs: str, our_graph: ModelGraph, their_graph: ModelGraph) -> bool:
    """Whether one text becomes the other where new names stand for the names of layers.

    This is quick, and careful: it says no where a name that differs stands for another layer in the other model, or
    occurs as anything else than a name, though the architectures may be the same.

    Args:
        ours: a configuration as JSON.
        theirs: the other one, written by the same rules.
        our_graph: the graph of the first.
        their_graph: that of the other.
    """
    names, others = list(_names(our_graph)), list(_names(their_graph))
    if len(names) != len(others):
        return False
    renamed = {mine: his for mine, his in zip(names, others, strict=True) if mine != his}
    clear = len(set(renamed.values())) == len(renamed) and not set(names) & set(renamed.values())
    if not clear or any(renamed.get(mine, mine) != his for mine, his in zip(names, others, strict=True)):
        return False
    return _renamed(ours, renamed) == theirs


def _names(graph: ModelGraph) -> Iterator[str]:
    yield graph.name
    for layer in graph.layers:
        yield layer.name
        if layer.graph is not None:
            yield from _names(layer.graph)


def _renamed(text: str, names: dict[str, str]) -> str:
    if not names:
        return text
    quoted = {json.dumps(old): json.dumps(new) for old, new in names.items()}
    return re.sub("|".join(map(re.escape, quoted)), lambda found: quoted[found[0]], text)
