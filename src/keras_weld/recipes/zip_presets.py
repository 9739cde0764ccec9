"""Sets of choices for a zip: the default ones, and those of the paper and its released code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_weld.core.table import Table

PRESETS: Table[Mapping[str, Any]] = Table("preset", group="keras_weld.presets")

DEFAULT, PAPER = "default", "paper"
WEIGHTS = "weights"

PRESETS.add(DEFAULT)(
    {
        "share": "all",
        "merge": "features",
        "start": "auto",
        "rounds": "auto",
        "carry": True,
        "steps": 4000,
        "batch_size": 32,
        "mixing": "joint",
        "optimizer": "adam",
        "rate": 1e-3,
        "schedule": "cosine",
        "hard": 0.3,
        "soft": 0.7,
        "layers": None,
        "layers_at": "blocks",
        "inputs": "auto",
    }
)

# As "On Merging MobileNets for Efficient Multitask Inference" (Wu, Chan, Chen; 2019) and its released code have it.
PRESETS.add(PAPER)(
    {
        "share": "pointwise+norm",
        "merge": WEIGHTS,
        "start": "mean",
        "rounds": "all",
        "carry": False,
        "steps": 4000,
        "batch_size": 64,
        "mixing": "turns",
        "optimizer": "sgd",
        "rate": 1e-3,
        "schedule": "0.94@10",
        "hard": 1.0,
        "soft": 0.0,
        "layers": 1.0,
        "layers_at": "pointwise",
        "inputs": "separate",
    }
)


def chosen(preset: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The choices of a preset, with those that were given in their place.

    Args:
        preset: its name.
        given: choices by name; None for what is left to the preset.

    Raises:
        UsageError: if there is no such preset.
    """
    found = {**PRESETS[preset], **{name: value for name, value in given.items() if value is not None}}
    if found["merge"] != WEIGHTS and given.get("inputs") is None:
        found["inputs"] = PRESETS[DEFAULT]["inputs"]  # features are shared on one input
    if found["layers"] is None:
        found["layers"] = 1.0 if found["merge"] == WEIGHTS else 0.0
    return found
