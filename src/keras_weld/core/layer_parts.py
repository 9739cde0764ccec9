"""Which parts Keras's own layers consist of: parts that are layers and have groups of their own in a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras_weld.core.dtype_policy import policy_of
from keras_weld.core.snake_case import group_name, snake_case

Part = tuple[str, str, dict[str, Any]]

_CELLS = {
    "LSTM": ("LSTMCell", "lstm_cell"),
    "GRU": ("GRUCell", "gru_cell"),
    "SimpleRNN": ("SimpleRNNCell", "simple_rnn_cell"),
    "ConvLSTM1D": ("ConvLSTMCell", "conv_lstm_cell"),
    "ConvLSTM2D": ("ConvLSTMCell", "conv_lstm_cell"),
    "ConvLSTM3D": ("ConvLSTMCell", "conv_lstm_cell"),
}
_WRAPPERS = frozenset({"SpectralNormalization", "TimeDistributed", "Wrapper"})
_ATTENTION = frozenset({"GroupQueryAttention", "MultiHeadAttention"})


def sub_layers_of(class_name: str, config: dict[str, Any]) -> list[Part] | None:
    """The parts of a composite layer, in the order of `layer.get_weights()`.

    Args:
        class_name: the layer's class, `Bidirectional`.
        config: the layer's config.

    Returns:
        For each part: the group it is stored in, below that of the layer (`forward_layer`); its class; its
        config, with its `name`. None for a class that has no such parts, or whose config does not tell them.
    """
    if class_name in _CELLS:
        parts = _cell(class_name, config)
    elif class_name in _ATTENTION:
        parts = _attention(class_name, config)
    elif class_name == "Bidirectional":
        parts = _bidirectional(config)
    elif class_name == "RNN":
        parts = _written("cell", config.get("cell"))
    elif class_name == "StackedRNNCells":
        parts = _listed("cells", config.get("cells"))
    elif class_name == "Pipeline":
        parts = _listed("layers", config.get("layers"))
    elif class_name in _WRAPPERS:
        parts = _written("layer", config.get("layer"))
    else:
        return None
    if config.get("trainable") is False:
        parts = [(group, part, {**inner, "trainable": False}) for group, part, inner in parts]
    return parts or None


def is_serialized(value: Any) -> bool:
    """Whether a config entry is an object that Keras wrote with its class and config."""
    return (
        isinstance(value, Mapping)
        and isinstance(value.get("class_name"), str)
        and isinstance(value.get("config"), Mapping)
    )


def _written(group: str, value: Any) -> list[Part]:
    if not is_serialized(value):
        return []
    config = dict(value["config"])
    config.setdefault("name", value.get("name") or snake_case(value["class_name"]))
    return [(group, value["class_name"], config)]


def _listed(group: str, values: Any) -> list[Part]:
    parts: list[Part] = []
    used: dict[str, int] = {}
    for value in values if isinstance(values, list) else ():
        if is_serialized(value):
            name = group_name(value["class_name"])
            used[name] = used.get(name, -1) + 1
            numbered = f"{name}_{used[name]}" if used[name] else name
            parts += _written(f"{group}/{numbered}", value)
    return parts


def _cell(class_name: str, config: dict[str, Any]) -> list[Part]:
    cell, name = _CELLS[class_name]
    return [("cell", cell, {**config, "name": name})]


def _bidirectional(config: dict[str, Any]) -> list[Part]:
    forward = _written("forward_layer", config.get("layer"))
    if not forward:
        return []
    backward = _written("backward_layer", config.get("backward_layer"))
    if not backward:  # made from the forward layer, as Keras does
        _, class_name, inner = forward[0]
        turned = {**inner, "go_backwards": not inner.get("go_backwards", False)}
        backward = [_renamed(("backward_layer", class_name, turned), "backward_")]
    return [_renamed(forward[0], "forward_"), *backward]


def _renamed(part: Part, prefix: str) -> Part:
    group, class_name, config = part
    name = str(config["name"]).removeprefix("forward_").removeprefix("backward_")
    return group, class_name, {**config, "name": prefix + name}


def _attention(class_name: str, config: dict[str, Any]) -> list[Part]:
    names = ["query", "key", *(("gate",) if config.get("use_gate") else ()), "value", "attention_output"]
    biased = config.get("use_bias", True) is not False
    parts: list[Part] = []
    for name in names:
        inner = {
            "name": name,
            "trainable": config.get("trainable", True),
            "dtype": policy_of(config.get("dtype"), name),
            # Which axes is not told by the config; that there are some is what matters.
            "bias_axes": "" if biased else None,
        }
        # Groups are named after attributes; a private one is used where there is no public one beside it.
        private = "_" if name == "gate" or class_name == "GroupQueryAttention" else ""
        part = "output" if name == "attention_output" else name
        parts.append((f"{private}{part}_dense", "EinsumDense", inner))
    return parts
