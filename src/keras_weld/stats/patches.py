"""The patches that a convolution looks at, one row for each place that it gives (im2col)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from keras_weld.data.batch import Array


def patches(x: Array, size: Sequence[int], strides: Sequence[int], dilation: Sequence[int], padding: str) -> Array:
    """Cut arrays with channels last into the patches of a convolution.

    Args:
        x: (examples, *places, channels).
        size: of the kernel, along each axis of places.
        strides: from one patch to the next.
        dilation: from one number within a patch to the next.
        padding: "valid", "same", or "causal" for as many zeros at the beginning alone.

    Returns:
        (examples, *places of the output, numbers in the kernel, channels), a view or a copy.
    """
    axes = range(1, x.ndim - 1)
    spans = [(one - 1) * apart + 1 for one, apart in zip(size, dilation, strict=True)]
    if padding != "valid":
        ends = [
            _padding(x.shape[axis], span, stride, causal=padding == "causal")
            for axis, span, stride in zip(axes, spans, strides, strict=True)
        ]
        x = np.pad(x, [(0, 0), *ends, (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(axes))
    every = [slice(None), *(slice(None, None, stride) for stride in strides), slice(None)]
    within = [slice(None, None, apart) for apart in dilation]
    windows = windows[(*every, *within)]
    windows = np.moveaxis(windows, len(axes) + 1, -1)  # channels go last
    return windows.reshape(*windows.shape[: len(axes) + 1], -1, windows.shape[-1])


def _padding(length: int, span: int, stride: int, *, causal: bool) -> tuple[int, int]:
    """Zeros before and after: so many that there is an output for each stride begun, the odd one after."""
    if causal:
        return span - 1, 0
    total = max((-(-length // stride) - 1) * stride + span - length, 0)
    return total // 2, total - total // 2
