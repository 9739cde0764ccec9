"""From what the user names to splits."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from numbers import Integral
from pathlib import Path
from typing import Any

from keras_weld.core.arguments import require_kind
from keras_weld.data.chosen import sampled
from keras_weld.data.divide import divide
from keras_weld.data.function import dataset_of, function_named, require_module
from keras_weld.data.images import PIXELS_ARE, image_dataset
from keras_weld.data.keys import parse_keys, splits_of
from keras_weld.data.npz import INFLATED_BYTES, RATIO, NpzArrays, require_file
from keras_weld.data.prepare import Preparation
from keras_weld.data.prepared import prepared
from keras_weld.data.split import WHOLE, Dataset
from keras_weld.data.tfds import PREFIX, tfds_dataset
from keras_weld.errors import DataError, UsageError, add_context

_NPZ = re.compile(r"(?P<path>.*\.npz)(?::(?P<keys>[^/\\]+))?", re.IGNORECASE | re.DOTALL)
_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


def open_data(
    what: Any,
    *,
    sample: int | None = None,
    validation: float | None = None,
    seed: int = 0,
    pixels: str = "0..255",
    prepare: Preparation | None = None,
    inflated_bytes: int = INFLATED_BYTES,
    ratio: int = RATIO,
) -> Dataset:
    """Open data by what the user calls it.

    Args:
        what: an `.npz` file (`FILE.npz`, or `FILE.npz:images,labels` to name the arrays), a folder of images
            with a sub-folder for each class, `module:function` to call, `tfds:NAME` for a prepared data set of
            TensorFlow Datasets, or live values: `(x, y)`, a dict, a `tf.data.Dataset`, a `PyDataset`, a
            `DataLoader`, Grain's data sets, batches to iterate over, a function that makes them, a Dataset.
        sample: take at most this many examples of each split, drawn by `seed`.
        validation: for data without validation examples, the share to set aside for it, drawn by `seed`, each
            class by its share.
        seed: what examples are drawn by.
        pixels: for images, the range the model was trained on: `0..255`, `0..1` or `-1..1`.
        prepare: what to do to images of any source before a model sees them; size and channels are taken from
            the model where they are left out. It takes the place of `pixels`.
        inflated_bytes: for packed `.npz` files, what one array may unpack to.
        ratio: for packed `.npz` files, how many times its stored size an array above that may be.

    Returns:
        The dataset. Images, unpacked `.npz` arrays and live data sets are read batch by batch.

    Raises:
        DataError: naming the file, the key, what was expected and what was found.
        MissingExtraError: if the package that reads it is not installed.
        UsageError: if a value makes no sense.

    Example:
        >>> import numpy as np
        >>> open_data((np.zeros((3, 2)), np.zeros(3))).splits["all"].count
        3
    """
    require_kind("pixels", pixels, str, "a range, such as '0..255'")
    if prepare is not None:
        require_kind("prepare", prepare, Preparation, "how to prepare images, such as Preparation(size=(32, 32))")
    if sample is not None:
        require_kind("sample", sample, Integral, "a whole number, such as 1000")
    Preparation(pixels=pixels)  # refuses a range that there is not, also where there are no images
    if sample is not None and sample < 1:
        raise UsageError("A sample has at least one example.", found=sample)
    if isinstance(what, str | os.PathLike):
        dataset = _open_named(os.fspath(what), pixels, inflated_bytes, ratio)
    else:
        dataset = dataset_of(what, "the data passed in")
    if prepare is not None:
        dataset = _prepared(dataset, prepare)
    if sample is not None:
        dataset = _sampled(dataset, sample, seed)
    return dataset if validation is None else _set_aside(dataset, validation, seed)


def _prepared(dataset: Dataset, prepare: Preparation) -> Dataset:
    splits = {name: prepared(split, prepare) for name, split in dataset.splits.items()}
    notes = [note for note in dataset.notes if not note.startswith(PIXELS_ARE)]
    return replace(dataset, splits=splits, notes=(*notes, f"Images are prepared: {prepare.text}."))


def _sampled(dataset: Dataset, sample: int, seed: int) -> Dataset:
    splits = {name: sampled(split, sample, seed) for name, split in dataset.splits.items()}
    notes = [
        f"Of the {split.counted():,} examples of the split {name}, {sample:,} were drawn (seed {seed})."
        for name, split in dataset.splits.items()
        if splits[name] is not split
    ]
    return replace(dataset, splits=splits, notes=(*dataset.notes, *notes))


def _set_aside(dataset: Dataset, share: float, seed: int) -> Dataset:
    if "validation" in dataset.splits:
        return dataset
    whole = dataset.splits.get("train") or dataset.splits.get(WHOLE)
    if whole is None:
        raise DataError(
            "There are no training examples to set some aside from.",
            file=dataset.origin,
            expected=f"the split train or {WHOLE}",
            found=", ".join(dataset.splits),
        )
    train, validation = divide(whole, share, seed)
    rest = {name: split for name, split in dataset.splits.items() if split is not whole}
    note = (
        f"Of the {whole.counted():,} examples of the split {whole.name}, {validation.counted():,} were set aside "
        f"for validation (seed {seed})."
    )
    splits = {"train": train, "validation": validation, **rest}
    return replace(dataset, splits=splits, notes=(*dataset.notes, note))


def require_data(text: str) -> None:
    """Refuse a name that leads to no data, before anything is opened or imported.

    Args:
        text: what the user calls the data.

    Raises:
        DataError: if the file or the module is not there, or it is no name of data.
    """
    if not text:
        raise DataError("The name of the data is empty.", expected="a file, a folder or MODULE:FUNCTION", found="''")
    if "://" in text:
        raise DataError("Data is read from this machine only.", file=text, remedy="Download it first.")
    if Path(text).is_dir() or text.startswith(PREFIX):
        return
    if match := _NPZ.fullmatch(text):
        require_file(Path(match["path"]))
    elif _FUNCTION.fullmatch(text):
        require_module(text)
    else:
        raise DataError(
            "The data is not there." if not Path(text).exists() else "This kind of data is not known.",
            file=text,
            expected="FILE.npz, FILE.npz:images,labels, a folder of images, module:function or tfds:NAME",
            remedy="Make one of arrays: numpy.savez('data.npz', x=inputs, y=targets)",
        )


def _open_named(text: str, pixels: str, inflated_bytes: int, ratio: int) -> Dataset:
    require_data(text)
    if Path(text).is_dir():
        return image_dataset(Path(text), pixels=pixels)
    if match := _NPZ.fullmatch(text):
        path = Path(match["path"])
        with add_context(file=path):
            keys = None if match["keys"] is None else parse_keys(match["keys"])
            arrays = NpzArrays(path, inflated_bytes=inflated_bytes, ratio=ratio)
            return Dataset(splits_of(arrays, os.fspath(path), keys), text)
    if text.startswith(PREFIX):
        return tfds_dataset(text)
    return replace(dataset_of(function_named(text), text), origin=text)
