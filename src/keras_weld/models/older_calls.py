"""How Keras 2 wrote down what a layer is called on, in the form of Keras 3."""

from __future__ import annotations

from typing import Any

Config = dict[str, Any]


def is_reference(value: Any) -> bool:
    """Whether it is `[layer, call, output]`, with or without further arguments of the call."""
    return (
        isinstance(value, list)
        and len(value) in (3, 4)
        and isinstance(value[0], str)
        and all(isinstance(part, int) for part in value[1:3])
    )


def tensor(reference: list[Any]) -> Config:
    """A tensor named by its place; Keras looks the real one up and never uses the shape given here."""
    place = {"shape": [None], "dtype": "float32", "keras_history": reference[:3]}
    return {"class_name": "__keras_tensor__", "config": place}


def call(node: Any) -> Any:
    """A call in the form of Keras 3, if a tensor is among its keyword arguments; else as it is.

    Keras 3 reads the older form too, but takes such a tensor for a plain list.
    """
    if not isinstance(node, list) or not any(
        is_reference(value) for one in node if len(one) > 3 for value in one[3].values()
    ):
        return node
    tensors = [tensor(one) for one in node]
    arguments = node[0][3] if len(node[0]) > 3 else {}
    named = {key: tensor(value) if is_reference(value) else value for key, value in arguments.items()}
    return {"args": tensors if len(tensors) == 1 else [tensors], "kwargs": named}
