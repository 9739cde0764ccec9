"""What the demo needs besides keras-weld itself, asked for before anything is written."""

from __future__ import annotations

import os
from importlib.util import find_spec

from keras_weld.errors import MissingExtraError

BACKENDS = ("tensorflow", "jax", "torch")


def require_installed() -> None:
    """See that scikit-learn, which holds the digits, and a backend are installed; nothing is imported.

    Raises:
        MissingExtraError: if one of them is not, with the command that installs both.
    """
    asked = os.environ.get("KERAS_BACKEND")
    wanted = [asked] if asked in BACKENDS else list(BACKENDS)
    backend_there = any(find_spec(name) for name in wanted)
    backend = asked if asked in BACKENDS else next(filter(find_spec, BACKENDS), BACKENDS[0])
    missing = [] if backend_there else [asked if asked in BACKENDS else "a backend of Keras"]
    if find_spec("sklearn") is None:
        missing.append("scikit-learn")
    if missing:
        raise MissingExtraError(
            "The demo trains models on the digits of scikit-learn, and something for that is missing.",
            expected="scikit-learn and a backend of Keras",
            found=f"not installed: {', '.join(missing)}",
            remedy=f"pip install 'keras-weld[{backend},demo]'" + _instead(backend, backend_there),
        )


def require_backend() -> str:
    """Import Keras and give the name of the backend it runs on.

    Raises:
        MissingExtraError: if Keras chooses a backend that is not installed.
    """
    try:
        import keras
    except ModuleNotFoundError as error:
        wanted = (error.name or "").partition(".")[0]
        if wanted not in BACKENDS:
            raise
        raise MissingExtraError(
            "The demo trains models, and the backend that Keras chooses is not installed.",
            expected=wanted,
            found="not installed",
            remedy=f"pip install 'keras-weld[{wanted},demo]'" + _instead(wanted, there=False),
        ) from error
    return str(keras.backend.backend())


def _instead(backend: str, there: bool) -> str:
    """Another backend that is installed, if the one that was asked for is not."""
    others = [name for name in BACKENDS if name != backend and find_spec(name)]
    return f", or run on another: KERAS_BACKEND={others[0]} weld demo" if others and not there else ""
