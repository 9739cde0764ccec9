"""A saved model as an ordered map of tensors that are read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any

import numpy as np

from keras_weld.core.graph import ModelGraph
from keras_weld.core.tensor import Role, TensorSpec

Array = np.ndarray[Any, np.dtype[Any]]
BY_ORDER = "by_order"
"""Under this name the metadata of a state tell that its tensors were known by their order alone."""

_OF_TRAINING = (Role.OPTIMIZER, Role.METRIC)


@dataclass(frozen=True, slots=True)
class LazyTensor:
    """One tensor of a file: its spec, and how to read it.

    `read()` gives an array of the spec's shape and dtype. It may be a read-only view of the file's pages
    in memory: copy before writing to it.
    """

    spec: TensorSpec
    read: Callable[[], Array]


@dataclass(frozen=True)
class ModelState(Mapping[str, LazyTensor]):
    """What is in a model file: tensors by name, in the model's order, and its description.

    Attributes:
        source: the file or folder it was read from, as the user named it.
        kind: the format, one of `keras_weld.core.kind`.
        tensors: the tensors by `TensorSpec.name`, in the order of `model.get_weights()` as far as the file
            tells it; optimizer variables come last.
        config: the model's architecture as plain JSON values (the content of `config.json`, or what a
            legacy `.h5` holds in `model_config`), or None for a file of weights alone.
        compile_config: how it was compiled, as plain JSON values, or None.
        metadata: what else the file says of itself: `keras_version`, `date_saved`, `backend`, `lineage`.
        assets: names of the further files kept with the model (vocabularies), and how to read each.
        closers: called by `close()`.
        known_graph: the graph, if the reader has made it already.
        verifier: reads all of the file and holds it against its checksums; None for a format that has none.
    """

    source: str
    kind: str
    tensors: Mapping[str, LazyTensor]
    config: dict[str, Any] | None = None
    compile_config: dict[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    assets: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    closers: tuple[Callable[[], None], ...] = ()
    known_graph: ModelGraph | None = None
    verifier: Callable[[], None] | None = None

    def __getitem__(self, name: str) -> LazyTensor:
        return self.tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)

    def __enter__(self) -> ModelState:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file. Arrays that were read stay valid."""
        for closer in self.closers:
            closer()

    @cached_property
    def graph(self) -> ModelGraph | None:
        """The architecture as a graph; None if the file has none.

        Raises:
            DamagedFileError: if the config contradicts itself.
        """
        if self.known_graph is not None or not self.config:
            return self.known_graph
        return ModelGraph.from_config(self.config)

    @property
    def specs(self) -> list[TensorSpec]:
        """The specs of all tensors, in order."""
        return [tensor.spec for tensor in self.tensors.values()]

    @property
    def weights(self) -> list[LazyTensor]:
        """The tensors that belong to the model itself, in order: all but the optimizer's and the metrics'."""
        return [tensor for tensor in self.tensors.values() if tensor.spec.role not in _OF_TRAINING]

    @property
    def optimizer(self) -> list[LazyTensor]:
        """The optimizer's variables, in order."""
        return [tensor for tensor in self.tensors.values() if tensor.spec.role is Role.OPTIMIZER]
