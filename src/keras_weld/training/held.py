"""What a model holds besides what Keras counts: further optimizers, variables of losses, metrics and objects."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

import keras

from keras_weld.models.keras_private import layers_in

_LIBRARIES = frozenset({*sys.stdlib_module_names, "keras", "keras_weld", "tensorflow", "jax", "jaxlib", "numpy"})
_OPENED = (keras.Layer, keras.losses.Loss, keras.Metric, keras.random.SeedGenerator)
_LEAVES = (keras.Variable, keras.optimizers.Optimizer)
_OF_A_STEP = "optimizer"
_AGAIN = "_self_"  # TensorFlow lists the attributes of a layer in further ones, whose names begin so


def held_by(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """The variables and optimizers in the attributes of a model and of its layers, each once, by where they are.

    Lists, tuples and dicts in them are looked into, losses, metrics, and objects of the user's own. Variables and
    generators of TensorFlow's own are among them, which Keras counts among none. The optimizer of
    a model inside is left out where the step is Keras's own, which does not use it.
    """
    layers = layers_in(model)
    own_step = type(model).train_step is not keras.Model.train_step
    seen = {id(layer) for layer in layers}
    waiting = [
        (name if layer is model else f"layers/{number}/{name}", value)
        for number, layer in enumerate(layers)
        for name, value in vars(layer).items()
        if not name.startswith(_AGAIN) and (layer is model or own_step or name != _OF_A_STEP)
    ][::-1]
    while waiting:
        path, value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, _LEAVES) or _is_of_tensorflow(value):
            yield path, value
        else:
            waiting += [(f"{path}/{name}", one) for name, one in _parts(value)][::-1]


def variables_held(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """All variables that `held_by` finds, those of optimizers too, each under a path of its own."""
    for path, value in held_by(model):
        for number, variable in enumerate(_variables(value)):
            yield f"{path}/{number:05}", variable


def optimizers_held(model: keras.Model) -> dict[str, Any]:
    """The further optimizers of a model, by where they are."""
    return {
        path: value
        for path, value in held_by(model)
        if isinstance(value, keras.optimizers.Optimizer) and value is not model.optimizer
    }


def _variables(value: Any) -> list[Any]:
    if isinstance(value, keras.optimizers.Optimizer):
        return list(value.variables)
    return [value.state if hasattr(value, "reset_from_seed") else value]


def _is_of_tensorflow(value: Any) -> bool:
    """Whether it is a variable of TensorFlow's own with numbers, or a generator, which has one."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None or not type(value).__module__.startswith("tensorflow."):
        return False
    if isinstance(value, tensorflow.Variable):
        return bool(value.dtype.name != "string")
    return isinstance(value, tensorflow.random.Generator)


def _parts(value: Any) -> list[tuple[str, Any]]:
    """What is in a value, by name; nothing in what is not looked into."""
    if isinstance(value, Mapping):
        return [
            (str(key) if isinstance(key, str | int) else f"#{number}", one)
            for number, (key, one) in enumerate(value.items())
        ]
    if isinstance(value, list | tuple):
        return [(str(number), one) for number, one in enumerate(value)]
    if isinstance(value, _OPENED) or _is_of_the_user(value):
        return list(getattr(value, "__dict__", {}).items())
    return []


def _is_of_the_user(value: Any) -> bool:
    return type(value).__module__.partition(".")[0] not in _LIBRARIES
