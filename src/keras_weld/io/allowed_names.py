"""What Keras ships and a model may name: the table `allowed_names.json`, made by scripts/make_allow_list.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_TOLD: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))


def _by_kind(table: str) -> dict[str, frozenset[str]]:
    return {kind: frozenset(names) for kind, names in _TOLD[table].items()}


KERAS_VERSION: str = _TOLD["keras_version"]
"""The Keras version that the table was made with; it has all names of 3.12 and later up to it."""

CLASSES = _by_kind("classes")
"""Names of classes by kind."""

STRINGS = _by_kind("strings")
"""What a config may name by a plain text, by kind."""

FUNCTIONS = _by_kind("functions")
"""Names of plain functions by the kind of what they are for."""
