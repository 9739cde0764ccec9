"""Warnings that Keras gives about itself, and that nobody who loads or saves a model can act on."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_NOISE = (
    ".*doesn't accept a copy keyword",  # Keras turns its own variables into arrays in an older way
    "Do not pass an `input_shape`",  # configurations of Keras 2 do, and mean the same
    "Argument `(alpha|input_length)` is deprecated",  # likewise
)


@contextmanager
def quiet() -> Iterator[None]:
    """Ignore Keras's warnings about itself inside the block; filters set inside it end with it."""
    with warnings.catch_warnings():
        for message in _NOISE:
            warnings.filterwarnings("ignore", message=message)
        yield
