"""How the shapes of a layer's variables follow from its configuration: one rule a kind of layer.

A rule takes the configuration and the shape that the layer was built for (None if it is not known) and gives
the shapes by variable. It may raise KeyError, TypeError, ValueError or IndexError for a configuration of
another form.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

Shape = tuple[int | None, ...]
Shapes = dict[str, Shape]
Config = Mapping[str, Any]
Rule = Callable[[Config, Shape | None], Shapes]

_EINSUM = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")
GATES = {"GRU": 3, "LSTM": 4, "SimpleRNN": 1}


def input_shape_of(build_config: Config | None) -> Shape | None:
    """The shape that a layer was built for, batch first; None if it is not told or there are several."""
    shape = build_config.get("input_shape") if isinstance(build_config, Mapping) else None
    if shape is None and isinstance(build_config, Mapping):
        shapes = build_config.get("shapes_dict")
        if isinstance(shapes, Mapping):
            shape = next(iter(shapes.values()), None)
        shape = shape or build_config.get("sequences_shape") or build_config.get("query_shape")
    if not isinstance(shape, list | tuple) or not all(size is None or type(size) is int for size in shape):
        return None
    return tuple(shape)


def _last(shape: Shape | None, config: Config | None = None) -> int | None:
    if not shape:
        return None
    first = config is not None and config.get("data_format") == "channels_first"
    return shape[1] if first else shape[-1]


def whole(value: Any) -> int:
    """The value, if it is a whole number; TypeError otherwise."""
    if type(value) is not int:
        raise TypeError
    return value


def _sizes(value: Any, rank: int) -> tuple[int, ...]:
    sizes = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    if len(sizes) != rank:
        raise ValueError
    return tuple(whole(size) for size in sizes)


def biased(shapes: Shapes, config: Config, size: Shape) -> Shapes:
    """The shapes with a bias added, unless the layer has none."""
    return {**shapes, "bias": size} if config.get("use_bias", True) is not False else shapes


def dense(config: Config, built: Shape | None) -> Shapes:
    """Dense."""
    units = whole(config["units"])
    return biased({"kernel": (_last(built), units)}, config, (units,))


def embedding(config: Config, built: Shape | None) -> Shapes:
    """Embedding, and ReversibleEmbedding with its second matrix."""
    shape = (whole(config["input_dim"]), whole(config["output_dim"]))
    shapes: Shapes = {"embeddings": shape}
    return shapes if config.get("tie_weights", True) else {**shapes, "reverse_embeddings": shape[::-1]}


def conv(rank: int) -> Rule:
    """Convolutions over `rank` axes."""

    def rule(config: Config, built: Shape | None) -> Shapes:
        filters, groups = whole(config["filters"]), whole(config.get("groups") or 1)
        channels = _last(built, config)
        inner = None if channels is None else channels // groups
        kernel = (*_sizes(config["kernel_size"], rank), inner, filters)
        return biased({"kernel": kernel}, config, (filters,))

    return rule


def conv_transpose(rank: int) -> Rule:
    """Transposed convolutions over `rank` axes."""

    def rule(config: Config, built: Shape | None) -> Shapes:
        filters = whole(config["filters"])
        kernel = (*_sizes(config["kernel_size"], rank), filters, _last(built, config))
        return biased({"kernel": kernel}, config, (filters,))

    return rule


def depthwise(rank: int) -> Rule:
    """Depthwise convolutions over `rank` axes."""

    def rule(config: Config, built: Shape | None) -> Shapes:
        times, channels = whole(config.get("depth_multiplier", 1)), _last(built, config)
        kernel = (*_sizes(config["kernel_size"], rank), channels, times)
        return biased({"kernel": kernel}, config, (None if channels is None else channels * times,))

    return rule


def separable(rank: int) -> Rule:
    """Separable convolutions over `rank` axes."""

    def rule(config: Config, built: Shape | None) -> Shapes:
        times, channels = whole(config.get("depth_multiplier", 1)), _last(built, config)
        filters = whole(config["filters"])
        depthwise = (*_sizes(config["kernel_size"], rank), channels, times)
        pointwise = (*((1,) * rank), None if channels is None else channels * times, filters)
        return biased({"depthwise_kernel": depthwise, "pointwise_kernel": pointwise}, config, (filters,))

    return rule


def recurrent(kind: str, built_for_sequences: bool) -> Rule:
    """LSTM, GRU and SimpleRNN; a layer for sequences keeps its variables in a cell."""
    prefix = "cell/" if built_for_sequences else ""

    def rule(config: Config, built: Shape | None) -> Shapes:
        units, gates = whole(config["units"]), GATES[kind]
        bias: Shape = (units * gates,)
        if kind == "GRU" and config.get("reset_after", True):
            bias = (2, units * gates)
        kernels: Shapes = {
            "kernel": (_last(built), units * gates),
            "recurrent_kernel": (units, units * gates),
        }
        return {prefix + name: shape for name, shape in biased(kernels, config, bias).items()}

    return rule


def conv_lstm(rank: int) -> Rule:
    """Convolutional LSTM over `rank` axes."""

    def rule(config: Config, built: Shape | None) -> Shapes:
        filters, sizes = whole(config["filters"]), _sizes(config["kernel_size"], rank)
        channels = _last(built if not built or config.get("data_format") != "channels_first" else built[1:], config)
        kernels: Shapes = {
            "kernel": (*sizes, channels, filters * 4),
            "recurrent_kernel": (*sizes, filters, filters * 4),
        }
        return {f"cell/{name}": shape for name, shape in biased(kernels, config, (filters * 4,)).items()}

    return rule


def axes(config: Config, built: Shape | None) -> Shape | None:
    """The sizes along the layer's `axis`."""
    axis = config.get("axis", -1)
    axes = [whole(one) for one in (axis if isinstance(axis, list | tuple) else [axis])]
    if built is not None:
        return tuple(built[one] for one in axes)
    return (None,) * len(axes)


