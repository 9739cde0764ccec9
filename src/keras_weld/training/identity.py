"""What a run is, as plain JSON: model, optimizer, loss, metrics, data and versions."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from keras_weld.core.version import __version__
from keras_weld.training.compiled import compiled_facts
from keras_weld.training.held import optimizers_held
from keras_weld.training.layer_facts import layers_of

VERSION = 3
"""Of what an identity tells; 2 lacked the steps and the backend's version. 1, which did not tell its number, lacked
losses, metrics, layers and validation data, too."""

FURTHER = "further"
"""Key of what is told of an optimizer: the settings of further ones that the model holds."""


def identity_of(
    model: keras.Model,
    data: Mapping[str, Any],
    validation_data: Mapping[str, Any] | None,
    batch_size: int | None,
    seed: int | None,
    steps: int | None = None,
) -> dict[str, Any]:
    """What a run is.

    Args:
        model: compiled and built.
        data: what is told of the training examples.
        validation_data: what is told of those for validation; None without any.
        batch_size: examples at a time, if it is known.
        seed: of the whole run, if it has one.
        steps: batches of an epoch, if they were asked for.
    """
    optimizer = keras.optimizers.serialize(model.optimizer)
    return {
        "model": digest_of(model),
        "layers": layers_of(model),
        "optimizer": {**_without_rate(optimizer), **_further(model)},
        "learning_rate": _rate(optimizer),
        **compiled_facts(model),
        "data": data,
        "validation_data": validation_data,
        "batch_size": batch_size,
        "seed": seed,
        "steps": steps,
        **surroundings(),
    }


def surroundings() -> dict[str, Any]:
    """What a run is made with: backend, versions, machine and script."""
    return {
        "version": VERSION,
        "backend": keras.backend.backend(),
        "versions": {
            "keras": keras.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "keras_weld": __version__,
            keras.backend.backend(): version_of(keras.backend.backend()),
        },
        "hardware": f"{platform.machine()}, {platform.system()}",
        "script": sys.argv[0] if sys.argv else "",
    }


def version_of(module: str) -> str | None:
    """The version of a module that was imported; None if it tells none."""
    return getattr(sys.modules.get(module), "__version__", None)


def digest_of(model: keras.Model) -> str:
    """The SHA-256 of the architecture; of a model that cannot tell it, its class and variables."""
    try:
        told = json.loads(model.to_json())
        told.pop("compile_config", None)
    except Exception:  # whatever get_config of a class of the user's own raises
        told = json.loads(
            json.dumps([type(model).__qualname__, [[one.path, list(one.shape)] for one in model.variables]])
        )
    return hashlib.sha256(json.dumps(_without_names(told)).encode()).hexdigest()


def digest_of_weights(model: keras.Model) -> str:
    """The SHA-256 of all weights."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        digest.update(np.ascontiguousarray(value).tobytes())
    return digest.hexdigest()


def _without_names(config: Any) -> Any:
    """A config with numbers for the names of layers: those that Keras counted differ from one `build()` to the next."""
    numbers: dict[str, str] = {}

    def collect(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(value.get("name"), str):
                numbers.setdefault(value["name"], f"#{len(numbers)}")
            for one in value.values():
                collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)

    def numbered(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: numbered(one) for key, one in value.items()}
        if isinstance(value, list):
            return [numbered(one) for one in value]
        return numbers.get(value, value) if isinstance(value, str) else value

    collect(config)
    return numbered(config)


def _without_rate(optimizer: Mapping[str, Any]) -> dict[str, Any]:
    config = dict(optimizer["config"])
    config.pop("learning_rate", None)
    inner = config.get("inner_optimizer")
    if isinstance(inner, Mapping):
        config["inner_optimizer"] = _without_rate(inner)
    config.pop("name", None)
    found: dict[str, Any] = json.loads(json.dumps({"class": optimizer["class_name"], **config}, default=str))
    return found


def _further(model: keras.Model) -> dict[str, Any]:
    """All settings of optimizers besides the one that the model is compiled with, if there are any."""
    found: dict[str, Any] = {}
    for path, optimizer in optimizers_held(model).items():
        told = keras.optimizers.serialize(optimizer)
        settings = {**_without_rate(told), "learning_rate": _rate(told)}
        found |= {f"{path} {name}": value for name, value in settings.items()}
    return {FURTHER: found} if found else {}


def _rate(optimizer: Mapping[str, Any]) -> Any:
    config = optimizer["config"]
    inner = config.get("inner_optimizer")
    rate = _rate(inner) if isinstance(inner, Mapping) else config.get("learning_rate")
    return json.loads(json.dumps(rate, default=str))
