"""What the demo needs besides keras-weld itself, asked for before anything is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec

from keras_weld.errors import MissingExtraError

BACKENDS = ("tensorflow", "jax", "torch")


def require_backend() -> str:
    """Import Keras and give the name of the backend it runs on.

    Raises:
        MissingExtraError: if that backend is not installed; says how to install it, or to use another one
            that is.
    """
    try:
        import keras
    except ModuleNotFoundError as error:
        wanted = (error.name or "").partition(".")[0]
        if wanted not in BACKENDS:
            raise
        raise missing_backend(wanted, {name: find_spec(name) is not None for name in BACKENDS}) from error
    return str(keras.backend.backend())


def missing_backend(wanted: str, installed: Mapping[str, bool]) -> MissingExtraError:
    """What to say when Keras would run on `wanted` and it is not there."""
    others = [name for name, there in installed.items() if there and name != wanted]
    asked = os.environ.get("KERAS_BACKEND") == wanted
    remedy = install_command(wanted)
    if others:
        remedy += f", or run on {others[0]}: KERAS_BACKEND={others[0]} weld demo"
    return MissingExtraError(
        "The demo trains models, which needs a backend of Keras.",
        expected=wanted + (" (KERAS_BACKEND asks for it)" if asked else " (what Keras chose)"),
        found=f"installed: {', '.join(others)}" if others else "none is installed",
        remedy=remedy,
    )


def require_digits(backend: str) -> None:
    """See that scikit-learn is there, which holds the digits.

    Raises:
        MissingExtraError: if it is not.
    """
    if find_spec("sklearn") is None:
        raise MissingExtraError(
            "The demo's images come with scikit-learn, which is not installed.",
            expected="scikit-learn",
            found="not installed",
            remedy=install_command(backend),
        )


def install_command(backend: str) -> str:
    """The command that installs what the demo needs, on a backend."""
    return f"pip install 'keras-weld[{backend},demo]'"
