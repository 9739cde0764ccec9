"""Alignment as a start: the channels of the other models in the order in which they are most like the first one's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from keras_weld.core.closeness import largest_difference
from keras_weld.core.permutation_groups import LayerCall, Permutable
from keras_weld.core.permutations import groups_of
from keras_weld.data.batch import Array
from keras_weld.errors import IncompatibleModelsError
from keras_weld.models.made_up import answers, made_up_inputs
from keras_weld.weights.matching import Orders, matched, permuted
from keras_weld.zipping.trace import Slot, Trace

_UNLIKE = (
    "The channels of a model cannot be put into another order: it predicts otherwise then.",
    "Some layer of it treats its channels otherwise than its kind does. Start without alignment: --init lsq.",
)


def align(reference: Trace, other: Trace, common: int) -> Orders:
    """Permute a model's weights in place so that they are most like those of another one.

    Args:
        reference: the model that stays as it is.
        other: the model that is permuted; it predicts the same as before.
        common: the number of steps that both have in common.

    Returns:
        The new order of the channels, by group.

    Raises:
        IncompatibleModelsError: if the permuted model does not predict the same: a layer treats channels otherwise
            than its kind does. The model has its old weights then.
    """
    found = groups_of(calls_of(other), other.outputs)
    mine = {his.name: step.operation for step, his in zip(reference.steps[:common], other.steps, strict=False)}
    orders = matched(_weights(mine, found), _weights({step.name: step.operation for step in other.steps}, found), found)
    permute(other, found, orders)
    return orders


def calls_of(one: Trace) -> list[LayerCall]:
    """The calls of a model as its groups of channels are found from them."""
    return [
        LayerCall(step.name, step.layer, step.inbound, step.shapes, Slot(number))
        for number, step in enumerate(one.steps)
    ]


def permute(one: Trace, found: Permutable, orders: Orders) -> None:
    """Put the channels of a model into other orders.

    Raises:
        IncompatibleModelsError: if it does not predict the same then; it has its old weights.
    """
    model, inputs = one.model, made_up_inputs(one.model)
    variables = _variables({step.name: step.operation for step in one.steps}, found)
    before, kept = answers(model, inputs), {key: keras.ops.convert_to_numpy(value) for key, value in variables.items()}
    for key, value in kept.items():
        axes = [axis for axis in found.bound if (axis.layer, axis.weight) == key]
        variables[key].assign(permuted(value, axes, found, orders))
    try:
        largest_difference(before, answers(model, inputs), str(model.compute_dtype), IncompatibleModelsError, *_UNLIKE)
    except IncompatibleModelsError:
        for key, value in kept.items():
            variables[key].assign(value)
        raise


def _weights(layers: Mapping[str, Any], found: Permutable) -> dict[tuple[str, str], Array]:
    return {key: keras.ops.convert_to_numpy(value) for key, value in _variables(layers, found).items()}


def _variables(layers: Mapping[str, Any], found: Permutable) -> dict[tuple[str, str], Any]:
    """The variables that have axes of channels, by layer and weight."""
    return {
        (axis.layer, axis.weight): variable
        for axis in found.bound
        if axis.layer in layers
        for variable in layers[axis.layer].weights
        if variable.path.endswith(f"/{axis.weight}")
    }
