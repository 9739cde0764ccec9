"""How much a model may allocate while it is built from a file: about as much as the file has stored.

Most sizes are checked against the configuration before. What a graph computes (the size of a layer's input)
is known only while Keras builds it, layer by layer; so the weights are counted as they are asked for.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import keras

from keras_weld.core.state import ModelState
from keras_weld.errors import ShapeMismatchError

_ROOM = 4  # int4 weights are packed by twos, and some layers keep a second copy
_ALWAYS = 1 << 22  # values that any model may ask for


@dataclass(slots=True)
class _Budget:
    """What one file has stored, and how many values the model that is built from it may still ask for."""

    stored: int
    left: int


_budget: ContextVar[_Budget | None] = ContextVar("keras_weld_budget", default=None)
_installing = threading.Lock()
_installed = False


@contextmanager
def stored_budget(state: ModelState) -> Iterator[None]:
    """Refuse, inside the block, weights that ask for far more values than the file has stored.

    Only what this thread builds is counted; models that other threads build meanwhile are left alone.

    Args:
        state: the file that the model is built from; one without tensors sets no bound.

    Raises:
        ShapeMismatchError: at the first layer that goes beyond; nothing was allocated for it yet.
    """
    stored = sum(tensor.spec.size for tensor in state.weights)
    if not stored:
        yield
        return
    _install()
    token = _budget.set(_Budget(stored, _ROOM * stored + _ALWAYS))
    try:
        yield
    finally:
        _budget.reset(token)


def _install() -> None:
    """Have Keras ask here before it makes a weight.

    This is done once and never undone: a thread that put back what it found would throw out what another put
    there. Without a budget the wrapper only passes on.
    """
    global _installed
    with _installing:
        if _installed:
            return
        ask = keras.layers.Layer.add_weight

        @functools.wraps(ask)
        def counted(self: Any, shape: Any = None, *args: Any, **options: Any) -> Any:
            if (budget := _budget.get()) is not None:
                _spend(budget, self.name, shape)
            return ask(self, shape, *args, **options)

        keras.layers.Layer.add_weight = counted
        _installed = True


def _spend(budget: _Budget, layer: str, shape: Any) -> None:
    if shape is None or not all(isinstance(size, int) for size in shape):
        return
    budget.left -= math.prod(shape)
    if budget.left < 0:
        raise ShapeMismatchError(
            "A layer asks for more weights than the file has stored.",
            layer=layer,
            expected=f"about {budget.stored:,} values in the whole model",
            found=f"a weight of shape {tuple(shape)}",
            remedy="The configuration and the weights do not belong together: save the model again where it was made.",
        )
