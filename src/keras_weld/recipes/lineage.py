"""Lineage for the file that a merge writes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from keras_weld.core.lineage import Lineage, Source
from keras_weld.core.state import ModelState
from keras_weld.core.version import __version__
from keras_weld.io.fingerprint import sha256_of


class Fingerprints:
    """SHA-256 of every source, worked out on one core while the merge goes on."""

    def __init__(self, models: Sequence[object]) -> None:
        self._pool = ThreadPoolExecutor(1)
        self._found: list[Future[str] | None] = [
            self._pool.submit(sha256_of, Path(model)) if isinstance(model, str | os.PathLike) else None
            for model in models
        ]

    def __enter__(self) -> Fingerprints:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown(wait=error is None, cancel_futures=True)

    def all(self) -> list[str | None]:
        """The digests, in order; None for live models."""
        return [None if one is None else one.result() for one in self._found]


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
