"""All variables of a compiled model: its own, the optimizer's, the metrics', what it holds besides; read and set."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np

from keras_weld.core.state import Array
from keras_weld.errors import ShapeMismatchError, TrainingError, WeldError
from keras_weld.models.keras_private import layers_in
from keras_weld.training.held import variables_held

MODEL, OPTIMIZER, METRICS, HELD = "model", "optimizer", "metrics", "held"
_OWNERS = {
    MODEL: "The model has",
    OPTIMIZER: "The optimizer has",
    METRICS: "The metrics have",
    HELD: "Losses, further optimizers and other objects of the model have",
}


def variables_of(model: keras.Model) -> Iterator[tuple[str, Any]]:
    """The variables of a compiled model, each under a number of its own.

    Seeds of dropout are among the model's, moving averages and accumulated gradients among the optimizer's. Names
    are no part of it: Keras counts on for layers without names of their own, so that a second `build()` in one
    process gives others. What the model holds besides is told by the attributes that it is in.
    """
    groups = {
        MODEL: [*model.variables, *_recurrent_states(model)],
        OPTIMIZER: model.optimizer.variables,
        METRICS: model.metrics_variables,
    }
    seen: set[int] = set()
    for group, variables in groups.items():
        for number, variable in enumerate(variables):
            if id(variable) not in seen:
                seen.add(id(variable))
                yield f"{group}/{number:05}", variable
    for path, variable in variables_held(model):
        if id(variable) not in seen:
            seen.add(id(variable))
            yield f"{HELD}/{path}", variable


def _recurrent_states(model: keras.Model) -> Iterator[Any]:
    """What stateful recurrent layers remember from batch to batch: variables that Keras counts among none."""
    for layer in layers_in(model):
        if getattr(layer, "stateful", False):
            states = keras.tree.flatten(getattr(layer, "states", None))
            yield from (one for one in states if isinstance(one, keras.Variable))


def read_variables(model: keras.Model) -> dict[str, Array]:
    """The values of all variables, copied to the host's memory: later steps of the training do not reach them."""
    return {name: _copied(_value(variable)) for name, variable in variables_of(model)}


def _value(variable: Any) -> Any:
    """What is in a variable of Keras; a variable of TensorFlow's own is taken as it is."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def _path(variable: Any) -> str:
    return str(variable.path if isinstance(variable, keras.Variable) else variable.name)


def _copied(value: Any) -> Array:
    """TensorFlow and JAX hand out a copy; what is a view of a backend's own memory is copied here."""
    found = keras.ops.convert_to_numpy(value)
    return found if found.base is None and found.flags.owndata else np.array(found)


def paths_of(model: keras.Model) -> dict[str, str]:
    """The paths of all variables by the names that `variables_of` gives them, for people to read."""
    return {name: _path(variable) for name, variable in variables_of(model)}


def set_variables(model: keras.Model, values: Mapping[str, Array], groups: tuple[str, ...], file: str) -> None:
    """Set the variables of some groups; nothing is left out without a word.

    Args:
        model: compiled and built, its optimizer too.
        values: arrays by the names that `variables_of` gives.
        groups: which of them.
        file: where the values come from, for messages.

    Raises:
        WeldError: if they do not fit, as `check_variables` tells; none is set then.
    """
    for name, variable in check_variables(model, values, groups, file).items():
        variable.assign(values[name])


def check_variables(
    model: keras.Model, values: Mapping[str, Array], groups: tuple[str, ...], file: str
) -> dict[str, Any]:
    """Hold the variables of some groups against values, and set nothing.

    Returns:
        The variables by the names of their values.

    Raises:
        TrainingError: if there is another set of variables than values.
        ShapeMismatchError: if one has another shape.
    """
    here = {name: variable for name, variable in variables_of(model) if _group(name) in groups}
    kept = {name: value for name, value in values.items() if _group(name) in groups}
    if list(here) != list(kept):
        raise _others(here, kept, file)
    for name, variable in here.items():
        value = kept[name]
        if tuple(variable.shape) != value.shape:
            raise ShapeMismatchError(
                "A variable of the model has another shape than the one that was kept.",
                file=file,
                layer=_path(variable),
                expected=f"shape {tuple(variable.shape)}, as the model has it now",
                found=f"shape {value.shape}",
                remedy=_remedy(name),
            )
    return here


def misfit(model: keras.Model, values: Mapping[str, Array], group: str, file: str) -> WeldError | None:
    """Why values cannot be those of a group of a model's variables, as `check_variables` tells; None if they can."""
    try:
        check_variables(model, values, (group,), file)
    except (TrainingError, ShapeMismatchError) as error:
        return error
    return None


def unshare(model: keras.Model) -> None:
    """Give each variable memory of its own.

    On JAX, Keras ends a training with moving averages of weights by letting two variables have one array. The next
    `fit` would hand it to the compiled step twice to write in, which JAX refuses after it has destroyed the others.
    """
    seen: set[int] = set()
    for _, variable in variables_of(model):
        value = _value(variable)
        if id(value) in seen:
            variable.assign(_copied(value))
        seen.add(id(_value(variable)))


def _others(here: Mapping[str, Any], kept: Mapping[str, Any], file: str) -> TrainingError:
    first = next(name for name in [*here, *kept] if name not in here or name not in kept)
    return TrainingError(
        f"{_OWNERS[_group(first)]} another number of variables than the run was begun with.",
        file=file,
        layer=_path(here[first]) if first in here else None,
        expected=f"{len(here)}, as the model has now",
        found=f"{len(kept)} that were kept",
        remedy=_remedy(first),
    )


def _group(name: str) -> str:
    return name.partition("/")[0]


def _remedy(name: str) -> str:
    """What to do about a variable that does not fit."""
    if _group(name) == OPTIMIZER:
        return "Compile with the optimizer and the kind of learning rate that the run was begun with."
    if _group(name) == HELD:
        return (
            "Give the model what it was begun with, with all variables there when it is compiled, or begin another run."
        )
    return "Build and compile the model that the run was begun with, or begin another run."
