"""A model around a model, for training alone: how it is compiled never gets into the model itself, or its file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from keras_weld.core.graph import ModelGraph
from keras_weld.errors import UsageError
from keras_weld.models.cut import inputs_of
from keras_weld.training.objective import Aim


def trainer_of(model: keras.Model, graph: ModelGraph) -> tuple[keras.Model, list[str]]:
    """A model of the same layers, with one output or a dict of outputs by name, and these names."""
    if graph.opaque:
        inputs = inputs_of(model)
        outputs = keras.tree.flatten(model(inputs[0]))
        names = [f"output_{number}" if len(outputs) > 1 else "output" for number in range(len(outputs))]
    else:
        inputs, outputs, names = list(model.inputs), list(model.outputs), _each_once(graph.output_names)
    given = outputs[0] if len(outputs) == 1 else dict(zip(names, outputs, strict=True))
    return keras.Model(inputs[0] if len(inputs) == 1 else inputs, given, name="trainer"), names


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
        jit_compile="auto" if _compiles_well() else False,
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
    half = any(layer.compute_dtype == "float16" for layer in trainer._flatten_layers())
    return keras.optimizers.LossScaleOptimizer(made) if half else made


def _compiles_well() -> bool:
    """Not TensorFlow on a processor: there XLA takes longer to compile a network than a stage takes to train it."""
    return keras.backend.backend() != "tensorflow" or bool(keras.distribution.list_devices("gpu"))


def _each_once(names: Sequence[str]) -> list[str]:
    return [name if list(names).count(name) == 1 else f"{name}_{number}" for number, name in enumerate(names)]
