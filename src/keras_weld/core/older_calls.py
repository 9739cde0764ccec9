"""Options of older versions of Keras, refused with the new way instead of a TypeError."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_weld.errors import UsageError


def refuse_older(function: str, given: Mapping[str, Any], instead: Mapping[str, str]) -> None:
    """Refuse options that a function does not have.

    Args:
        function: its name, as the user writes it.
        given: the options that it does not have, with their values.
        instead: for each option of older versions, what is to be done now.

    Raises:
        UsageError: naming the first one, and the new way if it is one of older versions.

    Example:
        >>> refuse_older("weld.save", {}, {"save_format": "The name tells."})
    """
    for name, value in given.items():
        raise UsageError(
            f"{function} has no option {name}.",
            found=f"{name}={value!r:.80}",
            remedy=instead.get(name, f"help({function}) shows the options."),
        )
