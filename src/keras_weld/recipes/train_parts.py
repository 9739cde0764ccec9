"""What a recipe of a training names, as live objects of Keras: model, optimizer, loss, metrics, callbacks."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from keras_weld.errors import UsageError, WeldError
from keras_weld.io.kinds import HDF5_SUFFIXES
from keras_weld.models.custom import resolve
from keras_weld.models.load import load
from keras_weld.recipes.train_recipe import Named, RecipeFile, nearest
from keras_weld.training.objective import loss_named

_OPTIMIZER = Named(name="adam")
_OF_COMPILE = ("accuracy", "acc", "crossentropy", "ce")
"""Metrics that `model.compile` chooses by the shape of the outputs."""
_NUMBER_OR_TEXT = ("profile_batch",)
"""Settings with a number by default that take a text too."""


def build(file: RecipeFile) -> keras.Model:
    """The model that a recipe names, compiled as the recipe says, or as the model itself does.

    Raises:
        UsageError: naming the field of what cannot be made.
        WeldError: if the model's file cannot be loaded.
    """
    custom: dict[str, Any] = {}
    for number, text in enumerate(file.recipe.custom):
        with file.field("custom", number):
            custom |= resolve([text])
    with file.field("model"):
        model = _model(file.recipe.model, custom)
    _compile(model, file)
    return model


def callbacks_of(file: RecipeFile) -> list[Any]:
    """The callbacks that a recipe names.

    Raises:
        UsageError: naming the field of what cannot be made.
    """
    found = []
    for number, named in enumerate(file.recipe.callbacks):
        with file.field("callbacks", number):
            found.append(_made(named, keras.callbacks, keras.callbacks.Callback, "callback"))
    return found


def _model(named: Named, custom: dict[str, Any]) -> keras.Model:
    if Path(named.name).exists() or named.name.endswith((".keras", ".json", *HDF5_SUFFIXES)) or ":" not in named.name:
        if named.settings:
            raise UsageError(
                "A model out of a file takes no settings.", expected="the file alone", found=", ".join(named.settings)
            )
        return load(named.name, custom_objects=custom or None)
    made = _called(_imported(named.name), named, "function")
    if not isinstance(made, keras.Model):
        raise UsageError(
            "The function gives no model.",
            expected="a keras.Model",
            found=f"{named.name}() gives {type(made).__name__}",
        )
    return made


def _compile(model: keras.Model, file: RecipeFile) -> None:
    recipe = file.recipe
    if recipe.optimizer is None and not recipe.loss and not recipe.metrics and model.compiled:
        return
    settings = _settings_of(model)
    if recipe.optimizer is not None or "optimizer" not in settings:
        with file.field("optimizer"):
            settings["optimizer"] = _optimizer(recipe.optimizer or _OPTIMIZER)
    if recipe.loss:
        found = {}
        for output, named in recipe.loss.items():
            with file.field("loss", *([output] if output else [])):
                found[output] = _loss(named)
        settings["loss"] = found.get("", found)
    if recipe.metrics:
        metrics = {}
        for output, several in recipe.metrics.items():
            with file.field("metrics", *([output] if output else [])):
                metrics[output] = [_metric(named) for named in several]
        settings["metrics"] = metrics.get("", metrics)
    if settings.get("loss") is None:
        raise UsageError(
            "There is no loss to train for: the recipe has none, and the model is not compiled.",
            file=file.file,
            expected="the field loss, or a compiled model",
            remedy="Write one, such as `loss: sparse_categorical_crossentropy`.",
        )
    model.compile(**settings)


def _settings_of(model: keras.Model) -> dict[str, Any]:
    """How a model was compiled, as `compile` takes it; nothing for one that was not."""
    if not model.compiled:
        return {}
    config = keras.saving.deserialize_keras_object(copy.deepcopy(model.get_compile_config()))
    return {name: value for name, value in config.items() if name in inspect.signature(model.compile).parameters}


def _optimizer(named: Named) -> Any:
    settings = dict(named.settings)
    rate = settings.get("learning_rate")
    if isinstance(rate, Mapping):
        schedules = keras.optimizers.schedules
        inner = Named(name=str(rate.get("name")), settings={key: one for key, one in rate.items() if key != "name"})
        settings["learning_rate"] = _made(inner, schedules, schedules.LearningRateSchedule, "schedule")
    return _made(Named(name=named.name, settings=settings), keras.optimizers, keras.optimizers.Optimizer, "optimizer")


def _loss(named: Named) -> Any:
    if not named.settings and (":" not in named.name or named.name.endswith(":logits")):
        return loss_named(named.name)
    if ":" in named.name and not named.settings:
        return _imported(named.name)
    return _made(named, keras.losses, keras.losses.Loss, "loss")


def _metric(named: Named) -> Any:
    if not named.settings:
        if named.name in _OF_COMPILE:
            return named.name
        if ":" in named.name:
            return _imported(named.name)
        try:
            return keras.metrics.get(named.name)
        except ValueError:
            pass  # the refusal below lists those that there are
    return _made(named, keras.metrics, keras.metrics.Metric, "metric")


def _made(named: Named, module: Any, kind: type, what: str) -> Any:
    """An object of a class of Keras, by its name in any spelling (`adam`, `EarlyStopping`), or of one's own."""
    if ":" in named.name:
        return _called(_imported(named.name), named, what)
    known = {_folded(name): value for name, value in vars(module).items() if _is_kind(value, kind)}
    if _folded(named.name) not in known:
        names = sorted(value.__name__ for value in known.values())
        raise UsageError(
            f"Keras has no such {what}.",
            expected=f"one of {', '.join(names)}; or MODULE:CLASS of your own",
            found=named.name,
            remedy=nearest(named.name, names),
        )
    return _called(known[_folded(named.name)], named, what)


def _called(function: Any, named: Named, what: str) -> Any:
    """What a class or function gives for the settings; settings that it does not have are refused."""
    known = inspect.signature(function).parameters
    open_ended = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values())
    own = ":" in named.name
    for name in named.settings:
        if name not in known and not (open_ended and own):
            names = [key for key, one in known.items() if one.kind is not inspect.Parameter.VAR_KEYWORD]
            raise UsageError(
                f"The {what} {named.name} has no such setting.",
                expected=", ".join(names) or "no settings",
                found=name,
                remedy=nearest(name, names),
            )
        _refuse_text_for_number(named, name, getattr(known.get(name), "default", None))
    try:
        return function(**named.settings)
    except WeldError:
        raise
    except Exception as error:  # whatever code of the user's own raises
        raise UsageError(
            f"The {what} {named.name} cannot be made with these settings.",
            expected=f"{named.name}{inspect.signature(function)}",
            found=f"{type(error).__name__}: {error}".strip().splitlines()[0],
        ) from error


def _refuse_text_for_number(named: Named, name: str, default: Any) -> None:
    """Refuse what most classes of Keras take in silence, and fail by in the middle of a training."""
    value = named.settings[name]
    if isinstance(default, int | float) and isinstance(value, str) and name not in _NUMBER_OR_TEXT:
        raise UsageError(
            f"The setting {name} of {named.name} is no text.",
            expected=f"a value such as {default}",
            found=repr(value),
        )


def _imported(text: str) -> Any:
    return next(iter(resolve([text]).values()))


def _is_kind(value: Any, kind: type) -> bool:
    return isinstance(value, type) and issubclass(value, kind) and value is not kind


def _folded(name: str) -> str:
    return name.replace("_", "").lower()
