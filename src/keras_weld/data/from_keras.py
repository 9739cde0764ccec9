"""`keras.utils.PyDataset`, and the `Sequence` of Keras 2."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

from keras_weld.data.source import Source
from keras_weld.data.split import Split
from keras_weld.data.streams import StreamSplit


class Numbered(Sequence[Any]):
    """The batches of a `PyDataset` by number, whatever it calls its length.

    Args:
        batches: what has them.
        length: how many there are.
    """

    def __init__(self, batches: Any, length: int) -> None:
        self._batches, self._length = batches, length

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: Any) -> Any:
        return self._batches[number]


def knows(value: Any) -> bool:
    """Whether it offers what a `PyDataset` does."""
    return all(hasattr(value, name) for name in ("__getitem__", "on_epoch_end"))


def split(value: Any, name: str, origin: str) -> Split:
    """The data set as a stream of its batches, in their order.

    It has whole batches by number, not examples, so its own order is kept: to shuffle, do it in `on_epoch_end`,
    which is called between epochs.
    """
    endless = not hasattr(value, "__len__") and value.num_batches is None

    length = None if endless else len(value) if hasattr(value, "__len__") else value.num_batches

    def placed(place: int | None) -> Iterator[tuple[Any, int]]:
        numbers = count(place or 0) if length is None else range(place or 0, length)
        return ((value[index], index + 1) for index in numbers)

    def start() -> Iterator[Any]:
        return (element for element, _ in placed(None))

    source = Source(
        start,
        origin,
        batched=True,
        endless=endless,
        finished=value.on_epoch_end,
        placed=placed,
        numbered=None if length is None else Numbered(value, length),
    )
    return StreamSplit(name, origin, None, source)
