"""Splits out of a folder of images with a sub-folder for each class, read batch by batch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.data.ahead import ahead
from keras_weld.data.batch import Array, Batch
from keras_weld.data.order import blocks
from keras_weld.data.pillow import pillow
from keras_weld.data.prepare import Preparation
from keras_weld.data.split import SPELLINGS, WHOLE, Dataset, Shape, Split
from keras_weld.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


PIXELS_ARE = "Pixels are given to the models as"
"""How the note begins that tells their range."""


@dataclass(frozen=True)
class ImageSplit(Split):
    """Images on disk, decoded and prepared when a batch is asked for.

    Attributes:
        files: the images, class by class, sorted by name.
        labels: the class of each, an index into `classes`.
        preparation: what is done to each; before the model is known they are RGB at the first one's size.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None
    files: tuple[Path, ...]
    labels: Array
    preparation: Preparation

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.files)

    @property
    def labelled(self) -> bool:
        """Always: the folders are the labels."""
        return True

    @property
    def targets(self) -> tuple[Array, ...]:
        """The labels of all images."""
        return (self.labels,)

    @property
    def positioned(self) -> bool:
        """Always: an image is a file."""
        return True

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The images in order, as `(x, y)` with x of shape `(batch, height, width, channels)`."""
        return self.gather(blocks(np.arange(self.count), batch_size))

    def gather(self, blocks: Iterable[Array]) -> Iterator[Batch]:
        """The images of each block; those of the next blocks are decoded meanwhile, `AHEAD` at most."""
        rows_ahead, rows_now = tee(blocks)
        preparation = self._sized()
        files = ([self.files[row] for row in rows] for rows in rows_ahead)
        for rows, images in zip(rows_now, ahead(files, lambda file: _read(file, preparation)), strict=True):
            yield np.stack(images) if images else _none(preparation), self.labels[rows]

    def fitted(self, shapes: Mapping[str, Shape]) -> ImageSplit:
        """The images at the size and with the channels that the model takes.

        Raises:
            DataError: if the model does not take one image.
        """
        return replace(self, preparation=self.preparation.completed(shapes, _size_of(self.files[0]), self.origin))

    def _sized(self) -> Preparation:
        """The preparation with a size and channels, so that images of several sizes make a batch."""
        given = self.preparation
        if given.size is not None and given.channels is not None:
            return given
        height, width, channels = _size_of(self.files[0])
        return replace(given, size=given.size or (height, width), channels=given.channels or channels)


def image_dataset(folder: Path, *, pixels: str = "0..255") -> Dataset:
    """The images of a folder: a sub-folder for each class, or `train`, `val` and `test` with these in them.

    Labels follow the sorted names of the sub-folders.

    Args:
        folder: the folder.
        pixels: the range that the model was trained on: `0..255`, `0..1` or `-1..1`.

    Raises:
        DataError: if it holds no images in sub-folders.
        MissingExtraError: if Pillow is not installed.
    """
    pillow()
    preparation = Preparation(pixels=pixels)
    folders = _folders_in(folder)
    named = {SPELLINGS[path.name.lower()]: path for path in folders if path.name.lower() in SPELLINGS}
    parts = named if named and len(named) == len(folders) else {WHOLE: folder}
    classes = sorted({path.name for part in parts.values() for path in _folders_in(part)})
    left_out: list[Path] = []
    splits: dict[str, Split] = {}
    for split, part in parts.items():
        files, labels = [], []
        for label, name in enumerate(classes):
            images = _images_in(part / name, left_out)
            files += images
            labels += [label] * len(images)
        if not files:
            raise DataError(
                "The folder holds no images in sub-folders.",
                file=part,
                expected="a sub-folder for each class, with images in it: " + ", ".join(sorted(SUFFIXES)),
                found=", ".join(sorted(path.name for path in part.iterdir())[:8]) or "an empty folder",
            )
        splits[split] = ImageSplit(
            split, os.fspath(part), tuple(classes), tuple(files), np.asarray(labels), preparation
        )
    notes = [f"{PIXELS_ARE} {pixels}; for another range use --pixels."]
    if left_out:
        notes.append(f"{len(left_out)} files that are no images were left out, such as {left_out[0]}.")
    return Dataset(splits, os.fspath(folder), tuple(notes))


def _folders_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _images_in(folder: Path, left_out: list[Path]) -> list[Path]:
    if not folder.is_dir():
        return []
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
    left_out += [path for path in files if path.suffix.lower() not in SUFFIXES]
    return [path for path in files if path.suffix.lower() in SUFFIXES]


def _open(file: Path) -> Any:
    image = pillow()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", image.DecompressionBombWarning)
            return image.open(file)
    except (OSError, ValueError, image.DecompressionBombError, image.DecompressionBombWarning) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> DataError:
    return DataError(
        "The image cannot be read.",
        file=file,
        found=str(error),
        remedy="Replace the file or take it out of the folder.",
    )


def _size_of(file: Path) -> tuple[int, int, int]:
    with _open(file) as image:
        return image.height, image.width, 3


def _none(preparation: Preparation) -> Array:
    """A batch of no images."""
    return np.zeros((0, *(preparation.size or (0, 0)), preparation.channels or 0), preparation.dtype)


def _read(file: Path, preparation: Preparation) -> Array:
    with _open(file) as image:
        try:
            return preparation.picture(image)
        except (OSError, ValueError, SyntaxError) as error:
            raise _unreadable(file, error) from error
