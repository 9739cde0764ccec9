"""One of the models that are checked against each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keras_weld.checks.summary import Summary, summarize
from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import ModelState
from keras_weld.errors import WeldError


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model file and what is known of it.

    Attributes:
        name: the file, as it was named.
        state: the file, opened.
        summary: what it holds.
        graph: its graph; None if the file has no architecture.
        labels: the names of its classes in order, if known.
        executable: layers that run code that comes with the file.
        problems: what no honest file has, each as the error that loading the file would end with.
    """

    name: str
    state: ModelState
    summary: Summary
    graph: ModelGraph | None
    labels: tuple[str, ...] | None = None
    executable: tuple[str, ...] = ()
    problems: tuple[WeldError, ...] = ()

    @property
    def readable(self) -> ModelGraph | None:
        """The graph, if it tells the layers."""
        return self.graph if self.graph is not None and not self.graph.opaque else None


def candidate_of(
    state: ModelState,
    labels: Sequence[str] | None = None,
    *,
    custom: Sequence[str] = (),
    executable: Sequence[str] = (),
    problems: Sequence[WeldError] = (),
) -> Candidate:
    """A candidate out of an opened file.

    Args:
        state: the file.
        labels: names of the classes in order; by default those in the file's lineage, if there are any.
        custom: names of classes that Keras does not ship.
        executable: layers that run code that comes with the file.
        problems: what no honest file has, each as the error that loading the file would end with.

    Raises:
        DamagedFileError: if the config contradicts itself.
    """
    graph = state.graph
    known = tuple(labels) if labels is not None else _labels_in(state)
    summary = summarize(state, custom)
    return Candidate(state.source, state, summary, graph, known, tuple(executable), tuple(problems))


def _labels_in(state: ModelState) -> tuple[str, ...] | None:
    lineage = state.metadata.get("lineage")
    labels = lineage.get("labels") if isinstance(lineage, Mapping) else None
    return tuple(str(label) for label in labels) if isinstance(labels, list) else None
