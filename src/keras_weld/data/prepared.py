"""A split whose images are prepared on their way to the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from keras_weld.data.batch import Array, Batch
from keras_weld.data.chosen import ChosenSplit
from keras_weld.data.images import ImageSplit
from keras_weld.data.prepare import Preparation
from keras_weld.data.split import Shape, Split
from keras_weld.errors import DataError, add_context


@dataclass(frozen=True)
class PreparedSplit(Split):
    """A split with one input, which is images, seen through a preparation.

    Attributes:
        whole: the split as it is.
        preparation: what is done to each batch.
    """

    name: str
    origin: str
    classes: tuple[str, ...] | None
    whole: Split
    preparation: Preparation

    @property
    def count(self) -> int | None:
        """As without preparation."""
        return self.whole.count

    @property
    def labelled(self) -> bool:
        """As without preparation."""
        return self.whole.labelled

    @property
    def targets(self) -> tuple[Array, ...]:
        """As without preparation."""
        return self.whole.targets

    @property
    def target_names(self) -> tuple[str, ...]:
        """The names that the targets were given under."""
        return self.whole.target_names

    @property
    def positioned(self) -> bool:
        """As without preparation."""
        return self.whole.positioned

    @property
    def placed(self) -> bool:
        """As without preparation."""
        return self.whole.placed

    @property
    def endless(self) -> bool:
        """As without preparation."""
        return self.whole.endless

    def batches(self, batch_size: int) -> Iterator[Batch]:
        """The examples in order, prepared."""
        return map(self._prepared, self.whole.batches(batch_size))

    def gather(self, blocks: Iterable[Array]) -> Iterator[Batch]:
        """The rows of each block, prepared."""
        return map(self._prepared, self.whole.gather(blocks))

    def epoch(self, batch_size: int, *, seed: int, epoch: int, shuffle: bool = True, start: int = 0) -> Iterator[Batch]:
        """The epoch of the split as it is, prepared; batches before `start` are not."""
        inner = self.whole.epoch(batch_size, seed=seed, epoch=epoch, shuffle=shuffle, start=start)
        return map(self._prepared, inner)

    def placed_epoch(self, batch_size: int, *, epoch: int, place: Any = None) -> Iterator[tuple[Batch, Any]]:
        """The epoch of the split as it is, prepared."""
        for batch, after in self.whole.placed_epoch(batch_size, epoch=epoch, place=place):
            yield self._prepared(batch), after

    def fitted(self, shapes: Mapping[str, Shape]) -> Split:
        """The examples at the size and with the channels that the model takes.

        Raises:
            DataError: if the model does not take one image, or one of another size than was asked for.
        """
        x, _ = next(iter(self.whole.batches(1)))
        own = self._image(x).shape[1:]
        height, width, channels = own if len(own) == 3 else (*own, 1) if len(own) == 2 else (1, 1, 1)
        return replace(self, preparation=self.preparation.completed(shapes, (height, width, channels), self.origin))

    def _prepared(self, batch: Batch) -> Batch:
        x, y = batch
        with add_context(file=self.origin):
            return self.preparation(self._image(x)), y

    def _image(self, x: Array | list[Array]) -> Array:
        if isinstance(x, np.ndarray):
            return x
        raise DataError(
            "Only data with one input can be prepared as images.",
            file=self.origin,
            expected="one input",
            found=f"{len(x)} inputs",
            remedy="Prepare them where the data is made, and leave the preparation out.",
        )


def prepared(split: Split, preparation: Preparation) -> Split:
    """The split seen through a preparation; images on disk are prepared as they are decoded."""
    if isinstance(split, ImageSplit):
        return replace(split, preparation=preparation)
    if isinstance(split, ChosenSplit):
        return replace(split, whole=prepared(split.whole, preparation))
    return PreparedSplit(split.name, split.origin, split.classes, split, preparation)
