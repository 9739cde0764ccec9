"""The random state outside of a model: Python's, NumPy's, and the generator that Keras has for everybody."""

from __future__ import annotations

import random
from typing import Any

import numpy as np


def random_state() -> dict[str, Any]:
    """The state, as values that `pack` takes."""
    found: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state(legacy=True)}
    generator = _of_keras()
    if generator is not None:
        found["keras"] = np.array(_numpy(generator.state.value))
    return found


def set_random_state(state: dict[str, Any]) -> None:
    """Put it back."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(state["numpy"]))
    generator = _of_keras()
    if generator is not None and "keras" in state:
        generator.state.assign(state["keras"])


def _of_keras() -> Any:
    """The generator that layers and operations without a seed of their own draw from; None if it was not asked yet."""
    from keras.src.backend.common import global_state

    return global_state.get_global_attribute("global_seed_generator")


def _numpy(value: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(value)
