"""What each kind of layer does with channels: makes new ones, takes them through, ties them, puts them together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from keras_weld.core.permutation_groups import Channels, Groups, LayerCall

Rule = Callable[[Groups, LayerCall, Sequence[Channels]], Channels | None]
"""From the channels that go in to those that come out; None if it is not known that channels are treated alike."""


def _through(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    """Each channel by itself, all in the same way."""
    return taken[0] if len(taken) == 1 and _channels_last(call) else None


def _tied(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    """Several tensors, channel by channel; one with a single channel goes with all of another's."""
    wide = [channels for channels in taken if groups.size(channels) > 1]
    for channels in wide[1:]:
        groups.tie(wide[0], channels)
    return wide[0] if wide else taken[0]


def _kernel(size: str, weight: str = "kernel") -> Rule:
    """All channels in, new ones out."""

    def rule(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
        config = call.layer.config
        if len(taken) != 1 or not _channels_last(call) or config.get("groups", 1) != 1:
            return None
        groups.bind(call, weight, -2, taken[0])
        given = groups.bind(call, weight, -1, groups.new(int(config[size])))
        return _with_bias(groups, call, given)

    return rule


def _separable(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    if call.layer.config.get("depth_multiplier", 1) != 1 or not _channels_last(call):
        return None
    groups.bind(call, "depthwise_kernel", -2, taken[0])
    return _kernel("filters", "pointwise_kernel")(groups, call, taken)


def _depthwise(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    if call.layer.config.get("depth_multiplier", 1) != 1 or not _channels_last(call):
        return None
    return _with_bias(groups, call, groups.bind(call, "kernel", -2, taken[0]))


def _with_bias(groups: Groups, call: LayerCall, given: Channels) -> Channels:
    if call.layer.config.get("use_bias", True):
        groups.bind(call, "bias", -1, given)
    return given


def _normalization(*statistics: str) -> Rule:
    """A number for each channel, or one of each kind."""

    def rule(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
        config = call.layer.config
        if not _is_last(config.get("axis", -1), call):
            return None
        asked = [name for name, wanted in (("gamma", "scale"), ("beta", "center")) if config.get(wanted, True)]
        for name in (*asked, *statistics):
            groups.bind(call, name, -1, taken[0])
        return taken[0]

    return rule


def _slopes(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    """A `PReLU`: a slope for each channel, unless the channels share one."""
    if not any(_is_last(axis, call) for axis in call.layer.config.get("shared_axes") or ()):
        groups.bind(call, "alpha", -1, taken[0])
    return taken[0]


def _embedding(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    return groups.bind(call, "embeddings", -1, groups.new(int(call.layer.config["output_dim"])))


def _rescaling(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    numbers = (call.layer.config.get(name, 0) for name in ("scale", "offset"))
    return taken[0] if all(isinstance(one, int | float) for one in numbers) else None


def _concatenated(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    if _is_last(call.layer.config.get("axis", -1), call):
        return tuple(one for channels in taken for one in channels)
    return _tied(groups, call, taken)


def _flattened(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    sizes = [size for size in call.shapes[0][1:-1] if size is not None]
    known = len(call.shapes[0]) > 1 and len(sizes) == len(call.shapes[0]) - 2
    return taken[0] * math.prod(sizes) if known and _channels_last(call) else None


def _reshaped(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    """Channels stay channels where the last axis stays as long, and become those of all places in a single axis."""
    target = call.layer.config.get("target_shape")
    if not isinstance(target, list | tuple) or not target or not call.shapes[0]:
        return None
    if target[-1] == call.shapes[0][-1]:
        return taken[0]
    return _flattened(groups, call, taken) if len(target) == 1 else None


def _einsum(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    """A dense layer written as an equation: the last axis in, the last axis out."""
    config = call.layer.config
    terms, _, given = str(config["equation"]).replace(" ", "").partition("->")
    source, _, kernel = terms.partition(",")
    if sorted(kernel) != sorted(source[-1] + given[-1]) or source[:-1] != given[:-1]:
        return None
    shape, bias = config["output_shape"], config.get("bias_axes")
    if bias not in (None, given[-1]):
        return None
    groups.bind(call, "kernel", kernel.index(source[-1]) - 2, taken[0])
    size = shape if isinstance(shape, int) else shape[-1]
    made = groups.bind(call, "kernel", kernel.index(given[-1]) - 2, groups.new(int(size)))
    return made if bias is None else groups.bind(call, "bias", -1, made)


def _attention(groups: Groups, call: LayerCall, taken: Sequence[Channels]) -> Channels | None:
    """Multi-head attention of a query over values: its inputs and outputs have channels, its heads keep theirs."""
    config = call.layer.config
    if len(taken) != 2 or config.get("output_shape"):
        return None
    for name, channels in (("query", taken[0]), ("key", taken[1]), ("value", taken[1])):
        groups.bind(call, f"{name}/kernel", -3, channels)
    made = groups.bind(call, "attention_output/kernel", -1, groups.new(groups.size(taken[0])))
    return groups.bind(call, "attention_output/bias", -1, made) if config.get("use_bias", True) else made


def _channels_last(call: LayerCall) -> bool:
    return call.layer.config.get("data_format") in (None, "channels_last")


def _is_last(axis: Any, call: LayerCall) -> bool:
    axis = axis[0] if isinstance(axis, list | tuple) and len(axis) == 1 else axis
    return axis in (-1, len(call.shapes[0]) - 1)


_PER_CHANNEL = (
    *("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Identity", "ActivityRegularization"),
    *("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "GaussianNoise", "GaussianDropout"),
    *(f"{name}Pooling{rank}D" for name in ("Max", "Average", "GlobalMax", "GlobalAverage") for rank in (1, 2, 3)),
    *(f"{name}{rank}D" for name in ("ZeroPadding", "Cropping", "UpSampling") for rank in (1, 2, 3)),
    *("Relu", "Relu6", "Sigmoid", "HardSigmoid", "Silu", "HardSilu", "Gelu", "Tanh", "Elu", "Selu", "Softplus"),
)
_OF_SEVERAL = ("Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract")

RULES: dict[str, Rule] = {
    **dict.fromkeys(_PER_CHANNEL, _through),
    **dict.fromkeys(_OF_SEVERAL, _tied),
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _kernel("filters")),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise),
    "Dense": _kernel("units"),
    "EinsumDense": _einsum,
    "MultiHeadAttention": _attention,
    "Embedding": _embedding,
    "BatchNormalization": _normalization("moving_mean", "moving_variance"),
    "LayerNormalization": _normalization(),
    "PReLU": _slopes,
    "Rescaling": _rescaling,
    "Concatenate": _concatenated,
    "Flatten": _flattened,
    "Reshape": _reshaped,
}
"""By the class of a layer or an operation; what is not here keeps all channels where they are."""
