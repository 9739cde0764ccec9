"""Pictures by Matplotlib, which draws them without a screen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from keras_weld.errors import MissingExtraError, UsageError
from keras_weld.io.atomic import atomic_path

FORMATS = (".png", ".svg", ".pdf")


def picture_at(out: str | os.PathLike[str]) -> Path:
    """The file of a picture.

    Raises:
        UsageError: if its name asks for another format than `FORMATS`.
    """
    target = Path(out)
    if target.suffix.lower() not in FORMATS:
        raise UsageError("This is no picture that can be drawn.", expected=", ".join(FORMATS), found=target.name)
    return target


def figure_class() -> Any:
    """Matplotlib's figure.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "Drawing curves needs Matplotlib, which is not installed.",
            remedy="pip install 'keras-weld[plot]'",
        ) from error
    return Figure


def write_picture(figure: Any, target: Path) -> None:
    """Write a figure into a file that `picture_at` gave.

    Raises:
        WriteError: if it cannot be written.
    """
    with atomic_path(target) as temporary:
        figure.savefig(temporary, format=target.suffix[1:].lower(), dpi=120)
