"""What a run is, as plain JSON: model, optimizer, data and versions; and how another one differs from it."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_weld.core.version import __version__
from keras_weld.data.batch import parts_of
from keras_weld.data.split import Split
from keras_weld.errors import TrainingError, UsageError

_LOOKED_AT = 256  # examples whose means are compared
_CHANGES = ("model", "optimizer", "learning_rate", "data", "batch_size", "seed", "backend", "callbacks")
_TOLD = ("keras", "numpy", "python", "keras_weld")


def identity_of(
    model: keras.Model, data: Mapping[str, Any], batch_size: int | None, seed: int | None
) -> dict[str, Any]:
    """What a run is.

    Args:
        model: compiled and built.
        data: what is known of the training examples.
        batch_size: examples at a time, if it is known.
        seed: of the whole run, if it has one.
    """
    optimizer = keras.optimizers.serialize(model.optimizer)
    return {
        "model": digest_of(model),
        "optimizer": _without_rate(optimizer),
        "learning_rate": _rate(optimizer),
        "data": data,
        "batch_size": batch_size,
        "seed": seed,
        **surroundings(),
    }


def surroundings() -> dict[str, Any]:
    """What a run is made with: backend, versions, machine and script."""
    return {
        "backend": keras.backend.backend(),
        "versions": {
            "keras": keras.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
            "keras_weld": __version__,
        },
        "hardware": f"{platform.machine()}, {platform.system()}",
        "script": sys.argv[0] if sys.argv else "",
    }


def compare(
    then: Mapping[str, Any], now: Mapping[str, Any], changes: Collection[str], file: str
) -> tuple[list[str], list[str]]:
    """How a run differs from the one it goes on from.

    Args:
        then: what the run was.
        now: what it is.
        changes: the differences that are meant.
        file: the run, for messages.

    Returns:
        What is to be told, and the names of the differences that are meant and there.

    Raises:
        TrainingError: for a difference that is not meant; names old and new.
        UsageError: for a change that there is not.
    """
    for name in changes:
        if name not in _CHANGES:
            raise UsageError("There is no such change to a run.", expected=", ".join(_CHANGES), found=name)
    told, meant = [], []
    for name in _CHANGES:
        old, new = then.get(name), now.get(name)
        if old == new:
            continue
        old_text, new_text = differences(old, new)
        if name not in changes:
            raise TrainingError(
                f"The run was begun with another {name.replace('_', ' ')}.",
                file=file,
                expected=old_text,
                found=new_text,
                remedy=f"Go on with what it was begun with, begin another run, or say that it is meant: "
                f"changes=[{name!r}].",
            )
        meant.append(name)
        told.append(f"The {name.replace('_', ' ')} has changed, as was asked for: {old_text} before, {new_text} now.")
    for name in _TOLD:
        old, new = then["versions"].get(name), now["versions"].get(name)
        if old != new:
            told.append(f"{name} was {old} and is {new} now: the bits may differ from those of an uninterrupted run.")
    return told, meant


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


def _rate(optimizer: Mapping[str, Any]) -> Any:
    config = optimizer["config"]
    inner = config.get("inner_optimizer")
    rate = _rate(inner) if isinstance(inner, Mapping) else config.get("learning_rate")
    return json.loads(json.dumps(rate, default=str))


def data_of(split: Split) -> dict[str, Any]:
    """Count, shapes, means of the first examples, and how often each label occurs: cheap, and other for other data."""
    x, y = next(iter(split.batches(_LOOKED_AT)))
    found: dict[str, Any] = {
        "count": split.count,
        "inputs": facts_of(parts_of(x)),
        "targets": facts_of(parts_of(y)),
    }
    if split.positioned:
        found["labels"] = [_labels(values) for values in split.targets]
    return found


def facts_of(arrays: Sequence[Any]) -> list[Any]:
    """Shape of an example, type, and mean of the first examples, for each array."""
    first = [np.asarray(part[:_LOOKED_AT]) for part in arrays]
    return [[list(part.shape[1:]), str(part.dtype), _mean(part)] for part in first]


def _mean(values: Any) -> float | None:
    return float(np.float32(np.mean(values, dtype=np.float64))) if values.dtype.kind in "biuf" else None


def _labels(values: Any) -> dict[str, int] | None:
    if values.dtype.kind not in "iub":
        return None
    labels, counts = np.unique(values, return_counts=True)
    if len(labels) > 1000:
        return None
    return {str(label): int(count) for label, count in zip(labels, counts, strict=True)}


def differences(old: Any, new: Any) -> tuple[str, str]:
    """Two values as texts; of two dicts, what differs alone."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        return tuple(", ".join(f"{name} {_short(side.get(name))}" for name in names) for side in (old, new))  # type: ignore[return-value]
    return _short(old), _short(new)


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else text[:117] + "…"
