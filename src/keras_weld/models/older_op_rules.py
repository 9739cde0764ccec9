"""Which operation of Keras 3 means the same as a function of TensorFlow, and where its arguments go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Setting:
    """An argument of TensorFlow's that an operation of Keras is made with.

    Attributes:
        name: what Keras calls it.
        default: its value where it is not given, or is None.
    """

    name: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class Rule:
    """The operation for a function.

    Attributes:
        operation: its module in `keras.src.ops`, and its class.
        tensors: names of the arguments after the first that it is called on, in order.
        settings: the arguments that it is made with, by TensorFlow's names.
        fixed: what it is made with besides.
        neutral: arguments that make no difference if they have these values.
    """

    operation: str
    tensors: tuple[str, ...] = ()
    settings: Mapping[str, Setting] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    neutral: Mapping[str, Any] = field(default_factory=dict)


_OF_ONE = {
    "identity": "numpy.Copy",
    "math.abs": "numpy.Absolute",
    "math.acos": "numpy.Arccos",
    "math.asin": "numpy.Arcsin",
    "math.atan": "numpy.Arctan",
    "math.ceil": "numpy.Ceil",
    "math.cos": "numpy.Cos",
    "math.cosh": "numpy.Cosh",
    "math.erf": "math.Erf",
    "math.exp": "numpy.Exp",
    "math.expm1": "numpy.Expm1",
    "math.floor": "numpy.Floor",
    "math.is_finite": "numpy.Isfinite",
    "math.is_inf": "numpy.Isinf",
    "math.is_nan": "numpy.Isnan",
    "math.log": "numpy.Log",
    "math.log1p": "numpy.Log1p",
    "math.log_sigmoid": "nn.LogSigmoid",
    "math.logical_not": "numpy.LogicalNot",
    "math.negative": "numpy.Negative",
    "math.reciprocal": "numpy.Reciprocal",
    "math.round": "numpy.Round",
    "math.rsqrt": "math.Rsqrt",
    "math.sigmoid": "nn.Sigmoid",
    "math.sign": "numpy.Sign",
    "math.sin": "numpy.Sin",
    "math.sinh": "numpy.Sinh",
    "math.softplus": "nn.Softplus",
    "math.sqrt": "numpy.Sqrt",
    "math.square": "numpy.Square",
    "math.tan": "numpy.Tan",
    "math.tanh": "numpy.Tanh",
    "nn.elu": "nn.Elu",
    "nn.relu": "nn.Relu",
    "nn.relu6": "nn.Relu6",
    "nn.selu": "nn.Selu",
    "nn.sigmoid": "nn.Sigmoid",
    "nn.softsign": "nn.Softsign",
    "nn.tanh": "numpy.Tanh",
    "stop_gradient": "core.StopGradient",
}
_OF_TWO = {
    "__operators__.add": "numpy.Add",
    "compat.v1.floor_div": "numpy.FloorDivide",
    "math.add": "numpy.Add",
    "math.divide": "numpy.Divide",
    "math.divide_no_nan": "numpy.DivideNoNan",
    "math.equal": "numpy.Equal",
    "math.floordiv": "numpy.FloorDivide",
    "math.floormod": "numpy.Mod",
    "math.greater": "numpy.Greater",
    "math.greater_equal": "numpy.GreaterEqual",
    "math.less": "numpy.Less",
    "math.less_equal": "numpy.LessEqual",
    "math.logical_and": "numpy.LogicalAnd",
    "math.logical_or": "numpy.LogicalOr",
    "math.maximum": "numpy.Maximum",
    "math.minimum": "numpy.Minimum",
    "math.multiply": "numpy.Multiply",
    "math.not_equal": "numpy.NotEqual",
    "math.pow": "numpy.Power",
    "math.subtract": "numpy.Subtract",
    "math.truediv": "numpy.Divide",
}
_OVER_AXES = {
    "math.reduce_all": "numpy.All",
    "math.reduce_any": "numpy.Any",
    "math.reduce_logsumexp": "math.Logsumexp",
    "math.reduce_max": "numpy.Max",
    "math.reduce_mean": "numpy.Mean",
    "math.reduce_min": "numpy.Min",
    "math.reduce_prod": "numpy.Prod",
    "math.reduce_std": "numpy.Std",
    "math.reduce_sum": "numpy.Sum",
    "math.reduce_variance": "numpy.Var",
}
_AXES = {"axis": Setting("axis"), "keepdims": Setting("keepdims", False)}
_LAST_AXIS = {"axis": Setting("axis", -1)}
_FIRST_AXIS = {"axis": Setting("axis", 0)}
_PERMUTED = Rule("numpy.Transpose", settings={"perm": Setting("axes")}, neutral={"conjugate": False})
_SQUEEZED = Rule("numpy.Squeeze", settings={"axis": Setting("axis")})

RULES: Mapping[str, Rule] = {
    **{name: Rule(operation) for name, operation in _OF_ONE.items()},
    **{name: Rule(operation, tensors=("y",)) for name, operation in _OF_TWO.items()},
    **{name: Rule(operation, settings=_AXES) for name, operation in _OVER_AXES.items()},
    "broadcast_to": Rule("numpy.BroadcastTo", settings={"shape": Setting("shape")}),
    "cast": Rule("core.Cast", settings={"dtype": Setting("dtype")}),
    "clip_by_value": Rule(
        "numpy.Clip", settings={"clip_value_min": Setting("x_min"), "clip_value_max": Setting("x_max")}
    ),
    "compat.v1.gather": Rule(
        "numpy.Take", tensors=("indices",), settings=_FIRST_AXIS, neutral={"batch_dims": 0, "validate_indices": True}
    ),
    "compat.v1.squeeze": _SQUEEZED,
    "compat.v1.transpose": _PERMUTED,
    "concat": Rule("numpy.Concatenate", settings={"axis": Setting("axis")}),
    "expand_dims": Rule("numpy.ExpandDims", settings={"axis": Setting("axis")}),
    "image.resize": Rule(
        "image.Resize",
        settings={
            "size": Setting("size"),
            "method": Setting("interpolation", "bilinear"),
            "antialias": Setting("antialias", False),
        },
        fixed={"data_format": "channels_last"},
        neutral={"preserve_aspect_ratio": False},
    ),
    "math.argmax": Rule("numpy.Argmax", settings=_FIRST_AXIS, neutral={"output_type": "int64"}),
    "math.argmin": Rule("numpy.Argmin", settings=_FIRST_AXIS, neutral={"output_type": "int64"}),
    "math.cumsum": Rule("numpy.Cumsum", settings=_FIRST_AXIS, neutral={"exclusive": False, "reverse": False}),
    "math.top_k": Rule("math.TopK", settings={"k": Setting("k", 1), "sorted": Setting("sorted", True)}),
    "nn.gelu": Rule("nn.Gelu", settings={"approximate": Setting("approximate", False)}),
    "nn.leaky_relu": Rule("nn.LeakyRelu", settings={"alpha": Setting("negative_slope", 0.2)}),
    "nn.log_softmax": Rule("nn.LogSoftmax", settings=_LAST_AXIS),
    "nn.silu": Rule("nn.Silu", neutral={"beta": 1.0}),
    "nn.softmax": Rule("nn.Softmax", settings=_LAST_AXIS),
    "one_hot": Rule(
        "nn.OneHot",
        settings={"depth": Setting("num_classes"), **_LAST_AXIS, "dtype": Setting("dtype", "float32")},
        neutral={"on_value": 1, "off_value": 0},
    ),
    "ones_like": Rule("numpy.OnesLike", settings={"dtype": Setting("dtype")}),
    "repeat": Rule("numpy.Repeat", settings={"repeats": Setting("repeats"), "axis": Setting("axis")}),
    "reshape": Rule("numpy.Reshape", settings={"shape": Setting("newshape")}),
    "reverse": Rule("numpy.Flip", settings={"axis": Setting("axis")}),
    "squeeze": _SQUEEZED,
    "stack": Rule("numpy.Stack", settings=_FIRST_AXIS),
    "tensordot": Rule("numpy.Tensordot", tensors=("b",), settings={"axes": Setting("axes")}),
    "tile": Rule("numpy.Tile", settings={"multiples": Setting("repeats")}),
    "transpose": _PERMUTED,
    "unstack": Rule("core.Unstack", settings={"num": Setting("num"), **_FIRST_AXIS}),
    "where": Rule("numpy.Where", tensors=("x", "y")),
    "zeros_like": Rule("numpy.ZerosLike", settings={"dtype": Setting("dtype")}),
}
"""By the name of the function under `tf`, as files of Keras 2 have it."""
