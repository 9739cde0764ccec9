"""Starting values of shared layers, out of those of the source models alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_weld.errors import UsageError
from keras_weld.zipping.rebuild import settle, with_state_of
from keras_weld.zipping.walk import Zipped

MEAN, RANDOM, FROM = "mean", "random", "from:"
LSQ, ALIGN = "lsq", "align"
"""Not out of the models' values as they are: `fitting` needs examples, `alignment` permutes the models before."""


def set_start(zipped: Zipped, start: str, tasks: Sequence[str]) -> None:
    """Set the values of the layers that the tasks share.

    Args:
        zipped: the merged network.
        start: "mean" for the mean of the models (eq. 1 of the paper), "from:TASK" for the values of one of them,
            "random" for new ones, as the layers were initialised when they were built, by Keras's random seed.
        tasks: names of the tasks.

    Raises:
        UsageError: for any other start.
    """
    require_start(start, tasks)
    if start == RANDOM:
        weights = []
    elif start == MEAN:
        weights = [1 / len(tasks)] * len(tasks)
    else:
        weights = [float(task == start.removeprefix(FROM)) for task in tasks]
    for one in zipped.shared:
        if weights:
            _set_weighted(one.layer, one.sources, weights)
        else:
            _set_fresh(one.layer)


def require_start(start: str, tasks: Sequence[str]) -> None:
    """Refuse a start that there is not.

    Raises:
        UsageError: naming those that there are.
    """
    known = [MEAN, RANDOM, LSQ, ALIGN, *(f"{FROM}{task}" for task in tasks)]
    if start not in known:
        raise UsageError("There is no such start for shared layers.", expected=", ".join(known), found=start)


def _set_weighted(layer: keras.Layer, sources: Sequence[keras.Layer], weights: Sequence[float]) -> None:
    """Σ wᵢ θᵢ in float64, rounded once; what is no floating-point number is the first source's."""
    for number, variable in enumerate(layer.weights):
        values = [keras.ops.convert_to_numpy(source.weights[number].value) for source in sources]
        if keras.backend.is_float_dtype(variable.dtype):
            variable.assign(_weighted(values, weights).astype(values[0].dtype))
        else:
            variable.assign(values[0])
    settle(layer)


def _weighted(values: Sequence[Any], weights: Sequence[float]) -> Any:
    if all(weight == weights[0] for weight in weights):
        return np.mean([value.astype("float64") for value in values], axis=0)
    return sum(weight * value.astype("float64") for weight, value in zip(weights, values, strict=True) if weight)


def _set_fresh(layer: keras.Layer) -> None:
    """Values as they are in a new layer of the kind."""
    config = layer.get_config()
    new = type(layer).from_config(config)
    new.build_from_config(layer.get_build_config() or {})
    with_state_of(layer, new)
