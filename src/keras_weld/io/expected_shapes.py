"""The shapes of a layer's variables, as far as its configuration tells them.

Keras allocates a layer's variables before it looks at what is stored for them. So the shapes are worked out
here, from the configuration alone, to be held against the file first.
"""

from __future__ import annotations

from typing import Any

from keras_weld.io import shape_rules as rules
from keras_weld.io.shape_rules import Config, Rule, Shape, Shapes, input_shape_of


def expected_shapes(class_name: str, config: Config, build_config: Config | None = None) -> Shapes | None:
    """The shapes of the variables that a layer of Keras will make.

    Args:
        class_name: the layer's class, `Dense`.
        config: its configuration.
        build_config: what it was built for (`{"input_shape": [None, 8]}`), if the file says so.

    Returns:
        Shapes by variable, those of inner layers under the inner layer's name (`cell/kernel`). A size that
        the configuration does not tell is None. Variables whose rank is not known are left out. None for a
        class that is not known or whose configuration is of another form.

    Example:
        >>> expected_shapes("Dense", {"units": 10, "use_bias": True}, {"input_shape": [None, 784]})
        {'kernel': (784, 10), 'bias': (10,)}
    """
    rule = _RULES.get(class_name)
    if rule is None:
        return None
    try:
        return rule(config, input_shape_of(build_config))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        return None  # another version's form; what is not understood is not judged


def _attention(config: Config, built: Shape | None) -> Shapes:
    heads, size = rules.whole(config["num_heads"]), rules.whole(config["key_dim"])
    values = rules.whole(config.get("value_dim") or size)
    shapes: Shapes = {}
    for part, width in (("query", size), ("key", size), ("value", values)):
        bias = rules.biased({}, config, (heads, width))
        shapes |= {f"{part}/{name}": shape for name, shape in bias.items()}
        shapes[f"{part}/kernel"] = (None, heads, width)
    out = config.get("output_shape")
    if out is None or type(out) is int:
        shapes["attention_output/kernel"] = (heads, values, out)
    return shapes


def _grouped_attention(config: Config, built: Shape | None) -> Shapes:
    size = rules.whole(config["head_dim"])
    queries, others = rules.whole(config["num_query_heads"]), rules.whole(config["num_key_value_heads"])
    return {
        "query/kernel": (None, queries, size),
        "key/kernel": (None, others, size),
        "value/kernel": (None, others, size),
        "attention_output/kernel": (queries, size, None),
    }


def _inner(layer: Any, name: str) -> Shapes:
    found = expected_shapes(layer["class_name"], layer["config"], layer.get("build_config")) or {}
    return {f"{name}/{variable}": shape for variable, shape in found.items()}


def _wrapper(config: Config, built: Shape | None) -> Shapes:
    return _inner(config["layer"], "layer")


def _bidirectional(config: Config, built: Shape | None) -> Shapes:
    backward = config.get("backward_layer") or config["layer"]
    return {**_inner(config["layer"], "forward_layer"), **_inner(backward, "backward_layer")}


def _rnn(config: Config, built: Shape | None) -> Shapes:
    return _inner(config["cell"], "cell")


def _stacked(config: Config, built: Shape | None) -> Shapes:
    return {
        variable: shape
        for number, cell in enumerate(config["cells"])
        for variable, shape in _inner(cell, f"cells/{number}").items()
    }


_RULES: dict[str, Rule] = {
    "BatchNormalization": rules.batch_normalization,
    "BatchNormalizationV1": rules.batch_normalization,
    "BatchNormalizationV2": rules.batch_normalization,
    "Bidirectional": _bidirectional,
    "Dense": rules.dense,
    "EinsumDense": rules.einsum_dense,
    "Embedding": rules.embedding,
    "GroupNormalization": lambda config, built: rules.named(rules.axes(config, built), *rules.scaled(config)),
    "GroupQueryAttention": _grouped_attention,
    "GroupedQueryAttention": _grouped_attention,
    "LayerNormalization": rules.layer_normalization,
    "MultiHeadAttention": _attention,
    "Normalization": rules.normalization,
    "PReLU": rules.prelu,
    "RMSNormalization": lambda config, built: rules.named(rules.axes(config, built), "scale"),
    "RNN": _rnn,
    "ReversibleEmbedding": rules.embedding,
    "STFTSpectrogram": rules.spectrogram,
    "SpectralNormalization": _wrapper,
    "StackedRNNCells": _stacked,
    "SyncBatchNormalization": rules.batch_normalization,
    "TimeDistributed": _wrapper,
    "Wrapper": _wrapper,
    **{f"Conv{rank}D": rules.conv(rank) for rank in (1, 2, 3)},
    **{f"Conv{rank}DTranspose": rules.conv_transpose(rank) for rank in (1, 2, 3)},
    **{f"DepthwiseConv{rank}D": rules.depthwise(rank) for rank in (1, 2)},
    **{f"SeparableConv{rank}D": rules.separable(rank) for rank in (1, 2)},
    **{f"ConvLSTM{rank}D": rules.conv_lstm(rank) for rank in (1, 2, 3)},
    **{kind: rules.recurrent(kind, True) for kind in rules.GATES},
    **{f"{kind}Cell": rules.recurrent(kind, False) for kind in rules.GATES},
}
