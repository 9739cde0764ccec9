"""How near a source is to what Keras 3 writes, and how one that does not tell its layout is given an architecture."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from keras_weld.core.state import BY_ORDER, ModelState
from keras_weld.errors import UsageError
from keras_weld.io.kinds import Kind
from keras_weld.io.newer_config import with_modules

_LAYOUTS = (Kind.KERAS, Kind.WEIGHTS, Kind.SHARDED)


def is_keras_3(state: ModelState) -> bool:
    """Whether a source holds an architecture that Keras 3 reads as it is."""
    version = str(state.metadata.get("keras_version") or "3")
    # A legacy .h5 holds its architecture in an older form, whatever version wrote it.
    newer = state.kind is Kind.KERAS or (state.metadata.get("given") and "module" in (state.config or {}))
    return bool(newer) and not version.startswith(("1.", "2."))


def keras_3_config(state: ModelState) -> dict[str, Any] | None:
    """The architecture of a source in the form of a `.keras` file; None if it has none that Keras 3 reads."""
    if is_keras_3(state):
        return state.config
    if state.kind is not Kind.LEGACY_MODEL or not str(state.metadata.get("keras_version")).startswith("3."):
        return None
    return with_modules(state.config or {})


def in_layout(state: ModelState) -> bool:
    """Whether it tells where Keras 3 would keep each of its tensors."""
    return all("vars/" in tensor.spec.path for tensor in state.weights)


def distance(state: ModelState) -> int:
    """How far a source is from what Keras 3 writes: the nearest gives the result its shape."""
    if is_keras_3(state):
        return 0
    if state.kind in _LAYOUTS:
        return 1
    return 2 if state.weights and in_layout(state) else 3


def with_architecture(state: ModelState, like: ModelState) -> ModelState:
    """A source with the architecture of another file, its tensors where that puts them.

    Raises:
        UsageError: if the other file does not tell its layers.
    """
    if like.graph is None or like.graph.opaque:
        raise UsageError(
            "This file does not tell the architecture.",
            file=like.source,
            expected="a file with the model's layers: .json, .keras or .h5",
            found=str(like.kind),
            remedy="Write it where the model was made: model.to_json()",
        )
    if is_keras_3(state):
        return state
    if in_layout(state):
        placed = state
    else:
        from keras_weld.io.placing import place  # for old formats alone

        placed = place(state, like.graph)
    told = {"given": True, BY_ORDER: placed.metadata.get(BY_ORDER, False)}
    config = keras_3_config(like) or like.config
    return replace(placed, config=config, known_graph=like.graph, metadata={**like.metadata, **told})
