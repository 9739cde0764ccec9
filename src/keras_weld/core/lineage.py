"""Where a merged model came from: kept in the file itself, so that the merge can be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

PROTOCOL = 1
"""Number of the lineage's own format; readers keep understanding the older ones."""


@dataclass(frozen=True, slots=True)
class Source:
    """One model that went into a merge.

    Attributes:
        path: as the user named it.
        sha256: of the file's bytes (of names and contents, for a folder or sharded weights); None for a
            live model.
        kind: its format.
        keras_version: the version that wrote it, if the file tells.
        weight: its share in the merge.
    """

    path: str
    sha256: str | None
    kind: str
    keras_version: str | None = None
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """How a model was made.

    Attributes:
        method: name of the merge (`linear`).
        parameters: its options, as JSON values.
        sources: the models, in the order in which they were given.
        version: of keras-weld.
        made: date and time, ISO 8601, UTC.
        notes: what was told at the time: what was not averaged, dropped, resized.
        compile_config: how the first source was compiled. The merged model is not, since no optimizer state
            belongs to it.
        metrics: what was measured afterwards.
        protocol: number of this format.
    """

    method: str
    parameters: Mapping[str, Any]
    sources: Sequence[Source]
    version: str
    made: str
    notes: Sequence[str] = ()
    compile_config: Mapping[str, Any] | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    protocol: int = PROTOCOL

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON values, the way it is kept in a file."""
        return asdict(self)


def gives_of(lineage: Any) -> dict[str, str]:
    """What a lineage tells of the meaning of outputs, by their names; empty for anything that tells nothing.

    Example:
        >>> gives_of({"gives": {"digit": "class logits"}})
        {'digit': 'class logits'}
    """
    told = lineage.get("gives") if isinstance(lineage, Mapping) else None
    return {str(name): str(word) for name, word in told.items()} if isinstance(told, Mapping) else {}
