"""Which examples a model learns from, which decide, and which it is judged on afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from keras_weld.data.divide import divide
from keras_weld.data.prepare import Preparation
from keras_weld.data.split import WHOLE, Dataset, Split
from keras_weld.errors import DataError
from keras_weld.io.limits import Limits
from keras_weld.recipes.limited_data import open_within

ASIDE = 0.1
"""The share of the training examples that is set aside where there are no validation examples."""


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of a training.

    Attributes:
        train: to learn from.
        validation: to decide by.
        judged: test examples, or those of the validation where there are none.
        origin: what the user named as data.
        notes: what is to be told.
    """

    train: Split
    validation: Split
    judged: Dataset
    origin: str
    notes: tuple[str, ...]


def examples_for(
    data: Any,
    validation: Any = None,
    *,
    seed: int = 0,
    sample: int | None = None,
    pixels: str = "0..255",
    prepare: Preparation | None = None,
    limits: Limits | None = None,
) -> Examples:
    """Open the data of a training.

    Args:
        data: what `open_data` takes: its training split, or all of it, is learnt from.
        validation: what decides; by default the validation split, else a tenth of the training examples.
        seed: what examples are drawn by.
        sample: take at most this many examples of each split.
        pixels: for images, the range that the model was trained on.
        prepare: what to do to images before the model sees them, in the place of `pixels`.
        limits: what packed files may unpack to.

    Raises:
        DataError: if there is nothing to learn from.
    """
    opened = partial(open_within, limits, sample=sample, seed=seed, pixels=pixels, prepare=prepare)
    dataset = opened(data)
    notes = list(dataset.notes)
    train = _one_of(dataset, ("train", WHOLE), "training")
    if validation is not None:
        told = opened(validation)
        notes += [note for note in told.notes if note not in notes]
        held = _one_of(told, ("validation", WHOLE, "test", "train"), "validation")
    elif "validation" in dataset.splits:
        held = dataset.splits["validation"]
    else:
        train, held = divide(train, ASIDE, seed)
        notes.append(
            f"There are no validation examples: {held.counted():,} of the training examples were set aside "
            "to decide by (--val names others)."
        )
    test: Mapping[str, Split] = {name: split for name, split in dataset.splits.items() if name == "test"}
    judged = Dataset(test or {"validation": held}, dataset.origin)
    return Examples(train, held, judged, dataset.origin, tuple(notes))


def _one_of(dataset: Dataset, names: tuple[str, ...], purpose: str) -> Split:
    for name in names:
        if name in dataset.splits:
            return dataset.splits[name]
    raise DataError(
        f"There are no {purpose} examples in the data.",
        file=dataset.origin,
        expected="x and y, or x_train and y_train",
        found="the splits " + ", ".join(dataset.splits),
        remedy="Name them so, or pass the examples to learn from by themselves.",
    )
