"""What a person should know of the files that go into a merge: one twice, one merged already, or the output itself."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_weld.core.state import ModelState


def notes_on_sources(models: Sequence[Any], states: Sequence[ModelState], out: str | os.PathLike[str]) -> Iterator[str]:
    """Notes on the sources of a merge.

    Args:
        models: the sources as they were given: paths, or live models.
        states: the same, open.
        out: the file that will be written.
    """
    names = [state.source for state in states]
    places = [_identity(model) for model in models]
    written = _identity(Path(out))
    if written in places:
        yield (
            f"Warning: {names[places.index(written)]} is the output and one of its own sources: what it held before "
            "was averaged too, and is gone now. Write to another file if that was not wanted."
        )
    for place, count in Counter(places).items():
        if count > 1:
            yield f"{names[places.index(place)]} was given {count} times, and counts that often."
    for name, state in dict(zip(names, states, strict=True)).items():
        lineage = state.metadata.get("lineage")
        if isinstance(lineage, Mapping) and isinstance(lineage.get("sources"), list):
            yield f"{name} is a merge itself, of {len(lineage['sources'])} models ({lineage.get('method')})."


def _identity(model: Any) -> object:
    """The same for two names of one file, and for two mentions of one model."""
    if not isinstance(model, str | os.PathLike):
        return id(model)
    try:
        found = os.stat(model)
    except OSError:
        return os.path.abspath(model)
    return found.st_dev, found.st_ino
