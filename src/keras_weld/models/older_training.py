"""How Keras 1 and 2 wrote down optimizers, their state and metrics, in the words of Keras 3."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np

from keras_weld.core.state import Array

Config = dict[str, Any]

_DROPPED = ("is_legacy_optimizer", "jit_compile", "decay", "lr")
_SLOTS = {
    "momentum": ("m", "momentum"),
    "velocity": ("v", "velocity", "rms"),
    "velocity_hat": ("vhat",),
    "average_gradient": ("average_gradient", "mg"),
    "accumulator": ("accumulator",),
    "accumulated_grad": ("accumulated_grad", "accum_grad"),
    "accumulated_delta_var": ("accumulated_delta_var", "accum_var"),
    "norm": ("u", "v"),
    "linear": ("linear",),
    "average": ("average",),
}
_SCHEDULE = {"module": "keras.optimizers.schedules", "registered_name": None}
_SAME_ORDER = ("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Ftrl", "Lion", "Nadam")
_NADAM_DECAY = 0.96
_LEGACY_NADAM = "momentum_cache"
_COUNTERS = ("iteration", "iterations", "iter")


def optimizer_config(config: Config) -> Config:
    """An optimizer's configuration of any version, as Keras 3 takes it.

    A `decay` of Keras 2, by which the learning rate was divided at each step, becomes the schedule that does so.

    Example:
        >>> optimizer_config({"class_name": "Custom>SGD", "config": {"lr": 0.1, "is_legacy_optimizer": False}})
        {'class_name': 'SGD', 'config': {'learning_rate': 0.1}}
    """
    given = config.get("config")
    if not isinstance(given, dict):
        return config
    options = {key: value for key, value in given.items() if key not in _DROPPED}
    rate = given.get("learning_rate", given.get("lr"))
    if rate is not None:
        options["learning_rate"] = rate
    if given.get("decay") and isinstance(rate, int | float):
        schedule = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": given["decay"]}
        options["learning_rate"] = {"class_name": "InverseTimeDecay", "config": schedule}
    if isinstance(options.get("learning_rate"), dict):
        options["learning_rate"] = _schedule(options["learning_rate"])
    name = str(config.get("class_name"))
    known = name.removeprefix("Custom>")
    return {"class_name": known if hasattr(keras.optimizers, known) else name, "config": options}


def optimizer_named(name: str) -> Config:
    """The configuration of an optimizer that was asked for by its name, with the settings that it has by default.

    Example:
        >>> optimizer_named("sgd")
        {'class_name': 'SGD', 'config': {'is_legacy_optimizer': False}}
    """
    known = {one.lower(): one for one in dir(keras.optimizers)}
    return {"class_name": known.get(name.lower(), name), "config": {"is_legacy_optimizer": False}}


def loss(config: Any) -> Any:
    """A loss's configuration, without what Keras 3 does not take; "auto" was its own default.

    Example:
        >>> loss({"class_name": "Huber", "config": {"reduction": "auto", "fn": "huber", "delta": 0.5}})
        {'class_name': 'Huber', 'config': {'delta': 0.5}}
    """
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return config
    options = {key: value for key, value in config["config"].items() if key != "fn"}
    if options.get("reduction") == "auto":
        del options["reduction"]
    return {**config, "config": options}


def _schedule(config: Config) -> Config:
    """A schedule's configuration with its module, and without the name that Keras 2 left empty."""
    given = config.get("config")
    if isinstance(given, dict) and given.get("name", "") is None:
        given = {key: value for key, value in given.items() if key != "name"}
    return {**_SCHEDULE, **config, "config": given}


def metric(config: Any, output: str = "") -> Any:
    """A metric's configuration; one that Keras 2 made of a function by the name it was asked for.

    Args:
        config: a name or a configuration.
        output: the output that it measures, with which the names of its metrics begin where there are several.

    Example:
        >>> metric({"class_name": "MeanMetricWrapper", "config": {"name": "accuracy", "fn": "categorical_accuracy"}})
        'accuracy'
    """
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return config
    name, function = config["config"].get("name"), config["config"].get("fn")
    if output and isinstance(name, str):
        name = name.removeprefix(f"{output}_")
        config = {**config, "config": {**config["config"], "name": name}}
    if config.get("class_name") != "MeanMetricWrapper":
        return config
    if not isinstance(function, str):
        return config
    if name in ("accuracy", "acc", "crossentropy", "ce"):
        return name
    try:
        keras.metrics.get(name)
    except ValueError:
        return function
    return name


