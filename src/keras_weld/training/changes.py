"""What may differ from the run so far, where it is meant."""

from __future__ import annotations

from keras_weld.errors import UsageError

CHANGES = (
    "model",
    "optimizer",
    "learning_rate",
    "loss",
    "loss_weights",
    "metrics",
    "batch_size",
    "data",
    "validation_data",
    "seed",
    "steps",
    "backend",
    "callbacks",
)
"""The names, in the order in which differences are told."""


def require_change(name: str) -> None:
    """Refuse the name of a change that there is not.

    Raises:
        UsageError: naming those that there are.
    """
    if name not in CHANGES:
        raise UsageError("There is no such change to a run.", expected=", ".join(CHANGES), found=name)
