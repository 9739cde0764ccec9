"""`tf.data.Dataset`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from keras_weld.data.source import Source
from keras_weld.data.streams import StreamSplit

_INFINITE = -1  # tf.data.INFINITE_CARDINALITY


def knows(value: Any) -> bool:
    """Whether it offers what a `tf.data.Dataset` does."""
    return hasattr(value, "element_spec") and hasattr(value, "cardinality")


def split(value: Any, name: str, origin: str) -> StreamSplit:
    """The data set as a stream.

    It is batched unless a part of its elements is a single number. Its count is known if it is not batched, or
    all batches have one size (`drop_remainder=True`); otherwise the last batch may be smaller. Its shuffles draw an
    order for each pass that is begun: an epoch that is left out is a pass that is begun and left.
    """
    shapes = [tuple(shape) for shape in _shapes(value.element_spec) if shape.rank is not None]
    batched = None if not shapes else all(shapes)
    elements = int(value.cardinality())
    size = 1 if batched is False else shapes[0][0] if batched else None
    count = elements * size if elements >= 0 and size is not None else None
    endless = elements == _INFINITE
    source = Source(lambda: value, origin, batched, count, endless=endless, finished=lambda: iter(value), by_pass=True)
    return StreamSplit(name, origin, None, source)


def _shapes(spec: Any) -> Iterator[Any]:
    if isinstance(spec, Mapping):
        spec = tuple(spec.values())
    if isinstance(spec, list | tuple):
        for part in spec:
            yield from _shapes(part)
    elif hasattr(spec, "shape"):
        yield spec.shape
