"""Write a live model in the format that a name asks for, and try what was written before it gets that name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras

from keras_weld.core.closeness import largest_difference
from keras_weld.core.state import Array
from keras_weld.errors import WriteError, add_context
from keras_weld.io.kinds import Kind
from keras_weld.models.load import load
from keras_weld.models.made_up import answers, made_up_inputs
from keras_weld.models.save import require_savable, save, save_if

WHOLE = (Kind.KERAS, Kind.LEGACY_MODEL)
WEIGHTS_ALONE = (Kind.WEIGHTS, Kind.SHARDED)
_WITHOUT_TRAINING = (Kind.SAVED_MODEL, *WEIGHTS_ALONE)


def write_tried(
    model: keras.Model,
    out: str | os.PathLike[str],
    kind: Kind,
    *,
    custom_objects: Any = None,
    unsafe: bool = False,
    max_shard_size: float = 5.0,
) -> float | None:
    """Save a model as `save` does; a whole one is loaded again first, and answers made-up inputs as the live one does.

    Args:
        model: a built model.
        out: what to write.
        kind: the format that its name asks for.
        custom_objects: what loading it again needs.
        unsafe: whether code in it may run.
        max_shard_size: largest size of a shard in gigabytes.

    Returns:
        The largest difference between two outputs; None where they were not compared, as `save` alone does so for a
        SavedModel, and compares values for weights.

    Raises:
        WriteError: if it cannot be written, or answers otherwise.
    """
    tried = _tried(model) if kind in WHOLE else None
    if tried is None:
        save(model, out, max_shard_size=max_shard_size)
        return None
    inputs, wanted = tried
    differences: list[float] = []

    def answers_alike(temporary: Path) -> None:
        again = load(temporary, custom_objects=custom_objects, compile=False, unsafe=unsafe)
        differences.append(
            largest_difference(
                wanted,
                answers(again, inputs),
                str(model.compute_dtype),
                WriteError,
                "The file that was written does not answer as the model does; it was not kept.",
                "If a layer of your own is involved, check that its get_config tells all that __init__ takes; if none "
                "is, report this.",
            )
        )

    target = Path(out)
    require_savable(model, target, kind)
    with add_context(file=target):
        save_if(model, target, answers_alike)
    return differences[0]


def left_out(model: keras.Model, kind: Kind) -> list[str]:
    """What a format has no place for, in sentences."""
    if kind is Kind.ARCHITECTURE:
        return ["The weights were left out: an architecture has none."]
    notes = []
    if model.compiled and kind in _WITHOUT_TRAINING:
        notes.append("How the model was compiled was left out: this format has no place for it.")
    if kind in WEIGHTS_ALONE:
        notes.append("The architecture was left out: this format has no place for it.")
    return notes


def _tried(model: keras.Model) -> tuple[list[Array], list[Array]] | None:
    """Made-up inputs and what the model answers to them; None if it does not tell what it takes, or takes others."""
    if not getattr(model, "inputs", None):
        return None
    inputs = made_up_inputs(model)
    try:
        return inputs, answers(model, inputs)
    except Exception:  # each backend has exceptions of its own
        return None
