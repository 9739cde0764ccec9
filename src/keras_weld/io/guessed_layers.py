"""What a file of weights alone tells of a layer: its class, by the name of its group, and how many tensors it has."""

from __future__ import annotations

import re
from typing import Any

from keras_weld.core.layer_variables import class_of_group, variables_of
from keras_weld.core.tensor import Role

# Parts of Keras's own layers, stored under the name of an attribute. All cells have the same three variables.
_PARTS = {
    "cell": "LSTMCell",
    **{f"{one}_dense": "EinsumDense" for one in ("query", "key", "value", "output", "gate")},
}


def guess_variables(group: str, count: int) -> list[tuple[str, Role]] | None:
    """Names and roles of the variables of a layer whose configuration is not known.

    Args:
        group: the layer's group, such as `layers/conv2d_3`.
        count: number of tensors in it.

    Returns:
        Pairs of name and role; None if the group is not named after one of Keras's own classes.
    """
    last = group.rpartition("/")[2]
    class_name = _PARTS.get(last.removeprefix("_")) or class_of_group(re.sub(r"_\d+$", "", last))
    return variables_of(class_name, _options(class_name, count)) if class_name else None


def _options(class_name: str, count: int) -> dict[str, Any]:
    if class_name.startswith("BatchNormalization") and count in (2, 3):
        return {"scale": False, "center": count == 3}  # with one of the two, it is nearly always beta
    return {"bias_axes": ""}  # of EinsumDense: the second tensor, if there is one, is its bias
