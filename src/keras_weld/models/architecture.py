"""Architectures alone, as JSON or YAML: what `model.to_json()` gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras

from keras_weld.core.state import ModelState
from keras_weld.errors import WriteError
from keras_weld.io.kinds import YAML_SUFFIXES
from keras_weld.io.yaml_text import to_yaml


def architecture(model: keras.Model) -> dict[str, Any]:
    """A model's architecture as plain JSON values."""
    found: dict[str, Any] = json.loads(model.to_json())
    return found


def write_architecture(model: keras.Model, path: Path) -> None:
    """Write a model's architecture; the name says whether as YAML or as JSON."""
    content = architecture(model)
    text = to_yaml(content) if path.suffix in YAML_SUFFIXES else json.dumps(content, indent=2)
    path.write_text(text + "\n", "utf-8")


def compare_architecture(model: keras.Model, written: ModelState) -> None:
    """Refuse a file that does not hold a model's architecture.

    Raises:
        WriteError: if it does not.
    """
    if written.config != architecture(model):
        raise WriteError(
            "The file that was written does not hold the model's architecture; it was not kept.",
            remedy="Check the get_config of classes of your own: it must give the same plain values each time.",
        )
