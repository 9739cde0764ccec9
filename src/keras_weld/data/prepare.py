"""What is done to images before a model sees them: the one place for sizes, channels and ranges of values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_weld.core.pixel_ranges import PIXEL_RANGES, between
from keras_weld.data.batch import Array
from keras_weld.data.fitting import show
from keras_weld.data.pillow import pillow
from keras_weld.data.split import Shape
from keras_weld.errors import DataError, UsageError

METHODS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
"""The ways to resize, as Pillow calls them."""
DTYPES = ("float32", "float16", "float64", "uint8")
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
"""Pillow's names for numbers of channels."""
_NAMES = {1: "grey", 3: "RGB", 4: "RGBA"}
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R 601-2, as Pillow turns RGB into grey


@dataclass(frozen=True, slots=True)
class Preparation:
    """What is done to images, in this order: channels, size, range of values, dtype.

    Images of whole numbers from 0 to 255 (dtype uint8) are changed as Pillow changes pictures; all others as
    floating-point numbers, so that nothing is rounded on the way.

    Args:
        size: height and width in pixels to resize to; None leaves the size alone.
        channels: 1 (grey), 3 (RGB) or 4 (RGBA) to turn into; None leaves them alone.
        pixels: the range to give out: `0..255`, `0..1` or `-1..1`.
        source: the range that comes in.
        method: how to resize, one of `METHODS`.
        dtype: what to give out, one of `DTYPES`.

    Raises:
        UsageError: if a value is none of these.

    Example:
        >>> Preparation(size=(32, 32), channels=3, pixels="-1..1").text
        'turned into RGB, resized to 32 x 32 (bilinear), values 0..255 mapped to -1..1, as float32'
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    pixels: str = "0..255"
    source: str = "0..255"
    method: str = "bilinear"
    dtype: str = "float32"

    def __post_init__(self) -> None:
        for given in (self.pixels, self.source):
            _one_of(given, PIXEL_RANGES, "range of pixels")
        _one_of(self.method, METHODS, "way to resize")
        _one_of(self.dtype, DTYPES, "dtype for images")
        if self.channels is not None:
            _one_of(self.channels, MODES, "number of channels")
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise UsageError("An image's size is its height and width.", expected="(height, width)", found=self.size)
        if self.dtype == "uint8" and self.pixels != "0..255":
            raise UsageError(
                f"Values of {self.pixels} do not fit into whole numbers.",
                expected="pixels='0..255' with dtype='uint8'",
                found=f"pixels={self.pixels!r}",
            )

    @property
    def text(self) -> str:
        """What it does, in words."""
        parts = [f"turned into {_NAMES[self.channels]}"] if self.channels is not None else []
        if self.size is not None:
            parts.append(f"resized to {self.size[0]} x {self.size[1]} ({self.method})")
        changed = self.pixels != self.source
        parts.append(f"values {self.source} mapped to {self.pixels}" if changed else f"values {self.pixels}")
        return ", ".join([*parts, f"as {self.dtype}"])

    def __call__(self, images: Array) -> Array:
        """A batch of images, prepared.

        Args:
            images: shape `(batch, height, width)` or `(batch, height, width, channels)`.

        Returns:
            Shape `(batch, height, width, channels)`; without channels where none came in and none were asked for.

        Raises:
            DataError: if they are no images.
        """
        if images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in MODES):
            raise DataError(
                "These examples are no images, so they cannot be prepared as such.",
                expected="shape (height, width) or (height, width, channels) with 1, 3 or 4 channels",
                found=f"shape {show(images.shape[1:])}",
            )
        deep = images if images.ndim == 4 else images[..., None]
        if not self._changes(deep):
            done = self._finished(deep)
        elif images.dtype == np.uint8:
            image = pillow("Resizing images")
            done = np.stack([self.picture(image.fromarray(one[..., 0] if one.shape[2] == 1 else one)) for one in deep])
        else:
            done = self._finished(np.stack([self._resized(self._turned(one.astype(np.float32))) for one in deep]))
        return done[..., 0] if images.ndim == 3 and self.channels is None else done

    def picture(self, image: Any) -> Array:
        """One Pillow image, prepared.

        Returns:
            Shape `(height, width, channels)`; RGB where no channels were asked for and it is not grey or RGBA.
        """
        mode = MODES[self.channels] if self.channels else image.mode if image.mode in MODES.values() else "RGB"
        image = image.convert(mode)
        if self.size is not None and image.size != (self.size[1], self.size[0]):
            image = image.resize((self.size[1], self.size[0]), self._resampling())
        values: Array = np.asarray(image)
        return self._finished(values if values.ndim == 3 else values[..., None])

    def completed(self, shapes: Mapping[str, Shape], own: tuple[int, int, int], origin: str) -> Preparation:
        """The same, with the size and the channels that a model takes.

        Args:
            shapes: the model's inputs by name with the shape of one example.
            own: height, width and channels where the model takes any.
            origin: where the images came from, for messages.

        Raises:
            DataError: if the model does not take one image, or one of another size than was asked for.
        """
        shape = next(iter(shapes.values()))
        if len(shapes) == 1 and len(shape) == 2:
            shape = (*shape, 1)
        if len(shapes) != 1 or len(shape) != 3 or shape[2] not in (*MODES, None):
            raise DataError(
                "The model does not take one image, so images do not fit it.",
                file=origin,
                expected="one input of shape (height, width, channels) with 1, 3 or 4 channels",
                found=", ".join(f"{name} {shape}" for name, shape in shapes.items()),
                remedy="Give the data as an .npz file, or as module:function.",
            )
        asked = (*(self.size or (None, None)), self.channels)
        for want, mine in zip(shape, asked, strict=True):
            if None not in (want, mine) and want != mine:
                raise DataError(
                    "The images are prepared in another way than the model takes them.",
                    file=origin,
                    expected=f"shape {shape}",
                    found=self.text,
                    remedy="Leave size and channels out of the preparation: they are then taken from the model.",
                )
        height, width, channels = (want or mine or have for want, mine, have in zip(shape, asked, own, strict=True))
        return replace(self, size=(height, width), channels=channels)

    def _changes(self, deep: Array) -> bool:
        size = self.size is not None and self.size != deep.shape[1:3]
        return size or (self.channels is not None and self.channels != deep.shape[3])

    def _turned(self, one: Array) -> Array:
        """Other channels for one image of floating-point numbers."""
        have, want = one.shape[2], self.channels or one.shape[2]
        if have == want:
            return one
        colour = one[..., :3]
        if want == 1:
            grey: Array = colour @ _LUMA
            return grey[..., None]
        if have == 1:
            colour = np.repeat(colour, 3, axis=2)
        if want == 3:
            return colour
        opaque = np.full((*one.shape[:2], 1), _highest(self.source), dtype=one.dtype)
        return np.concatenate([colour, opaque], axis=2)

    def _resized(self, one: Array) -> Array:
        if self.size is None or self.size == one.shape[:2]:
            return one
        image, height, width = pillow("Resizing images"), *self.size
        planes = [image.fromarray(np.ascontiguousarray(one[..., index])) for index in range(one.shape[2])]
        return np.stack([np.asarray(plane.resize((width, height), self._resampling())) for plane in planes], axis=2)

    def _resampling(self) -> Any:
        return getattr(pillow().Resampling, self.method.upper())

    def _finished(self, values: Array) -> Array:
        """The range and the dtype that were asked for."""
        if self.pixels != self.source:
            factor, offset = between(self.source, self.pixels)
            values = values.astype(np.float32) * np.float32(factor) + np.float32(offset)
        if self.dtype == "uint8" and values.dtype != np.uint8:
            values = np.clip(np.rint(values), 0, 255)
        return values.astype(self.dtype)


def _highest(pixels: str) -> float:
    """The value of white, or of what hides all behind it."""
    factor, offset = PIXEL_RANGES[pixels]
    return 255 * factor + offset


def _one_of(given: object, known: Any, what: str) -> None:
    if given not in known:
        raise UsageError(f"There is no such {what}.", expected="one of " + ", ".join(map(str, known)), found=given)
