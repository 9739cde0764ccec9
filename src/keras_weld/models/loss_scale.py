"""Models that were trained in mixed_float16: Keras puts their optimizer into one that scales the loss.

A `.keras` file names the inner optimizer alone, and Keras wraps it again only where the policy of the process is
mixed_float16; else it leaves the optimizer's state out.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras

from keras_weld.core.state import ModelState

_POLICY = "mixed_float16"


@contextmanager
def loss_scaled_as_saved(state: ModelState) -> Iterator[None]:
    """Inside the block, a model is compiled with the optimizer that scales the loss, if its file has the state of one.

    Args:
        state: what the file holds.
    """
    scaled = any("inner_optimizer" in tensor.spec.path.split("/") for tensor in state.optimizer)
    former = keras.config.dtype_policy()
    if not scaled or former.name == _POLICY:
        yield
        return
    keras.config.set_dtype_policy(_POLICY)  # layers are built with the policies that their configurations tell
    try:
        yield
    finally:
        keras.config.set_dtype_policy(former)
