"""Whether the features of models can be joined under a new head: nearly always."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.finding import Finding, Severity, note
from keras_weld.checks.for_ensemble import needs_architecture
from keras_weld.checks.inputs import compare_inputs, numeric
from keras_weld.checks.labels import compare_labels


def for_fuse(models: Sequence[Candidate]) -> Iterator[Finding]:
    """Findings on joining features of models; every model is compared with the first."""
    first = models[0]
    for one in models:
        yield from needs_architecture(one)
    if any(one.graph is None for one in models):
        return
    for one in models:
        yield from numeric(one)
    for other in models[1:]:
        if first.readable is not None and other.readable is not None:
            yield from compare_inputs(first, other)
        yield from compare_labels(first, other, Severity.NOTE)
    yield note("The new head starts untrained: fusing needs labelled data.")