def optimizer_values(optimizer: Any, variables: Sequence[Any], stored: Mapping[str, Array]) -> list[Array] | None:
    """The values for an optimizer's variables out of a file of Keras 2, where it is sure which is which.

    Keras 2 names them `Adam/m/dense/kernel:0`, and before 2.11 `Adam/dense/kernel/m:0`. Of each kind there must
    be one for each variable that is trained, in their order, of the same shape and of a layer of the same name.

    Args:
        optimizer: an optimizer that was built for the variables.
        variables: what it trains.
        stored: the arrays of the file by their names there, in the file's order.

    Returns:
        One array for each of `optimizer.variables`, in their order; None if anything is not sure.
    """
    places = {
        f"{one.path.replace('/', '_')}_{slot}": (number, slot)
        for number, one in enumerate(variables)
        for slot in _SLOTS
    }
    if any(_bare(key).endswith(_LEGACY_NADAM) for key in stored):
        return None  # its momentum grows by another rule
    found: list[Array] = []
    steps = next((array for key, array in stored.items() if _bare(key).split("/")[-1] in _COUNTERS), None)
    for wanted in _listed(optimizer):
        name = wanted.path.rpartition("/")[2]
        value: Array | None = None
        if name == "iteration":
            value = steps
        elif name == "learning_rate":
            value = np.asarray(wanted.numpy())
        elif name in places:
            number, slot = places[name]
            value = _nth(stored, slot, number, variables)
        if value is None or value.shape != tuple(wanted.shape):
            return None
        found.append(value)
    return found if steps is None else [*found, *_unstored(optimizer, steps)]


def values_in_order(optimizer: Any, config: Config, stored: Sequence[Array]) -> list[Array] | None:
    """The values for an optimizer's variables out of a `.keras` file of Keras 2, which numbers them.

    For these optimizers Keras 3 has them in the same order, and the learning rate among them, in the second place.

    Args:
        optimizer: an optimizer that was built.
        config: its configuration in the file.
        stored: the arrays of the file, in order.

    Returns:
        One array for each of `optimizer.variables`; None if it is another kind of optimizer.
    """
    given = config.get("config")
    known = str(config.get("class_name")).removeprefix("Custom>") in _SAME_ORDER
    if not stored or not known or not isinstance(given, dict) or given.get("is_legacy_optimizer") is not False:
        return None
    if isinstance(optimizer, keras.optimizers.SGD) and not optimizer.momentum:
        stored = stored[:1]  # Keras 2 keeps zeros for a momentum that is not used
    return [stored[0], np.asarray(optimizer.variables[1].numpy()), *stored[1:], *_unstored(optimizer, stored[0])]


def _listed(optimizer: Any) -> list[Any]:
    """An optimizer's variables but for the last of Nadam's, which Keras 2 has none of in its files."""
    return list(optimizer.variables[:-1] if isinstance(optimizer, keras.optimizers.Nadam) else optimizer.variables)


def _unstored(optimizer: Any, steps: Array) -> list[Array]:
    """What Keras 2 does not store of an optimizer: Nadam's product of momenta, which follows from the steps taken."""
    if not isinstance(optimizer, keras.optimizers.Nadam):
        return []
    momenta = optimizer.beta_1 * (1.0 - 0.5 * _NADAM_DECAY ** np.arange(1, int(steps) + 1))
    return [np.asarray(np.prod(momenta), np.float32)]


def goes_on_exactly(optimizer: Any) -> bool:
    """Whether an optimizer whose state was restored steps as in Keras 2: not Nadam while its product still counts."""
    if not isinstance(optimizer, keras.optimizers.Nadam) or not int(optimizer.iterations):
        return True
    return float(optimizer.variables[-1]) < float(np.finfo(np.float32).eps)


def never_trained(stored: Mapping[str, Array]) -> bool:
    """Whether a file holds nothing of an optimizer, or no more than the rate and the counter of one without a step."""
    ends = {_bare(name).split("/")[-1]: value for name, value in stored.items()}
    return all(name == "learning_rate" or (name in _COUNTERS and not value.any()) for name, value in ends.items())


def _nth(stored: Mapping[str, Array], slot: str, number: int, variables: Sequence[Any]) -> Array | None:
    """The array of a kind that belongs to one of the variables; None if the file's do not fit all of them."""
    of_kind = [(owner, array) for key, array in stored.items() if (owner := _owner(key, _SLOTS[slot])) is not None]
    if len(of_kind) != len(variables):
        return None
    fits = all(_same(owner, one.path) for (owner, _), one in zip(of_kind, variables, strict=True))
    return of_kind[number][1] if fits else None


def _owner(name: str, words: Sequence[str]) -> str | None:
    """The variable in `Adam/m/VARIABLE` or `Adam/VARIABLE/m`; None if it is of another kind."""
    parts = _bare(name).split("/")[1:]
    if len(parts) < 3:
        return None
    if parts[0] in words:
        return "/".join(parts[1:])
    return "/".join(parts[:-1]) if parts[-1] in words else None


def _same(older: str, path: str) -> bool:
    *layers, variable = older.split("/")
    *places, name = path.split("/")
    return variable.endswith(name) and not set(layers).isdisjoint(places)


def _bare(name: str) -> str:
    return re.sub(r":\d+$", "", name)
