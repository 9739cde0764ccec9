"""What `average` looks at before it starts: one architecture, and whether the models come from one start."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import numpy as np

from keras_weld.checks.finding import Severity
from keras_weld.checks.kernels import SAME_START, cosine, is_kernel
from keras_weld.checks.tensors import of_fractions, whole_numbers
from keras_weld.core.dtypes import is_float
from keras_weld.core.graph import ModelGraph
from keras_weld.core.renamed import same_but_for_names
from keras_weld.core.state import Array, LazyTensor, ModelState
from keras_weld.errors import IncompatibleModelsError, add_context

_ADDRESSES = re.compile(r'"shared_object_id": \d+')
_KERNELS = 8  # so many, spread over the depth of the model,
_VALUES = 1 << 13  # and of each so many values, are enough to tell right angles from small ones


def require_one_architecture(states: Sequence[ModelState]) -> list[str]:
    """Refuse models whose layers differ, as far as the files tell their layers.

    Returns:
        What differs in how layers calculate, such as how one prepares its data: the result does as the first model.

    Raises:
        IncompatibleModelsError: naming the first layer that differs.
    """
    if all(state.config is states[0].config for state in states):
        return []
    texts = [_text(state) for state in states]
    if len(set(texts)) == 1:
        return []  # as between checkpoints of one run; comparing layer by layer takes longer than the averaging
    graphs = [(state, _graph(state)) for state in states]
    if _same_but_for_names(texts, [graph for _, graph in graphs]):
        return []
    from keras_weld.checks.architecture import compare
    from keras_weld.checks.others import name_others

    known = [(state, graph) for state, graph in graphs if graph is not None]
    notes: list[str] = []
    for state, graph in known[1:]:
        differences = compare(known[0][1], graph)
        refusals = [one for one in differences if one.severity is Severity.REFUSAL]
        if refusals:
            first = name_others(refusals[0].finding(state.source), ())
            more = f" {len(refusals) - 1} more differ." if len(refusals) > 1 else ""
            raise IncompatibleModelsError(
                f"The models have different architectures: {first.text[0].lower()}{first.text[1:]}{more}",
                file=state.source,
                layer=first.layer,
                expected=first.expected,
                found=first.found,
                remedy=first.remedy,
            )
        told = [one.finding(state.source) for one in differences if one.severity is Severity.WARNING]
        notes += [
            f"Warning: {one.text[0].lower()}{one.text[1:]} {state.source}, layer {one.layer}: {one.found}, "
            f"where {known[0][0].source} has {one.expected}."
            for one in told
        ]
    return notes


def _text(state: ModelState) -> str:
    """The architecture as text, without the numbers that Keras gives to shared objects by their address."""
    config = state.config or {}
    return _ADDRESSES.sub("", json.dumps([config.get("class_name"), config.get("config")]))


def _same_but_for_names(texts: Sequence[str], graphs: Sequence[ModelGraph | None]) -> bool:
    first = graphs[0]
    if first is None:
        return False
    others = zip(texts[1:], graphs[1:], strict=True)
    return all(graph is not None and same_but_for_names(texts[0], text, first, graph) for text, graph in others)


def _graph(state: ModelState) -> ModelGraph | None:
    with add_context(file=state.source):
        graph = state.graph
    return None if graph is None or graph.opaque else graph


def require_means(columns: Sequence[Sequence[LazyTensor]], states: Sequence[ModelState]) -> None:
    """Refuse quantised models: whole numbers with a scale each have no mean.

    Raises:
        IncompatibleModelsError: naming the first kernel of whole numbers that differs between models, or is of
            fractions in another.
    """
    for row in zip(*columns, strict=True):
        spec = row[0].spec
        whole = [number for number, tensor in enumerate(row) if not is_float(tensor.spec.dtype)]
        if len(spec.shape) < 2 or not whole or (len(whole) == len(row) and _all_same(row)):
            continue
        dtype = row[whole[0]].spec.dtype
        raise IncompatibleModelsError(
            whole_numbers("models are", dtype),
            file=states[whole[0]].source,
            layer=spec.name,
            expected="float32, float16 or bfloat16",
            found=dtype.name,
            remedy=of_fractions(dtype),
        )


def different_starts(columns: Sequence[Sequence[LazyTensor]], states: Sequence[ModelState]) -> Iterator[str]:
    """A note for each model whose kernels point elsewhere than the first one's; a sample of them is read."""
    if len(columns) < 2:
        return
    numbers = [number for number, tensor in enumerate(columns[0]) if is_kernel(tensor)]
    chosen = numbers[:: max(1, len(numbers) // _KERNELS)]
    samples = [_sample(columns[0][number]) for number in chosen]
    for column, state in zip(columns[1:], states[1:], strict=True):
        found = [cosine(ours, _sample(column[number])) for ours, number in zip(samples, chosen, strict=True)]
        known = [value for value in found if value is not None]
        if known and (typical := float(np.median(known))) < SAME_START:
            yield (
                f"Warning: {state.source} was not trained from the same start as {states[0].source} (median "
                f"cosine similarity of their kernels {typical:.2f}); the average of such models "
                "usually fails. Compare it with its sources: weld evaluate."
            )


def _sample(tensor: LazyTensor) -> Array:
    return tensor.read().reshape(-1)[:_VALUES]


def _all_same(row: Sequence[LazyTensor]) -> bool:
    first = row[0].read()
    return all(first.shape == (value := tensor.read()).shape and bool((first == value).all()) for tensor in row[1:])
