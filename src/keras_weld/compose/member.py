"""One of the models that are composed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True, slots=True)
class Member:
    """A source of a composition.

    Attributes:
        name: what it is called in the merged model, where it is one layer.
        source: the file it came from, for messages.
        model: the model. Its layers become part of the merged model.
    """

    name: str
    source: str
    model: keras.Model


@dataclass(frozen=True, slots=True)
class Composed:
    """What a composition gave.

    Attributes:
        model: the merged model.
        notes: what a person should know: what was inserted, pooled, projected or taken as a whole.
        parameters: what was decided on the way, as plain JSON values, for the lineage.
        head: names of the layers of the merged model that are new.
        answering: names of all layers that make the answers out of the features, where some of them are not new.
    """

    model: keras.Model
    notes: list[str]
    parameters: dict[str, Any]
    head: Sequence[str] = ()
    answering: Sequence[str] = ()
