"""The random state outside of a model: Python's, NumPy's, and the generator that Keras has for everybody."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from keras_weld.models.keras_private import seed_generator


def random_state() -> dict[str, Any]:
    """The state, as values that `pack` takes."""
    found: dict[str, Any] = {"python": random.getstate(), "numpy": np.random.get_state(legacy=True)}
    generator = seed_generator()
    if generator is not None:
        found["keras"] = np.array(_numpy(generator.state.value))
    return found


def set_random_state(state: dict[str, Any]) -> None:
    """Put it back."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    np.random.set_state(tuple(state["numpy"]))
    generator = seed_generator()
    if generator is not None and "keras" in state:
        generator.state.assign(state["keras"])


def _numpy(value: Any) -> Any:
    import keras

    return keras.ops.convert_to_numpy(value)
