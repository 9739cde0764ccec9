"""Models in ONNX Runtime, as phones and servers run them."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_weld.core.hush import hush
from keras_weld.judging.latency import as_given

_CONVERTERS = {"tensorflow": "tf2onnx", "jax": "jax2onnx"}


def onnx_is_there() -> bool:
    """Whether ONNX Runtime is installed, and what this backend's models are converted by."""
    converter = _CONVERTERS.get(keras.backend.backend())
    return converter is not None and all(find_spec(name) is not None for name in ("onnxruntime", converter))


def in_onnx_runtime(model: keras.Model) -> Callable[[Any], Any]:
    """A model as a function that ONNX Runtime calculates on the processor.

    Args:
        model: the live model.

    Raises:
        Exception: whatever the converter raises for what it cannot convert.
    """
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = Path(folder) / "model.onnx"
        with hush(speaking=(Exception,)):
            model(as_given(model, 1), training=False)  # Keras exports no model that was never called
            model.export(file, format="onnx", verbose=False)
        session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]

    def call(given: Any) -> Any:
        parts = [np.asarray(one) for one in keras.tree.flatten(given)]
        return session.run(None, dict(zip(names, parts, strict=True)))

    return call
