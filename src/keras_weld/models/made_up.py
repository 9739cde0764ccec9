"""Inputs for trying a model where there is no data: enough to compare two that should answer alike."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from typing import Any

import keras
import numpy as np

from keras_weld.core.state import Array
from keras_weld.models.keras_private import in_form

_EXAMPLES = 4
_LENGTH = 16  # of an axis that the model leaves open


def made_up_inputs(model: Any, count: int = _EXAMPLES, seed: int = 0) -> list[Array]:
    """Made-up inputs that a model takes: values from 0 to 1, and small whole numbers where it takes such."""
    random = np.random.default_rng(seed)
    made: list[Array] = []
    for port in model.inputs:
        shape = (port.shape[0] or count, *(size or _LENGTH for size in port.shape[1:]))
        if port.dtype == "string":
            made.append(np.full(shape, "some words", dtype=np.str_))
        elif "int" in port.dtype or port.dtype == "bool":
            made.append(random.integers(0, 2, shape).astype(port.dtype))
        else:
            made.append(random.random(shape).astype("float32"))
    return made


def answers(model: Any, inputs: Sequence[Array]) -> list[Array]:
    """What a model answers in inference, one array for each output, in float32 where it is less precise."""
    mode = {"training": False} if "training" in signature(model.call).parameters else {}
    made = keras.tree.flatten(model(in_form(model, inputs), **mode))
    return [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(one, "float32"))) for one in made]
