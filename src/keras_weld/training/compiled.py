"""What a model was compiled with besides its optimizer, as plain JSON: loss, loss weights and metrics."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from types import CodeType
from typing import Any

import keras
import numpy as np

from keras_weld.core.snake_case import snake_case
from keras_weld.models.keras_private import compiled_with

CODE = "code"
"""Key of the digest of a function's code, which is another one on another version of Python."""


def compiled_facts(model: keras.Model) -> dict[str, Any]:
    """Loss, loss weights and metrics of a compiled model.

    What Keras has is told by its settings, a function of the user's own by its name and a digest of its code, an object
    of the user's own by its class, what `get_config` tells of it, and a digest of the code of its `call`.
    """
    given = compiled_with(model)
    metrics = {name: given[name] for name in ("metrics", "weighted_metrics") if given.get(name)}
    return {
        "loss": setting_of(given.get("loss")),
        "loss_weights": setting_of(given.get("loss_weights")),
        "metrics": setting_of(metrics.get("metrics") if len(metrics) < 2 and "metrics" in metrics else metrics or None),
    }


def setting_of(value: Any) -> Any:
    """A setting as plain JSON: values as they are, objects and functions told by what they are made of."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): setting_of(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [setting_of(one) for one in value]
    if isinstance(value, keras.losses.Loss | keras.metrics.Metric):
        return _object(value)
    if hasattr(value, "__code__"):
        return {"function": _name(value), **_code(value)}
    return _name(value)


def _object(value: Any) -> dict[str, Any]:
    """A loss or a metric."""
    kind = type(value)
    found: dict[str, Any] = {"class": kind.__name__ if _of_keras(kind) else _name(kind)}
    try:
        config = dict(value.get_config())
    except Exception:  # whatever get_config of a class of the user's own raises
        config = {}
    if re.fullmatch(rf"{snake_case(kind.__name__)}(_\d+)?", str(config.get("name"))):
        config.pop("name")  # counted by Keras, and another one for the second object of a class
    inner = getattr(value, "fn", None) or getattr(value, "_fn", None)
    if inner is not None:
        found |= {"function": setting_of(inner)} if not _of_keras(inner) else {}
        config.pop("fn", None)
    found |= json.loads(json.dumps(config, default=_as_plain))
    if not _of_keras(kind):
        for method in ("call", "update_state", "result"):
            found |= {f"{method} {key}": one for key, one in _code(getattr(kind, method, None)).items()}
    return found


def _of_keras(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).split(".")[0] == "keras"


def _name(value: Any) -> str:
    """The name of a function or class, without its module's: a script is another module where it is imported."""
    return str(getattr(value, "__qualname__", type(value).__qualname__))


def _as_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return setting_of(value if callable(value) else type(value))


def _code(function: Any) -> dict[str, str]:
    """The digest of a function's code; nothing for what has none, and for Keras's own."""
    code = getattr(function, "__code__", None)
    if code is None or _of_keras(function):
        return {}
    return {CODE: hashlib.sha256(repr(_pieces(code)).encode()).hexdigest()[:16]}


def _pieces(code: CodeType) -> Any:
    """What code does, without where it stands."""
    return code.co_code, list(map(_constant, code.co_consts)), code.co_names, code.co_varnames


def _constant(value: Any) -> Any:
    if isinstance(value, CodeType):
        return _pieces(value)
    return sorted(map(repr, value)) if isinstance(value, frozenset) else value  # a set has no order of its own
