"""How the models of a composition are loaded, and what comes of them is loaded again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras_weld.io.limits import Limits


@dataclass(frozen=True, slots=True)
class Loading:
    """What `load` is told of files.

    Attributes:
        custom_objects: classes of the user's own that they need.
        unsafe: whether to load models that carry Python code.
        limits: what they may ask for.
    """

    custom_objects: Any = None
    unsafe: bool = False
    limits: Limits | None = None


ANY_FILE = Loading()
"""With no classes of one's own, no code that comes with a file, and the usual limits."""
