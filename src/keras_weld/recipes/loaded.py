"""Load saved models for real, and tell what came back: the question is whether they load, and with what."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from keras_weld.errors import WeldError
from keras_weld.io.limits import Limits
from keras_weld.io.read import open_model
from keras_weld.models.load import load
from keras_weld.models.made_up import answers, made_up_inputs
from keras_weld.models.own_things import own_things
from keras_weld.recipes.run_model import model_of_run
from keras_weld.recipes.run_step import LAST
from keras_weld.recipes.which import is_run
from keras_weld.training.conductor import rate_of

Shape = tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class LoadedOptimizer:
    """An optimizer that came back.

    Attributes:
        name: its class; of one that scales the loss, the class that it wraps.
        step: the steps that it has taken.
        learning_rate: of the next step.
        variables: how many it has.
        scales_loss: whether it scales the loss for float16 (`keras.optimizers.LossScaleOptimizer`).
    """

    name: str
    step: int
    learning_rate: float
    variables: int
    scales_loss: bool = False


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of loading one model.

    Attributes:
        path: the file or folder.
        loads: whether a live model came of it.
        kind: the format, "run" for a run; None if it is not known.
        keras_version: the version that wrote it, as far as it tells.
        model: the class of the model.
        layers: how many layers it has.
        parameters: how many numbers its weights are.
        inputs: their shapes, as far as the model tells.
        outputs: likewise.
        answers: whether it answers made-up inputs; None if that was not tried, since the model does not tell what
            it takes.
        loss: what it is trained by; None if it is not compiled.
        metrics: what is measured besides.
        optimizer: the optimizer; None if it is not compiled.
        custom: classes and functions in it that are not Keras's.
        notes: what was left out, and what could not be carried over.
        error: why it does not load, as every refusal is told; None if it does.
    """

    path: str
    loads: bool
    kind: str | None = None
    keras_version: str | None = None
    model: str | None = None
    layers: int | None = None
    parameters: int | None = None
    inputs: tuple[Shape, ...] = ()
    outputs: tuple[Shape, ...] = ()
    answers: bool | None = None
    loss: str | None = None
    metrics: tuple[str, ...] = ()
    optimizer: LoadedOptimizer | None = None
    custom: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    error: WeldError | None = None


def try_loading(path: str | os.PathLike[str], *, which: str | None = None, **options: Any) -> Loaded:
    """Scan, build and fill one model, as `weld.load` does, and have it answer made-up inputs.

    Args:
        path: any file or folder that is read, or the folder of a run.
        which: of a run, which model, as `model_of_run` takes it.
        options: `custom_objects`, `unsafe`, `limits` and `architecture`, as `load` takes them.

    Returns:
        What came of it; a refusal is told in it.
    """
    kind: str | None = None
    version: str | None = None
    told: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", UserWarning)
            if is_run(path, which):
                kind = "run"
                model, told = model_of_run(Path(path), which or LAST, **options)
            else:
                kind, version = _kind_of(path, options.get("limits"))
                model = load(path, **options)
    except WeldError as error:
        return Loaded(os.fspath(path), False, kind, version, error=error)
    notes = [*told, *(str(one.message) for one in caught if issubclass(one.category, UserWarning))]
    answered, why = _answered(model)
    return Loaded(
        path=os.fspath(path),
        loads=True,
        kind=kind,
        keras_version=version,
        model=type(model).__name__,
        layers=len(model.layers),
        parameters=int(model.count_params()),
        inputs=tuple(tuple(one.shape) for one in getattr(model, "inputs", None) or ()),
        outputs=tuple(tuple(one.shape) for one in getattr(model, "outputs", None) or ()),
        answers=answered,
        **_training(model),
        custom=tuple(own_things(model)),
        notes=(*notes, *why),
    )


def _kind_of(path: str | os.PathLike[str], limits: Limits | None) -> tuple[str, str | None]:
    with open_model(path, limits or Limits()) as state:
        version = state.metadata.get("keras_version")
        return str(state.kind), None if version is None else str(version)


def _answered(model: keras.Model) -> tuple[bool | None, list[str]]:
    if not getattr(model, "inputs", None):
        return None, ["It was not tried on inputs: the model does not tell what it takes."]
    try:
        answers(model, made_up_inputs(model))
    except Exception as error:  # each backend has exceptions of its own
        said = f"{type(error).__name__}: {error}".strip().splitlines()[0]
        return False, [f"It does not answer made-up inputs, which may be none that it takes: {said}"[:300]]
    return True, []


def _training(model: keras.Model) -> dict[str, Any]:
    if not model.compiled:
        return {}
    said = model.get_compile_config() or {}
    optimizer = model.optimizer
    inner = getattr(optimizer, "inner_optimizer", None)
    return {
        "loss": _named(said.get("loss")),
        "metrics": tuple(_named(one) for one in keras.tree.flatten(_names(said.get("metrics")))),
        "optimizer": LoadedOptimizer(
            name=type(optimizer if inner is None else inner).__name__,
            step=int(optimizer.iterations),
            learning_rate=rate_of(model),
            variables=len(optimizer.variables),
            scales_loss=inner is not None,
        ),
    }


def _named(said: Any) -> str:
    return ", ".join(str(one) for one in keras.tree.flatten(_names(said)))


def _names(said: Any) -> Any:
    """Names in the place of configurations, in the same structure of lists and dicts."""
    if isinstance(said, dict) and "class_name" in said:
        config = said.get("config")
        return config.get("name") or said["class_name"] if isinstance(config, dict) else config or said["class_name"]
    if isinstance(said, dict):
        return {key: _names(one) for key, one in said.items()}
    if isinstance(said, list | tuple):
        return [_names(one) for one in said]
    return [] if said is None else said
