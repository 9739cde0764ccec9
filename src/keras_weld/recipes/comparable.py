"""What must hold for the figures of several models to be compared."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_weld.data.batch import Array
from keras_weld.data.split import Split
from keras_weld.errors import DataError, add_context
from keras_weld.judging.metrics import Metric
from keras_weld.judging.outcome import Outcome


def check_order(first: tuple[Array, ...], now: tuple[Array, ...], split: Split, name: str) -> None:
    """Refuse a source that shuffles: the models would be compared on different examples, pair by pair.

    Args:
        first: the targets that came in the first model's pass.
        now: those of this model's pass.
        split: what was read.
        name: this model's name.

    Raises:
        DataError: if the two differ.
    """
    if all(np.array_equal(before, after) for before, after in zip(first, now, strict=True)):
        return
    raise DataError(
        "The data gives its examples in another order each time, so two models cannot be compared on them.",
        file=split.origin,
        expected="the same examples in the same order for each model",
        found=f"other targets for {name} than for the model before it (split {split.name})",
        remedy="Leave out what shuffles: no data.shuffle(...), or shuffle(..., reshuffle_each_iteration=False) in "
        "tf.data; DataLoader(..., shuffle=False); no random numbers in the function that makes the data, or a "
        "fixed seed.",
    )


def check_comparable(outcomes: Sequence[Outcome], names: Sequence[str], metric: Metric) -> None:
    """Refuse outputs that the metric cannot judge, and models of different tasks.

    Args:
        outcomes: one for each model.
        names: the models' names.
        metric: what is measured.

    Raises:
        WeldError: naming the model.
    """
    for name, outcome in zip(names, outcomes, strict=True):
        with add_context(file=name):
            metric.check(outcome)
        if outcome.task is not outcomes[0].task or outcome.outputs.shape != outcomes[0].outputs.shape:
            raise DataError(
                f"{name} gives another kind of output than {names[0]}, so the two cannot be compared.",
                expected=f"outputs of shape {outcomes[0].outputs.shape}, about {outcomes[0].task}",
                found=f"outputs of shape {outcome.outputs.shape}, about {outcome.task}",
                remedy="Judge models of the same task, or choose another output.",
            )
