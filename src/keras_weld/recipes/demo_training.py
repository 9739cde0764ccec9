"""The demo's network, and how it is trained: the same seed gives the same models."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from keras_weld.models.load import load
from keras_weld.models.save import save
from keras_weld.recipes.demo_data import Array, Examples
from keras_weld.recipes.demo_plan import RUN, START, Phase, Training, checkpoint
from keras_weld.recipes.demo_result import Progress

BATCH = 32


def build(seed: int, draw: int) -> keras.Model:
    """A small convolutional network for images of 8 by 8 pixels.

    Args:
        seed: the demo's seed.
        draw: which of its draws of random weights to set out from.
    """
    layers = keras.layers

    def drawn(number: int) -> keras.initializers.Initializer:
        # Seeded one by one: the random state of the process is neither used nor changed.
        state = np.random.SeedSequence([seed, draw, number]).generate_state(1)
        return keras.initializers.HeNormal(seed=int(state[0] >> 1))

    x = inputs = keras.Input((8, 8, 1), name="image")
    for number, filters in ((1, 16), (2, 32)):
        x = layers.Conv2D(
            filters,
            3,
            padding="same",
            activation="relu",
            kernel_initializer=drawn(number),
            data_format="channels_last",
            name=f"conv{number}",
        )(x)
        x = layers.MaxPooling2D(data_format="channels_last", name=f"pool{number}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(32, activation="relu", kernel_initializer=drawn(3), name="hidden")(x)
    outputs = layers.Dense(10, activation="softmax", kernel_initializer=drawn(4), name="digit")(x)
    return keras.Model(inputs, outputs, name="digits")


def train_all(
    folder: Path, examples: Examples, trainings: tuple[Training, ...], seed: int, progress: Progress | None
) -> list[str]:
    """Train every model and save it.

    Args:
        folder: where the models go.
        examples: the training images.
        trainings: what to train.
        seed: what random weights and the order of the images are drawn by.
        progress: called after each batch.

    Returns:
        The names of the files, in the order they were written.
    """
    batches = sum(
        phase.epochs * (len(_part(examples, phase)) // BATCH) for training in trainings for phase in training.phases
    )
    meter = _Meter(batches, progress)
    written = []
    for training in trainings:
        model = _first(folder, training, seed)
        for epoch in _epochs(model, training, examples, seed, meter):
            if training.file == RUN:
                written.append(checkpoint(epoch))
                save(model, folder / checkpoint(epoch))
        if training.file != RUN:
            written.append(training.file)
            save(model, folder / training.file)
    return written


def _first(folder: Path, training: Training, seed: int) -> keras.Model:
    if training.draw is not None:
        return build(seed, training.draw)
    return load(folder / START, compile=False)


def _epochs(model: keras.Model, training: Training, examples: Examples, seed: int, meter: _Meter) -> Iterator[int]:
    """Train through all phases; gives the number of each epoch, counted from 1 in its phase, when it is done.

    The order of the images is drawn by the seed and the part alone, so two models that see the same part see
    it in the same order.
    """
    for phase in training.phases:
        _compile(model, phase.learning_rate)
        images = _part(examples, phase)
        random = np.random.default_rng([seed, 0 if phase.part is None else 1 + phase.part])
        for epoch in range(1, phase.epochs + 1):
            for indices in _batches(random.permutation(len(images))):
                model.train_on_batch(images.x[indices], images.y[indices])
                meter.tell(f"Training {training.file}")
            yield epoch


def _compile(model: keras.Model, learning_rate: float) -> None:
    # XLA takes longer to compile this network than to train it; JAX has nothing else.
    with_xla = keras.backend.backend() == "jax"
    optimizer = keras.optimizers.Adam(learning_rate)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=with_xla)


def _part(examples: Examples, phase: Phase) -> Examples:
    return examples if phase.part is None else examples.part(phase.part)


def _batches(order: Array) -> list[Array]:
    """Batches of equal size, for another one would be compiled anew; what is left over waits an epoch."""
    count = len(order) // BATCH
    return np.split(order[: count * BATCH], count)


class _Meter:
    """Counts batches over all trainings."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self.done, self.total, self.progress = 0, total, progress

    def tell(self, what: str) -> None:
        self.done += 1
        if self.progress is not None:
            self.progress(self.done, self.total, what)
