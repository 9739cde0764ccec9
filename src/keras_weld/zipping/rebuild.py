"""A layer made again under another name, with the weights of the one it is made after."""

from __future__ import annotations

import re
from typing import Any

import keras

from keras_weld.errors import UsageError
from keras_weld.models.write import first_words
from keras_weld.zipping.trace import Step


class Names:
    """Names of layers in one model, each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def new(self, wanted: str) -> str:
        """The name that was wanted, in the letters that Keras allows, with a number if it is taken."""
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", wanted)
        name, number = plain, 1
        while name in self._given:
            number += 1
            name = f"{plain}_{number}"
        self._given.add(name)
        return name


def again(step: Step, name: str) -> Any:
    """A new layer like that of a step, not yet built; an operation of `keras.ops` is given a name of its own.

    Raises:
        UsageError: if the layer cannot say what it was made from.
    """
    operation = step.operation
    try:
        config = operation.get_config()
        if isinstance(operation, keras.Layer):
            layer = type(operation).from_config({**config, "name": name})
            _teach_words(layer, operation)
            return layer
        made = type(operation).from_config({key: value for key, value in config.items() if key != "name"})
    except Exception as error:  # a get_config of the user's own may raise anything
        raise UsageError(
            "The layer cannot be made again from its config, so no model with it could be saved.",
            layer=step.name,
            expected="a get_config() that returns the arguments of __init__",
            found=f"{type(error).__name__}: {first_words(error)}",
            remedy="Write one, as Keras's guide on saving shows, and save the model again.",
        ) from error
    made.name = name
    return made


def with_state_of(made: Any, source: Any) -> None:
    """Give a layer that was called once the weights of another of its kind."""
    for variable, value in zip(getattr(made, "weights", ()), getattr(source, "weights", ()), strict=True):
        variable.assign(
            keras.ops.convert_to_numpy(value)
        )  # JAX would let both have one array, and gives it up in a step
    settle(made)


def settle(layer: Any) -> None:
    """Have a `Normalization` layer calculate by the statistics that it was given."""
    if hasattr(layer, "finalize_state"):
        layer.finalize_state()


def _teach_words(made: Any, source: Any) -> None:
    """Give a lookup layer its vocabulary, which it must have before it is called."""
    if hasattr(source, "get_vocabulary") and source.get_config().get("vocabulary") is None:
        made.set_vocabulary(source.get_vocabulary(include_special_tokens=False))
