"""How the model of a run is built and compiled: kept when the run begins, so that it need not come to its end."""

from __future__ import annotations

from pathlib import Path

import keras

from keras_weld.io.atomic import atomic_path
from keras_weld.models.quiet import quiet
from keras_weld.models.vocabulary import vocabularies_told
from keras_weld.training.run_folder import ARCHITECTURE


def told_architecture(model: keras.Model) -> str | None:
    """A model's architecture with vocabularies, and how it is compiled, as JSON; None of a model that cannot tell."""
    try:
        with quiet(), vocabularies_told(model):
            text: str = model.to_json()
    except Exception:  # whatever get_config of a class of the user's own raises
        return None
    return text


def write_architecture(folder: Path, text: str | None) -> None:
    """Keep what `told_architecture` gave; of a model that cannot tell, an earlier one is not kept either.

    Raises:
        WriteError: if it cannot be written.
    """
    if text is None:
        (folder / ARCHITECTURE).unlink(missing_ok=True)
        return
    with atomic_path(folder / ARCHITECTURE) as temporary:
        temporary.write_text(text, "utf-8")
