"""The formats of model files."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """The formats that can be read."""

    KERAS = "keras"
    WEIGHTS = "weights.h5"
    SHARDED = "weights.json"
    LEGACY_MODEL = "h5 model"
    LEGACY_WEIGHTS = "h5 weights"
    SAVED_MODEL = "SavedModel"
    ARCHITECTURE = "architecture"
