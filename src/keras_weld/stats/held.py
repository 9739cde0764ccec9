"""Tensors of a network on some examples, held at one place in it so that what comes after begins there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_weld.data.batch import Array
from keras_weld.models.replay import Tensor

MOST_BYTES = 1 << 28
_BATCH = 32


class Held:
    """A network on some examples, in inference mode.

    It begins at the inputs. Where the tensors at a later place take little memory, they are held there, and the
    layers before need not be called again.

    Args:
        inputs: the network's symbolic inputs.
        arrays: their values, the same examples in each.
        most_bytes: how much may be held besides the inputs.
    """

    def __init__(self, inputs: Sequence[Tensor], arrays: Sequence[Array], most_bytes: int | None = None) -> None:
        self.tensors, self.arrays = list(inputs), list(arrays)
        self.most_bytes = MOST_BYTES if most_bytes is None else most_bytes

    def batches(self, wanted: Sequence[Tensor]) -> Iterator[list[Array]]:
        """The values of symbolic tensors after the place that is held, batch by batch."""
        known = {id(tensor): array for tensor, array in zip(self.tensors, self.arrays, strict=True)}
        missing = list({id(tensor): tensor for tensor in wanted if id(tensor) not in known}.values())
        model = keras.Model(self.tensors, missing) if missing else None
        for start in range(0, len(self.arrays[0]), _BATCH):
            here = slice(start, start + _BATCH)
            found = {key: array[here] for key, array in known.items()}
            if model is not None:
                given: Any = model([array[here] for array in self.arrays], training=False)
                values = [keras.ops.convert_to_numpy(one) for one in keras.tree.flatten(given)]
                found.update({id(tensor): array for tensor, array in zip(missing, values, strict=True)})
            yield [found[id(tensor)] for tensor in wanted]

    def hold(self, tensors: Sequence[Tensor]) -> None:
        """Go on to a later place, if what is there can be held; the tensors have to be all that the rest needs."""
        unique = list({id(tensor): tensor for tensor in tensors}.values())
        if {id(tensor) for tensor in unique} == {id(tensor) for tensor in self.tensors}:
            return
        pieces: list[list[Array]] = []
        for batch in self.batches(unique):
            each = sum(array.nbytes for array in batch) / len(batch[0])
            if each * len(self.arrays[0]) > self.most_bytes:
                return
            pieces.append(batch)
        self.tensors, self.arrays = unique, [np.concatenate(parts) for parts in zip(*pieces, strict=True)]

    def on_to(self, inputs: Sequence[Tensor], tensors: Sequence[Tensor]) -> Held:
        """Another network that takes what this one gives.

        Args:
            inputs: its symbolic inputs.
            tensors: the symbolic tensors whose values they are given.
        """
        pieces = list(self.batches(tensors))
        return Held(inputs, [np.concatenate(parts) for parts in zip(*pieces, strict=True)], self.most_bytes)
