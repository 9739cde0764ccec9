"""From what the user names to splits."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_weld.data.function import call_function, dataset_of
from keras_weld.data.images import image_dataset
from keras_weld.data.keys import parse_keys, splits_of
from keras_weld.data.npz import INFLATED_BYTES, RATIO, NpzArrays
from keras_weld.data.split import Dataset
from keras_weld.errors import DataError, UsageError, add_context

_NPZ = re.compile(r"(?P<path>.*\.npz)(?::(?P<keys>[^/\\]+))?", re.IGNORECASE | re.DOTALL)
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def open_data(
    what: Any,
    *,
    sample: int | None = None,
    seed: int = 0,
    pixels: str = "0..255",
    inflated_bytes: int = INFLATED_BYTES,
    ratio: int = RATIO,
) -> Dataset:
    """Open data by what the user calls it.

    Args:
        what: an `.npz` file (`FILE.npz`, or `FILE.npz:images,labels` to name the arrays), a folder of images
            with a sub-folder for each class, `module:function` to call, or live values: `(x, y)`, a dict, a
            Dataset.
        sample: take at most this many examples of each split, drawn by `seed`.
        seed: what the examples are drawn by.
        pixels: for images, the range the model was trained on: `0..255`, `0..1` or `-1..1`.
        inflated_bytes: for packed `.npz` files, what one array may unpack to.
        ratio: for packed `.npz` files, how many times its stored size an array above that may be.

    Returns:
        The dataset. Images and unpacked `.npz` arrays are read batch by batch.

    Raises:
        DataError: naming the file, the key, what was expected and what was found.

    Example:
        >>> import numpy as np
        >>> open_data((np.zeros((3, 2)), np.zeros(3))).splits["all"].count
        3
    """
    if sample is not None and sample < 1:
        raise UsageError("A sample has at least one example.", found=sample)
    if isinstance(what, str | os.PathLike):
        dataset = _open_named(os.fspath(what), pixels, inflated_bytes, ratio)
    else:
        dataset = dataset_of(what, "the data passed in")
    if sample is None:
        return dataset
    notes = [
        f"Of the {split.count:,} examples of the split {name}, {sample:,} were drawn (seed {seed})."
        for name, split in dataset.splits.items()
        if split.count > sample
    ]
    splits = {name: split.sampled(sample, seed) for name, split in dataset.splits.items()}
    return replace(dataset, splits=splits, notes=(*dataset.notes, *notes))


def _open_named(text: str, pixels: str, inflated_bytes: int, ratio: int) -> Dataset:
    if "://" in text:
        raise DataError("Data is read from this machine only.", file=text, remedy="Download it first.")
    if Path(text).is_dir():
        return image_dataset(Path(text), pixels=pixels)
    if match := _NPZ.fullmatch(text):
        path = Path(match["path"])
        with add_context(file=path):
            keys = None if match["keys"] is None else parse_keys(match["keys"])
            arrays = NpzArrays(path, inflated_bytes=inflated_bytes, ratio=ratio)
            return Dataset(splits_of(arrays, os.fspath(path), keys), text)
    if _FUNCTION.fullmatch(text):
        return replace(dataset_of(call_function(text), text), origin=text)
    raise DataError(
        "The data is not there." if not Path(text).exists() else "This kind of data is not known.",
        file=text,
        expected="FILE.npz, FILE.npz:images,labels, a folder of images, or module:function",
        remedy="Make one of arrays: numpy.savez('data.npz', x=inputs, y=targets)",
    )
