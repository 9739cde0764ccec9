"""The one place that has Keras write a model into a file; what it raises comes out in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import keras

from keras_weld.errors import WeldError, WriteError
from keras_weld.io.kinds import Kind
from keras_weld.io.limits import UNLIMITED as UNLIMITED
from keras_weld.io.saved_kind import saved_kind
from keras_weld.models.architecture import write_architecture
from keras_weld.models.quiet import quiet
from keras_weld.models.whole_h5 import write_h5

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def first_words(error: Exception) -> str:
    """The first paragraph of what an exception says, on one line; Keras goes on with examples.

    Where Keras says first in which call it was, that is left out.
    """
    paragraphs = _COLOURS.sub("", str(error)).strip().split("\n\n")
    said = [one for one in paragraphs if not one.startswith("Exception encountered when calling")] or paragraphs
    return " ".join(said[0].split())


_WRITERS: dict[Kind, Callable[[keras.Model, Path], None]] = {
    Kind.KERAS: lambda model, path: model.save(path),
    Kind.WEIGHTS: lambda model, path: model.save_weights(path),
    Kind.LEGACY_MODEL: write_h5,
    Kind.ARCHITECTURE: write_architecture,
}


def write(model: keras.Model, path: Path) -> None:
    """Write a model with Keras; the name's end tells the format.

    Raises:
        WriteError: if Keras cannot; the reason is given.
    """
    try:
        with quiet():
            _WRITERS[saved_kind(path)](model, path)
    except (WeldError, OSError, MemoryError):
        raise
    except Exception as error:  # a layer's get_config may raise anything
        raise WriteError(
            "Keras cannot save this model; what was there before is untouched.",
            found=f"{type(error).__name__}: {first_words(error)}",
            remedy="If a layer of your own is involved, check its get_config: it must give plain values.",
        ) from error
