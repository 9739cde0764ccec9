"""Pillow, which is an extra."""

from __future__ import annotations

from typing import Any

from keras_weld.errors import MissingExtraError


def pillow(what: str = "Reading images") -> Any:
    """The module `PIL.Image`.

    Args:
        what: what it is needed for, as the sentence begins.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            f"{what} needs Pillow, which is not installed.",
            remedy="pip install 'keras-weld[images]'",
        ) from error
    return Image
