"""Splits out of a folder of images with a sub-folder for each class, read batch by batch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.data.split import SPLITS, WHOLE, Array, Batch, Dataset, Shape, Split, draw
from keras_weld.errors import DataError, MissingExtraError, UsageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})
PIXELS: dict[str, tuple[float, float]] = {
    "0..255": (1.0, 0.0),
    "0..1": (1 / 255, 0.0),
    "-1..1": (2 / 255, -1.0),
}
"""The ranges that pixels can be given out in: factor and offset."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class ImageSplit(Split):
    """Images on disk, decoded and resized when a batch is asked for.

    Attributes:
        files: the images, class by class, sorted by name.
        labels: the class of each, an index into `classes`.
        size: height, width and channels to give out; None before the model is known.
        pixels: the range of the values, a key of `PIXELS`.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None
    files: tuple[Path, ...]
    labels: Array
    size: tuple[int, int, int] | None = None
    pixels: str = "0..255"

    @property
    def count(self) -> int:
        """Number of images."""
        return len(self.files)

    @property
    def targets(self) -> tuple[Array, ...]:
        """The labels of all images."""
        return (self.labels,)

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The images in order, as `(x, y)` with x of shape `(batch, height, width, channels)`."""
        size = self.size or _size_of(self.files[0])
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            for start in range(0, self.count, batch_size):
                files = self.files[start : start + batch_size]
                images = list(pool.map(lambda file: _read(file, size, self.pixels), files))
                yield np.stack(images), self.labels[start : start + batch_size]

    def sampled(self, count: int, seed: int) -> ImageSplit:
        """At most `count` of the images, drawn without replacement."""
        rows = draw(self.count, count, seed)
        return replace(self, files=tuple(self.files[row] for row in rows), labels=self.labels[rows])

    def fitted(self, shapes: Mapping[str, Shape]) -> ImageSplit:
        """The images at the size and with the channels that the model takes.

        Raises:
            DataError: if the model does not take one image.
        """
        shape = next(iter(shapes.values()))
        if len(shapes) == 1 and len(shape) == 2:
            shape = (*shape, 1)
        if len(shapes) != 1 or len(shape) != 3 or shape[2] not in (*_MODES, None):
            raise DataError(
                "The model does not take one image, so a folder of images does not fit it.",
                file=self.origin,
                expected="one input of shape (height, width, channels) with 1, 3 or 4 channels",
                found=", ".join(f"{name} {shape}" for name, shape in shapes.items()),
                remedy="Give the data as an .npz file, or as module:function.",
            )
        own = self.size or _size_of(self.files[0])
        height, width, channels = (have if want is None else want for want, have in zip(shape, own, strict=True))
        return replace(self, size=(height, width, channels))


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
    _pillow()
    if pixels not in PIXELS:
        raise UsageError("There is no such range of pixels.", expected="one of " + ", ".join(PIXELS), found=pixels)
    folders = _folders_in(folder)
    spellings = {spelling: split for split, names in SPLITS.items() for spelling in names}
    named = {spellings[path.name.lower()]: path for path in folders if path.name.lower() in spellings}
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
            split, os.fspath(part), tuple(classes), tuple(files), np.asarray(labels), pixels=pixels
        )
    notes = [f"Pixels are given to the models as {pixels}; for another range use --pixels."]
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


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtraError(
            "Reading images needs Pillow, which is not installed.",
            remedy="pip install 'keras-weld[images]'",
        ) from error
    return Image


def _open(file: Path) -> Any:
    image = _pillow()
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


def _read(file: Path, size: tuple[int, int, int], pixels: str) -> Array:
    height, width, channels = size
    factor, offset = PIXELS[pixels]
    with _open(file) as image:
        try:
            image = image.convert(_MODES[channels])
        except (OSError, ValueError, SyntaxError) as error:
            raise _unreadable(file, error) from error
        if image.size != (width, height):
            image = image.resize((width, height), _pillow().Resampling.BILINEAR)
        values: Array = np.asarray(image, dtype=np.float32)
    return (values * np.float32(factor) + np.float32(offset)).reshape(size)
