"""Which tensors of a file are the same variable."""

from __future__ import annotations

import re
from collections.abc import Sequence

from keras_weld.core.tensor import TensorSpec

_AROUND = re.compile(r"((?:.*/)?spectral_normalization(?:_\d+)?)/vars/0")


def each_once(specs: Sequence[TensorSpec]) -> list[TensorSpec]:
    """The specs without those that only repeat another.

    Keras 3 stores the kernel of the layer that a SpectralNormalization wraps with both of the two.
    """
    shapes = {spec.path: spec.shape for spec in specs}
    return [spec for spec in specs if not _repeats(spec, shapes)]


def _repeats(spec: TensorSpec, shapes: dict[str, tuple[int, ...]]) -> bool:
    around = _AROUND.fullmatch(spec.path)
    return around is not None and shapes.get(f"{around[1]}/layer/vars/0") == spec.shape
