"""The shape of a tensor in a model's graph, worked out from the config alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from keras_weld.checks.terms import modern_class, modern_config
from keras_weld.core.graph import GraphLayer, ModelGraph
from keras_weld.core.graph_nodes import Edge, Shape
from keras_weld.core.layer_parts import is_serialized

Config = Mapping[str, Any]
_Rule = Callable[[Config, list[Shape]], Shape | None]

_SAME = """
Activation ActivityRegularization AlphaDropout BatchNormalization Dropout ELU GaussianDropout GaussianNoise
GroupNormalization Identity LayerNormalization LeakyReLU Masking Normalization PReLU RMSNormalization ReLU
Rescaling Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D UnitNormalization Add Average Maximum
Minimum Multiply Subtract Sigmoid Tanh Relu Silu Gelu LogSoftmax HardSigmoid
""".split()  # noqa: SIM905 - so many names read better as text
_RECURRENT = {"LSTM", "GRU", "SimpleRNN", "CuDNNLSTM", "CuDNNGRU"}


class Shapes:
    """Shapes of the tensors of one graph.

    Keras 3 writes the shape of every tensor that a layer takes. What only comes out, and everything in files
    of older versions, is worked out by the rules of the more common layers.

    Args:
        graph: the model's graph.
    """

    def __init__(self, graph: ModelGraph) -> None:
        self._layers = {layer.name: layer for layer in graph.layers}
        self._found: dict[Edge, Shape | None] = {}
        written = [edge for layer in graph.layers for call in layer.calls for edge in call.inbound]
        for edge in [*graph.inputs, *written, *graph.outputs]:
            if edge.shape is not None:
                self._found[edge] = edge.shape

    def of(self, edge: Edge) -> Shape | None:
        """The shape of a tensor, batch first, None for what is open; or None if it cannot be told."""
        waiting = [edge]
        while waiting:  # no recursion: a chain of layers may be longer than Python's stack
            here = waiting[-1]
            if here in self._found:
                waiting.pop()
                continue
            layer = self._layers[here.layer]
            inbound = layer.calls[here.call].inbound if here.call < len(layer.calls) else ()
            missing = [one for one in inbound if one not in self._found and one not in waiting]
            if missing:
                waiting.append(missing[0])
                continue
            shapes = [shape for one in inbound if (shape := self._found.get(one)) is not None]
            complete = len(shapes) == len(inbound)
            self._found[here] = _shape_after(layer, shapes if complete else [], here.tensor)
            waiting.pop()
        return self._found[edge]


def _shape_after(layer: GraphLayer, shapes: list[Shape], tensor: int) -> Shape | None:
    if layer.graph is not None:
        ends = layer.graph.outputs
        return Shapes(layer.graph).of(ends[tensor]) if tensor < len(ends) else None
    if tensor > 0:
        return None
    return _by_class(layer.class_name, layer.config, shapes)


def _by_class(class_name: str, config: Config, shapes: list[Shape]) -> Shape | None:
    class_name = modern_class(class_name, config)
    config = modern_config(class_name, config)
    if class_name in _SAME:
        return shapes[0] if shapes else None
    rule = _RULES.get(class_name) or _rule_for_family(class_name)
    try:
        return rule(config, shapes) if rule and shapes else None
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, ArithmeticError):
        return None  # an option this does not understand; the shape is then not told


def _rule_for_family(class_name: str) -> _Rule | None:
    if class_name in _RECURRENT:
        return _recurrent
    if class_name.startswith("Global") and "Pool" in class_name:
        return _global_pooling
    if class_name.startswith(("MaxPool", "AveragePool")):
        return _window
    if "Conv" in class_name and not class_name.endswith(("Transpose", "Cell")) and "LSTM" not in class_name:
        return _window
    return None


def _dense(config: Config, shapes: list[Shape]) -> Shape:
    return (*shapes[0][:-1], int(config["units"]))


def _embedding(config: Config, shapes: list[Shape]) -> Shape:
    return (*shapes[0], int(config["output_dim"]))


def _recurrent(config: Config, shapes: list[Shape]) -> Shape:
    units = int(config["units"])
    return (*shapes[0][:2], units) if config.get("return_sequences") else (shapes[0][0], units)


def _bidirectional(config: Config, shapes: list[Shape]) -> Shape | None:
    inner = config["layer"]
    shape = _by_class(inner["class_name"], inner["config"], shapes)
    if shape is None or config.get("merge_mode", "concat") != "concat" or shape[-1] is None:
        return shape
    return (*shape[:-1], 2 * shape[-1])


def _time_distributed(config: Config, shapes: list[Shape]) -> Shape | None:
    inner, (batch, time, *rest) = config["layer"], shapes[0]
    if not is_serialized(inner):
        return None
    shape = _by_class(inner["class_name"], inner["config"], [(batch, *rest)])
    return None if shape is None else (batch, time, *shape[1:])


def _attention(config: Config, shapes: list[Shape]) -> Shape | None:
    return shapes[0] if config.get("output_shape") is None else None


def _flatten(config: Config, shapes: list[Shape]) -> Shape:
    batch, *rest = shapes[0]
    known = [axis for axis in rest if axis is not None]
    return (batch, math.prod(known) if len(known) == len(rest) else None)


def _reshape(config: Config, shapes: list[Shape]) -> Shape:
    target = [int(axis) for axis in config["target_shape"]]
    whole = _flatten(config, shapes)[1]
    known = math.prod(axis for axis in target if axis != -1)
    rest = whole // known if whole is not None and known else None
    return (shapes[0][0], *(rest if axis == -1 else axis for axis in target))


def _concatenate(config: Config, shapes: list[Shape]) -> Shape:
    axis = int(config.get("axis", -1)) % len(shapes[0])
    sizes = [shape[axis] for shape in shapes]
    known = [size for size in sizes if size is not None]
    joined = sum(known) if len(known) == len(sizes) else None
    return (*shapes[0][:axis], joined, *shapes[0][axis + 1 :])


def _global_pooling(config: Config, shapes: list[Shape]) -> Shape:
    shape = shapes[0]
    first = config.get("data_format") == "channels_first"
    channels = shape[1] if first else shape[-1]
    if not config.get("keepdims"):
        return (shape[0], channels)
    ones = (1,) * (len(shape) - 2)
    return (shape[0], channels, *ones) if first else (shape[0], *ones, channels)


def _window(config: Config, shapes: list[Shape]) -> Shape:
    shape = shapes[0]
    count = len(shape) - 2
    first = config.get("data_format") == "channels_first"
    space = shape[2:] if first else shape[1:-1]
    pool = config.get("pool_size")
    sizes = _each(config.get("kernel_size", pool), count)
    strides = _each(config.get("strides") or pool or 1, count)
    dilation = _each(config.get("dilation_rate", 1), count)
    same = config.get("padding", "valid") in ("same", "causal")
    out = [_steps(*one, same=same) for one in zip(space, sizes, strides, dilation, strict=True)]
    channels = _channels(config, shape[1] if first else shape[-1])
    return (shape[0], channels, *out) if first else (shape[0], *out, channels)


def _each(value: Any, count: int) -> list[int]:
    return [int(value)] * count if isinstance(value, int) else [int(item) for item in value]


def _steps(size: int | None, kernel: int, stride: int, dilation: int, *, same: bool) -> int | None:
    if size is None:
        return None
    reach = 1 if same else dilation * (kernel - 1) + 1
    return (size - reach) // stride + 1


def _channels(config: Config, inbound: int | None) -> int | None:
    if config.get("filters") is not None:
        return int(config["filters"])
    multiplier = config.get("depth_multiplier")
    return inbound if multiplier is None or inbound is None else inbound * int(multiplier)


_RULES: dict[str, _Rule] = {
    "Bidirectional": _bidirectional,
    "Concatenate": _concatenate,
    "Dense": _dense,
    "Embedding": _embedding,
    "Flatten": _flatten,
    "GroupQueryAttention": _attention,
    "MultiHeadAttention": _attention,
    "Reshape": _reshape,
    "TimeDistributed": _time_distributed,
}
