"""Lineage for the file that a merge writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from keras_weld.core.lineage import Lineage, Source
from keras_weld.core.state import ModelState
from keras_weld.core.version import __version__


def describe(
    method: str,
    parameters: Mapping[str, Any],
    states: Sequence[ModelState],
    shares: Sequence[float],
    digests: Sequence[str | None],
    notes: Sequence[str],
) -> dict[str, Any]:
    """The lineage of a merge as plain JSON values, with the first source's compile settings."""
    sources = [
        Source(state.source, digest, state.kind, state.metadata.get("keras_version"), share)
        for state, digest, share in zip(states, digests, shares, strict=True)
    ]
    return Lineage(
        method=method,
        parameters=parameters,
        sources=sources,
        version=__version__,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=notes,
        compile_config=states[0].compile_config,
    ).as_dict()
