"""The ranges of values that pixels are given to models in."""

from __future__ import annotations

from collections.abc import Mapping

from keras_weld.errors import UsageError

PIXEL_RANGES: dict[str, tuple[float, float]] = {
    "0..255": (1.0, 0.0),
    "0..1": (1 / 255, 0.0),
    "-1..1": (2 / 255, -1.0),
}
"""By name: what a value from 0 to 255 is multiplied by, and what is then added."""


USUAL = "0..255"
"""The range of files of images."""


def common_range(ranges: Mapping[str, str] | None) -> str:
    """The range that models share: that of the first, if any is told, else the usual one.

    Args:
        ranges: by model, the range that it was trained on.

    Example:
        >>> common_range({"a": "0..1", "b": "-1..1"})
        '0..1'
    """
    return next(iter((ranges or {}).values()), USUAL)


def require_range(name: str) -> None:
    """Refuse a range that there is not.

    Raises:
        UsageError: naming those that there are.
    """
    if name not in PIXEL_RANGES:
        raise UsageError("There is no such range of pixels.", expected=", ".join(PIXEL_RANGES), found=name)


def between(one: str, other: str) -> tuple[float, float]:
    """The factor and the offset that bring values of one range into another.

    Args:
        one: the range that the values have, a key of `PIXEL_RANGES`.
        other: the range that they shall have.

    Example:
        >>> between("0..1", "-1..1")
        (2.0, -1.0)
    """
    (a, b), (c, d) = PIXEL_RANGES[one], PIXEL_RANGES[other]
    return c / a, d - b * c / a
