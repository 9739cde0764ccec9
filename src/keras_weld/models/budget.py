"""How much a model may allocate while it is built from a file: about as much as the file has stored.

Most sizes are checked against the configuration before. What a graph computes (the size of a layer's input)
is known only while Keras builds it, layer by layer; so the weights are counted as they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from keras_weld.core.state import ModelState
from keras_weld.errors import ShapeMismatchError

_ROOM = 4  # int4 weights are packed by twos, and some layers keep a second copy
_ALWAYS = 1 << 22  # values that any model may ask for


@contextmanager
def stored_budget(state: ModelState) -> Iterator[None]:
    """Refuse, inside the block, weights that ask for far more values than the file has stored.

    Args:
        state: the file that the model is built from; one without tensors sets no bound.

    Raises:
        ShapeMismatchError: at the first layer that goes beyond; nothing was allocated for it yet.
    """
    stored = sum(tensor.spec.size for tensor in state.weights)
    if not stored:
        yield
        return
    left = _ROOM * stored + _ALWAYS
    ask = keras.layers.Layer.add_weight

    def counted(self: Any, shape: Any = None, *args: Any, **options: Any) -> Any:
        nonlocal left
        if shape is not None and all(isinstance(size, int) for size in shape):
            left -= math.prod(shape)
            if left < 0:
                raise ShapeMismatchError(
                    "A layer asks for more weights than the file has stored.",
                    layer=self.name,
                    expected=f"about {stored:,} values in the whole model",
                    found=f"a weight of shape {tuple(shape)}",
                    remedy="The configuration and the weights do not belong together: save the model again "
                    "where it was made.",
                )
        return ask(self, shape, *args, **options)

    keras.layers.Layer.add_weight = counted
    try:
        yield
    finally:
        keras.layers.Layer.add_weight = ask
