"""A model around a model, for training alone: how it is compiled never gets into the model itself, or its file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_weld.errors import UsageError
from keras_weld.models.cut import alone
from keras_weld.models.keras_private import layers_in
from keras_weld.training.answered import Answered
from keras_weld.training.objective import Aim


def trainer_of(answered: Answered) -> keras.Model:
    """A model of the same layers, with the one output that is trained, or a dict of such by name."""
    given = {answered.names[number]: answered.outputs[number] for number in answered.chosen}
    outputs = next(iter(given.values())) if len(given) == 1 else given
    return keras.Model(alone(list(answered.inputs)), outputs, name="trainer")


def beside(model: keras.Model, trainer: keras.Model) -> list[Any]:
    """The variables of a model that its trainer does without: those of outputs that are not trained."""
    shared = {id(variable) for variable in trainer.variables}
    return [variable for variable in model.variables if id(variable) not in shared]


def compile_for(trainer: keras.Model, aims: Sequence[Aim], optimizer: str, rate: float) -> None:
    """Give the trainer a fresh optimizer, and the losses and metrics of its outputs.

    Raises:
        UsageError: if there is no such optimizer.
    """
    losses: Any = {aim.output: aim.loss for aim in aims}
    metrics: Any = {aim.output: [aim.metric()] if aim.metric else [] for aim in aims}
    if len(aims) == 1:
        losses, metrics = aims[0].loss, metrics[aims[0].output]
    trainer.compile(
        optimizer=_optimizer(trainer, optimizer, rate),
        loss=losses,
        metrics=metrics,
        jit_compile="auto" if compiles_well() else False,
        auto_scale_loss=False,
    )


def _optimizer(trainer: keras.Model, name: str, rate: float) -> Any:
    try:
        made = keras.optimizers.get({"class_name": name, "config": {"learning_rate": rate}})
    except (ValueError, TypeError) as error:
        raise UsageError(
            "There is no such optimizer.",
            expected="one of Keras: adam, adamw, sgd, rmsprop, nadam, lion, …",
            found=name,
        ) from error
    return scaling_for(trainer, made)


def scaling_for(model: keras.Model, optimizer: Any) -> Any:
    """The optimizer, with the loss scaled where layers calculate in float16: small gradients are lost otherwise."""
    half = any(layer.compute_dtype == "float16" for layer in layers_in(model))
    return keras.optimizers.LossScaleOptimizer(optimizer) if half else optimizer


def compiles_well() -> bool:
    """Not TensorFlow on a processor: there XLA takes longer to compile a network than a stage takes to train it."""
    return keras.backend.backend() != "tensorflow" or bool(keras.distribution.list_devices("gpu"))