def named(shape: Shape | None, *names: str) -> Shapes:
    """One shape under several names; none where it is not known."""
    return {} if shape is None else dict.fromkeys(names, shape)


def scaled(config: Config) -> list[str]:
    """`gamma` and `beta`, where the layer has them."""
    scale = config.get("scale", True) is not False
    return [*(["gamma"] if scale else []), *(["beta"] if config.get("center", True) is not False else [])]


def batch_normalization(config: Config, built: Shape | None) -> Shapes:
    """BatchNormalization."""
    names = [*scaled(config), "moving_mean", "moving_variance"]
    return named(axes(config, built), *names)


def layer_normalization(config: Config, built: Shape | None) -> Shapes:
    """LayerNormalization."""
    if config.get("rms_scaling"):
        return named(axes(config, built), "gamma")
    return named(axes(config, built), *scaled(config))


def normalization(config: Config, built: Shape | None) -> Shapes:
    """Normalization by statistics of the data."""
    if config.get("mean") is not None or (config.get("axis") is not None and built is None):
        return {}
    shape: Shape | None = () if config.get("axis") is None else axes(config, built)
    return {**named(shape, "mean", "variance"), "count": ()}


def prelu(config: Config, built: Shape | None) -> Shapes:
    """PReLU: one slope a place, but for shared axes."""
    if built is None:
        return {}
    shared = config.get("shared_axes") or []
    return {"alpha": tuple(1 if axis in shared else size for axis, size in enumerate(built) if axis)}


def spectrogram(config: Config, built: Shape | None) -> Shapes:
    """STFTSpectrogram: the transform as two kernels."""
    length = whole(config["frame_length"])
    fft = whole(config.get("fft_length") or 2 ** math.ceil(math.log2(length)))
    mode, shape = config.get("mode", "log"), (length, 1, fft // 2 + 1)
    names = [*(["real_kernel"] if mode != "imag" else []), *(["imag_kernel"] if mode != "real" else [])]
    return named(shape, *names)


def einsum_dense(config: Config, built: Shape | None) -> Shapes:
    """EinsumDense, as far as the equation ties sizes to shapes that are told."""
    match = _EINSUM.fullmatch(config["equation"].replace(" ", ""))
    if match is None:
        return {}
    left, taken, weights, given = bool(match[1]), match[2], match[4], match[6]
    said = config["output_shape"]
    output: list[int | None] = [None, *(said if isinstance(said, list | tuple) else [said])]
    sizes: dict[str, int | None] = {}
    if built is not None:
        sizes.update(zip(taken[::-1], built[::-1], strict=False) if left else zip(taken, built, strict=False))
    # The output's shape is told without the batch, and without what the dots stand for.
    ends = zip(given[::-1], output[:0:-1], strict=False) if left else zip(given, output, strict=False)
    sizes.update({letter: size for letter, size in ends if size is not None})
    shapes: Shapes = {"kernel": tuple(sizes.get(letter) for letter in weights)}
    axes = config.get("bias_axes")
    if axes and not left:
        first = min(given.index(letter) for letter in axes)
        shapes["bias"] = tuple(sizes.get(one) if one in axes else 1 for one in given[first:])
    return shapes
