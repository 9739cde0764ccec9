"""Data sets of TensorFlow Datasets, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keras_weld.data.from_tf import split as stream
from keras_weld.data.rows import row_split
from keras_weld.data.split import SPELLINGS, WHOLE, Dataset, Split
from keras_weld.errors import DataError, MissingExtraError

PREFIX = "tfds:"
_NAME = re.compile(r"tfds:(?P<name>[\w/.+-]+(?::\d+\.\d+\.\d+)?)(?::(?P<split>.+))?")


def tfds_dataset(text: str) -> Dataset:
    """The data set named `tfds:NAME` or `tfds:NAME:SPLIT`, such as `tfds:cifar10:train[:80%]`.

    It is read from this machine; nothing is downloaded.

    Args:
        text: the name, with configuration and version as TensorFlow Datasets writes them.

    Raises:
        MissingExtraError: if TensorFlow Datasets is not installed.
        DataError: if there is no such data set or split, it was not prepared, or has no inputs and targets.
    """
    found = _NAME.fullmatch(text)
    if found is None:
        raise DataError(
            "This is not the name of a data set.",
            expected="tfds:NAME or tfds:NAME:SPLIT, such as tfds:cifar10:train[:80%]",
            found=text,
        )
    builder = _builder(found["name"], text)
    keys = _supervised(builder, text)
    if found["split"] is not None:
        return Dataset({WHOLE: _split(builder, keys, found["split"], WHOLE, text)}, text)
    names = {SPELLINGS[name]: name for name in builder.info.splits if name in SPELLINGS}
    left_out = [name for name in builder.info.splits if name not in SPELLINGS]
    if not names:
        raise DataError(
            "The data set has no split of a known name.",
            file=text,
            expected=", ".join(SPELLINGS),
            found=", ".join(left_out),
            remedy=f"Name one: {text}:{left_out[0] if left_out else 'SPLIT'}",
        )
    notes = (f"The splits {', '.join(left_out)} of {text} were left out.",) if left_out else ()
    return Dataset({to: _split(builder, keys, name, to, text) for to, name in names.items()}, text, notes)


def _builder(name: str, text: str) -> Any:
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise MissingExtraError(
            f"{text} is read with TensorFlow Datasets, which is not installed.",
            remedy="pip install 'keras-weld[tfds]'",
        ) from error
    try:
        builder = tensorflow_datasets.builder(name)
    except (tensorflow_datasets.core.DatasetNotFoundError, ValueError) as error:
        raise DataError(
            "There is no such data set, or not in this version.",
            file=text,
            found=str(error).strip().splitlines()[0],
            remedy="Check the spelling: https://www.tensorflow.org/datasets/catalog",
        ) from error
    if not builder.is_prepared():
        raise DataError(
            "The data set is not on this machine, and keras-weld downloads nothing.",
            file=text,
            expected=f"the prepared data set in {builder.data_dir}",
            found="no such folder",
            remedy=f"Prepare it once: python -c \"import tensorflow_datasets as t; t.builder('{name}')"
            '.download_and_prepare()"',
        )
    return builder


def _supervised(builder: Any, text: str) -> tuple[Any, Any]:
    keys = builder.info.supervised_keys
    if keys is None or len(keys) != 2:
        raise DataError(
            "The data set does not say what is input and what is target.",
            file=text,
            expected="supervised_keys of an input and a target",
            found=f"the features {', '.join(builder.info.features)}, supervised_keys {keys}",
            remedy="Write a function that returns (x, y) batches of it, and name it: module:function",
        )
    return keys[0], keys[1]


def _split(builder: Any, keys: tuple[Any, Any], wanted: str, name: str, text: str) -> Split:
    """By number where the files allow that (array_record), else as a stream in the order of the files."""
    try:
        if builder.info.file_format.value == "array_record":
            found = row_split(_Examples(builder.as_data_source(split=wanted), keys), name, text)
            return replace(found, classes=_classes(builder, keys))
        data = builder.as_dataset(split=wanted, as_supervised=True, shuffle_files=False)
        return replace(stream(data, name, text), classes=_classes(builder, keys))
    except ImportError as error:
        raise MissingExtraError(
            f"{text} is stored in a form that TensorFlow reads, which is not installed.",
            remedy="pip install tensorflow",
        ) from error
    except (ValueError, KeyError) as error:
        raise DataError(
            "The data set has no such split.",
            file=text,
            expected=", ".join(builder.info.splits),
            found=f"{wanted}: {error}",
        ) from error


def _classes(builder: Any, keys: tuple[Any, Any]) -> tuple[str, ...] | None:
    names = getattr(builder.info.features[keys[1]], "names", None) if isinstance(keys[1], str) else None
    return None if names is None else tuple(names)


class _Examples:
    """Examples of a data source as `(x, y)`."""

    def __init__(self, source: Any, keys: tuple[Any, Any]) -> None:
        self._source, self._keys = source, keys

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        x, y = self._keys
        found = self._source[index]
        return _picked(found, x), _picked(found, y)


def _picked(example: Any, keys: Any) -> Any:
    """A feature, or a tuple or dict of several, as supervised_keys names them."""
    if isinstance(keys, str):
        return example[keys]
    if isinstance(keys, Iterable) and not hasattr(keys, "items"):
        return [_picked(example, key) for key in keys]
    return {name: _picked(example, key) for name, key in keys.items()}
