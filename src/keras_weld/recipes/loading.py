"""How the models of a composition are loaded, and what comes of them is loaded again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras_weld.core.arguments import require_flag, require_kind
from keras_weld.io.limits import Limits


@dataclass(frozen=True, slots=True)
class Loading:
    """What `load` is told of files.

    Attributes:
        custom_objects: classes of the user's own that they need.
        unsafe: whether to load models that carry Python code.
        limits: what they may ask for.

    Raises:
        UsageError: for values of another kind.
    """

    custom_objects: Any = None
    unsafe: bool = False
    limits: Limits | None = None

    def __post_init__(self) -> None:
        require_flag("unsafe", self.unsafe)
        if self.limits is not None:
            require_kind("limits", self.limits, Limits, "limits by name, such as Limits()")


ANY_FILE = Loading()
"""With no classes of one's own, no code that comes with a file, and the usual limits."""
