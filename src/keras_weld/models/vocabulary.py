"""Vocabularies that layers have learnt by adapt(): Keras leaves them out where it tells how a model is built."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from keras_weld.models.keras_private import layers_in

_LOOKUPS = (keras.layers.StringLookup, keras.layers.IntegerLookup)
"""What looks up; a TextVectorization has a StringLookup in it."""


@contextmanager
def vocabularies_told(model: keras.Model) -> Iterator[None]:
    """Inside the block, what layers have learnt is told in their configurations, as what they were given is."""
    learnt = [layer for layer in layers_in(model) if isinstance(layer, _LOOKUPS) and _has_learnt(layer)]
    for layer in learnt:
        layer.input_vocabulary, layer.input_idf_weights = _vocabulary_of(layer)
    try:
        yield
    finally:
        for layer in learnt:
            layer.input_vocabulary = layer.input_idf_weights = None


def _has_learnt(layer: Any) -> bool:
    return layer.input_vocabulary is None and bool(layer.get_vocabulary(include_special_tokens=False))


def _vocabulary_of(layer: Any) -> tuple[list[Any], list[float] | None]:
    """The words, and their weights where the layer weighs them; then with the words that stand for others."""
    weighs = layer.output_mode == "tf_idf"
    words = np.asarray(layer.get_vocabulary(include_special_tokens=weighs)).tolist()
    return words, np.asarray(layer.idf_weights).tolist() if weighs else None
