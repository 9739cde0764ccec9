"""Targets that have names, beside the outputs of a model."""

from __future__ import annotations

from collections.abc import Sequence

from keras_weld.errors import DataError


def require_all_named(outputs: Sequence[str], targets: Sequence[str], file: str) -> None:
    """Refuse targets of which some have the names of outputs and others have not: a slip of the pen, most likely.

    Args:
        outputs: the outputs' names.
        targets: the targets' names.
        file: where they come from, for messages.

    Raises:
        DataError: naming the targets that belong to no output.
    """
    strange = [name for name in targets if name not in outputs]
    if not strange or len(strange) == len(targets):
        return
    left = [name for name in outputs if name not in targets]
    raise DataError(
        f"The data has targets called {', '.join(strange)}, and the model has no output of that name."
        if len(strange) > 1
        else f"The data has a target called {strange[0]}, and the model has no output of that name.",
        file=file,
        expected=", ".join(outputs),
        found=", ".join(targets),
        remedy=f"Call it {left[0]}, or leave it out." if left else "Leave it out.",
    )
