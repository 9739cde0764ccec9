"""What a live model consists of that Keras does not ship: classes and functions of the user's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import keras

from keras_weld.models.custom import is_built_in, texts_in
from keras_weld.models.keras_private import compiled_with, layers_in

_BACKENDS = frozenset({"jax", "numpy", "tensorflow", "torch"})


def own_things(model: keras.Model) -> dict[str, Any]:
    """The classes of a model's layers, and what they and `compile` hold, as far as Keras does not ship it, by name.

    Args:
        model: a live model.

    Returns:
        The classes of layers first; then activations, initializers, losses, metrics and their like.
    """
    found: dict[str, Any] = {}
    layers = layers_in(model)
    for layer in layers:
        kind = type(layer)
        if not _of_keras(kind):
            found[kind.__name__] = kind
    held = [one for layer in layers for one in _saved_with(layer)]
    compiled = compiled_with(model) if model.compiled else {}
    for thing in (*held, *_held_in(list(compiled.values()))):
        if not _comes_along(thing):
            found.setdefault(thing.__name__, thing)
    return found


def _saved_with(layer: Any) -> list[Any]:
    """What a layer holds and its file names; a layer of the user's own may hold functions that it makes anew."""
    held = list(_held_in(list(vars(layer).values())))
    if not held or _of_keras(type(layer)):
        return held
    try:
        named = texts_in(keras.saving.serialize_keras_object(layer.get_config()))
    except Exception:  # it cannot be saved, which is told where it is tried
        return []
    return [one for one in held if one.__name__ in named or keras.saving.get_registered_name(one) in named]


def _held_in(value: Any) -> Iterator[Any]:
    """The functions in a structure of lists and dicts, and the classes of what else Keras saves with a model."""
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, Mapping):
        yield from _held_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _held_in(one)
    elif hasattr(value, "get_config") and not isinstance(value, keras.Layer | type):
        yield type(value)


def _comes_along(thing: Any) -> bool:
    """Whether Keras finds it again by itself, or nobody does."""
    package = str(thing.__module__).partition(".")[0]
    named_alike = package in _BACKENDS and is_built_in(thing.__name__)  # jax.nn.silu is saved as Keras's own silu
    return _of_keras(thing) or named_alike or thing.__name__ == "<lambda>"


def _of_keras(thing: Any) -> bool:
    return str(thing.__module__).startswith("keras.")
