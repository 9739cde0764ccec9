"""Start the backend without its greetings."""

from __future__ import annotations

import logging
import os

from keras_weld.cli.interrupt import ending_at_once


def start_backend() -> None:
    """Import Keras and compute once, with what the backend's C++ code says kept off the screen.

    TensorFlow reports on processors and libraries on standard error, below Python, whatever its log level is.
    If the start fails, what was said is shown: it may be the reason. On other backends, Keras imports TensorFlow
    later, where it is there: then it is as silent.

    Raises:
        MissingExtraError: if no backend is installed.
    """
    from keras_weld.core.hush import hush
    from keras_weld.core.hushed_import import hush_import_of

    hush_import_of("tensorflow")
    with hush() as screen:
        if screen is None:
            _start()
            return
        with ending_at_once(screen):
            _start()


def _start() -> None:
    try:
        import keras
    except ImportError as error:
        from keras_weld.errors import MissingExtraError

        raise MissingExtraError(
            "This command runs models, and no backend for Keras can be imported.",
            found=str(error),
            remedy="Install one: pip install 'keras-weld[tensorflow]' (or jax, or torch), and set "
            "KERAS_BACKEND if it is not TensorFlow.",
        ) from error
    except ValueError as error:  # so Keras takes a name that it does not know
        from keras_weld.errors import UsageError

        raise UsageError(
            "Keras has no such backend.",
            expected="KERAS_BACKEND=tensorflow, jax or torch",
            found=os.environ.get("KERAS_BACKEND") or str(error),
        ) from error
    if keras.backend.backend() == "tensorflow":
        # It warns of several models in one process, which is what this program is for.
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    keras.ops.convert_to_numpy(keras.ops.add(keras.ops.ones(1), 1))
