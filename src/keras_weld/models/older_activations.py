"""Activations that Keras 3 computes otherwise than Keras 1 and 2 did, under the same name."""

from __future__ import annotations

import warnings

import keras

from keras_weld.core.state import ModelState
from keras_weld.io.kinds import Kind
from keras_weld.models.keras_private import layers_in
from keras_weld.models.refusal import major_version

_PLACES = ("activation", "recurrent_activation")


def tell_other_activations(model: keras.Model, state: ModelState) -> None:
    """Warn of layers with hard_sigmoid in a file of Keras 1 or 2: theirs was steeper, and the answers differ.

    Args:
        model: the model that was built.
        state: the file; one of weights alone that tells no version is of Keras 1.
    """
    if (major_version(state) or (1 if state.kind == Kind.LEGACY_WEIGHTS else 3)) > 2:
        return
    steeper = keras.activations.hard_sigmoid
    found = [one for one in layers_in(model) if any(getattr(one, place, None) is steeper for place in _PLACES)]
    if found:
        names = ", ".join(dict.fromkeys(layer.name for layer in found))
        warnings.warn(
            f"{state.source} was made where hard_sigmoid(x) was 0.2 x + 0.5; that of Keras 3 is x / 6 + 0.5, so the "
            f"model answers otherwise than it did. Layers with it: {names}.",
            UserWarning,
            stacklevel=3,
        )
