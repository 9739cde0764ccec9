"""What a model file holds, in figures: what goes in, what comes out and means, how large, how trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_weld.checks.ports import Port, inputs_of, outputs_of
from keras_weld.checks.preprocessing import Step, steps_of
from keras_weld.checks.training import Optimizer, losses_of, metrics_of, optimizer_of
from keras_weld.core.graph import ModelGraph
from keras_weld.core.state import ModelState
from keras_weld.core.stored_twice import each_once
from keras_weld.core.tensor import Role, TensorSpec


@dataclass(frozen=True, slots=True)
class LayerRow:
    """One layer.

    Attributes:
        name: its name, with those of the models around it.
        class_name: its class, if the file tells.
        parameters: how many it has itself.
        trainable: whether training changes any of them.
    """

    name: str
    class_name: str | None
    parameters: int
    trainable: bool


@dataclass(frozen=True, slots=True)
class Parameters:
    """Numbers of parameters, without the optimizer's.

    Attributes:
        total: all of them.
        trainable: those that training changes.
        non_trainable: the others: frozen layers, statistics.
        bytes: their size.
        dtypes: number of parameters by dtype.
    """

    total: int
    trainable: int
    non_trainable: int
    bytes: int
    dtypes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Summary:
    """What a model file holds.

    Attributes:
        name: the model's name, or None in a file of weights alone.
        class_name: `Functional`, `Sequential` or a class of the user's own, or None.
        inputs: what goes in.
        outputs: what comes out.
        layers: every layer, in the model's order.
        parameters: how many there are.
        preprocessing: what the model does with the data before its first weights.
        optimizer: the optimizer, if there is a trace of one.
        losses: names of the losses.
        metrics: names of the metrics.
        keras_version: the version that wrote the file.
        date_saved: when it was saved, as the file tells it.
        custom: classes and functions that Keras does not ship.
        lineage: how the model was made, if keras-weld made it.
        notes: what could not be told, and why; what contradicts itself.
    """

    name: str | None
    class_name: str | None
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    layers: tuple[LayerRow, ...]
    parameters: Parameters
    preprocessing: tuple[Step, ...]
    optimizer: Optimizer | None
    losses: tuple[str, ...]
    metrics: tuple[str, ...]
    keras_version: str | None
    date_saved: str | None
    custom: tuple[str, ...]
    lineage: Mapping[str, Any] | None
    notes: tuple[str, ...]


def summarize(state: ModelState, custom: Sequence[str] = ()) -> Summary:
    """Sum up a model file; only the optimizer's step and learning rate are read from its tensors.

    Args:
        state: the file, opened.
        custom: names of classes in it that Keras does not ship.

    Raises:
        DamagedFileError: if the config contradicts itself.
    """
    graph = state.graph
    compiled = state.compile_config
    metadata = state.metadata
    lineage = metadata.get("lineage")
    outputs = outputs_of(state)
    return Summary(
        name=graph.name if graph else None,
        class_name=graph.class_name if graph else None,
        inputs=inputs_of(state),
        outputs=outputs,
        layers=_layers(state, graph),
        parameters=_count(each_once([tensor.spec for tensor in state.weights])),
        preprocessing=steps_of(graph) if graph else (),
        optimizer=optimizer_of(state),
        losses=losses_of(compiled),
        metrics=metrics_of(compiled),
        keras_version=_text(metadata.get("keras_version")),
        date_saved=_text(metadata.get("date_saved")),
        custom=tuple(dict.fromkeys(custom)),
        lineage=lineage if isinstance(lineage, Mapping) else None,
        notes=(*_notes(state, graph), *_doubts(outputs)),
    )


def _layers(state: ModelState, graph: ModelGraph | None) -> tuple[LayerRow, ...]:
    sizes: Counter[str] = Counter()
    learning: set[str] = set()
    for spec in each_once([tensor.spec for tensor in state.weights]):
        if spec.role is Role.SEED_STATE:
            continue
        sizes[spec.layer] += spec.size
        if spec.role is Role.TRAINABLE:
            learning.add(spec.layer)
    rows = []
    for layer in graph.walk() if graph else ():
        count = sizes.pop(layer.path_name, 0)
        rows.append(LayerRow(layer.path_name, layer.class_name, count, layer.path_name in learning))
    rows += [LayerRow(name, None, count, name in learning) for name, count in sizes.items()]
    return tuple(rows)


def _count(specs: Sequence[TensorSpec]) -> Parameters:
    kept = [spec for spec in specs if spec.role is not Role.SEED_STATE]
    dtypes: Counter[str] = Counter()
    for spec in kept:
        dtypes[spec.dtype.name] += spec.size
    total = sum(spec.size for spec in kept)
    trainable = sum(spec.size for spec in kept if spec.role is Role.TRAINABLE)
    return Parameters(
        total, trainable, total - trainable, sum(spec.nbytes for spec in kept), dict(dtypes.most_common())
    )


def _notes(state: ModelState, graph: ModelGraph | None) -> tuple[str, ...]:
    if graph is None:
        return ("The file holds weights alone: what goes in and comes out is not told.",)
    if graph.opaque:
        return (f"{graph.class_name} is a class of your own: its layers are in its code, not in the file.",)
    notes = []
    if not state.weights and any(layer.class_name != "InputLayer" for layer in graph.layers):
        notes.append("The file holds the architecture alone, no weights.")
    return tuple(notes)


def _doubts(outputs: Sequence[Port]) -> Iterator[str]:
    for port in outputs:
        if port.meaning is not None and port.meaning.doubt is not None:
            yield f"What comes out as {port.name} and its loss contradict each other: {port.meaning.doubt}."


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
