"""How a model is trained under a conductor: built whole before anything is set, then by `model.fit`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, Protocol

import keras

from keras_weld.models.keras_private import build_for
from keras_weld.training.conductor import Conductor, Where
from keras_weld.training.feeding import Feed
from keras_weld.training.packing import pack
from keras_weld.training.run_history import measured


class Batches(Protocol):
    """What a conducted training is fed with: endless batches by their number."""

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        ...

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        """Inputs and targets of a batch, and perhaps weights, counted from where the training goes on."""
        ...

    def raise_refusal(self) -> None:
        """Raise what came out of reading, as it was; nothing if all was well."""
        ...


def build_for_training(model: keras.Model, x: Any, y: Any) -> None:
    """Make all variables that a compiled model has in training, so that they can be set.

    Those of metrics come with the first batch otherwise, those of the optimizer with the first step.

    Args:
        model: compiled.
        x: inputs of some examples.
        y: their targets, in the form that the loss takes.
    """
    build_for(model, (x, y, None))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def conduct(
    model: keras.Model,
    conductor: Conductor,
    feed: Batches,
    held: Batches | None,
    epochs: int,
    verbose: Any = 0,
    beside: Sequence[Any] = (),
) -> None:
    """Train from where the conductor is until so many epochs are done.

    Args:
        model: compiled and built.
        conductor: leads the callbacks.
        feed: the examples, from the conductor's place on.
        held: the validation examples, as they are evaluated.
        epochs: how many, those before the conductor's place counted.
        verbose: as in `model.fit`.
        beside: callbacks that are no part of the training.

    Raises:
        Exception: what Keras raises; what came out of reading examples, as it was.
    """
    if done(conductor, epochs):
        _finish(model, conductor, epochs)
        return
    try:
        model.fit(
            # Not the feed itself: Keras does not let an epoch over a PyDataset end before its last step.
            (feed[number] for number in count()),
            initial_epoch=conductor.place.epoch,
            epochs=epochs,
            steps_per_epoch=feed.steps,
            validation_data=held,
            callbacks=[conductor, *beside],
            verbose=verbose,
            shuffle=False,
        )
    except Exception:
        feed.raise_refusal()
        if held is not None:
            held.raise_refusal()
        raise


def done(conductor: Conductor, epochs: int) -> bool:
    """Whether there is nothing left to train."""
    return conductor.place.epoch >= epochs or conductor.stopped


def make_deterministic() -> None:
    """Have the backend give the same bits each time; TensorFlow does not by itself, and is slower when it does."""
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()


def where_of(feed: Feed) -> Where:
    """Tells a checkpoint where the source of a feed is."""
    return lambda place, arrays: pack(feed.place_after(place.epoch, place.batch), arrays, "data")


def _finish(model: keras.Model, conductor: Conductor, epochs: int) -> None:
    """What `model.fit` does after the last epoch, for a training whose last epoch is done."""
    conductor.set_model(model)
    conductor.set_params({"verbose": 0, "epochs": epochs, "steps": None})
    conductor.on_train_begin()
    model.optimizer.finalize_variable_values(model.trainable_weights)
    conductor.on_train_end(measured(conductor.history[-1]) if conductor.history else {})
