"""Trainings of every kind: optimizers, layers, data and callbacks, and the moments at which they break off."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
from interrupted import Interruption, Stop, pictures
from keras import layers

import keras_weld as weld
from keras_weld.training import checkpoints
from keras_weld.training.variables import variables_of

EPOCHS, BATCH, STEPS = 3, 16, 6
CLASSES = 3
# XLA on TensorFlow compiles for longer than these trainings run.
JIT = False if keras.backend.backend() == "tensorflow" else "auto"


def _cosine() -> Any:
    return keras.optimizers.schedules.CosineDecay(1e-2, 12)


OPTIMIZERS: dict[str, Callable[[], Any]] = {
    "Adam": lambda: keras.optimizers.Adam(1e-2),
    "SGD, momentum": lambda: keras.optimizers.SGD(1e-2, momentum=0.9, nesterov=True),
    "AdamW, schedule": lambda: keras.optimizers.AdamW(_cosine(), weight_decay=1e-2),
    "accumulation": lambda: keras.optimizers.Adam(1e-2, gradient_accumulation_steps=4),
    "use_ema": lambda: keras.optimizers.Adam(1e-2, use_ema=True, ema_overwrite_frequency=5),
    "SwapEMAWeights": lambda: keras.optimizers.Adam(1e-2, use_ema=True, ema_momentum=0.9),
    "mixed_float16": lambda: keras.optimizers.Adam(1e-3),
    "clipnorm": lambda: keras.optimizers.RMSprop(1e-2, clipnorm=0.1),
}

LAYERS: dict[str, Callable[[], list[Any]]] = {
    "Dropout": lambda: [layers.Flatten(), layers.Dense(8, activation="relu"), layers.Dropout(0.3)],
    "BatchNorm": lambda: [layers.Conv2D(4, 3), layers.BatchNormalization(), layers.ReLU(), layers.Flatten()],
    "augmentation": lambda: [layers.RandomFlip(), layers.RandomContrast(0.3), layers.Flatten()],
    "LSTM": lambda: [layers.Reshape((8, 8)), layers.LSTM(6, dropout=0.2)],
}


def all_layers() -> list[Any]:
    """All of them in one network."""
    first = [layers.RandomFlip(), layers.RandomContrast(0.3), layers.Conv2D(4, 3, strides=2)]
    then = [layers.BatchNormalization(), layers.ReLU(), layers.Reshape((9, 4)), layers.LSTM(6, dropout=0.2)]
    return [*first, *then, layers.Dropout(0.3)]


class Rows(keras.utils.PyDataset):
    """Batches of another size than the training's, shuffled between epochs from a seed of its own."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        super().__init__()
        self.x, self.y, self.chance, self.order = x, y, np.random.default_rng(2), np.arange(len(y))

    def __len__(self) -> int:
        return -(-len(self.y) // 10)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self.order[10 * index : 10 * index + 10]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self) -> None:
        self.order = self.chance.permutation(len(self.y))


def _tensorflow(x: np.ndarray, y: np.ndarray) -> Any:
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices((x, y)).shuffle(100, seed=3).batch(BATCH)


def _grain(x: np.ndarray, y: np.ndarray) -> Any:
    import grain

    return grain.MapDataset.source(list(zip(x, y, strict=True))).seed(4).shuffle().to_iter_dataset().batch(10)


SOURCES: dict[str, Callable[[np.ndarray, np.ndarray], Any]] = {
    "arrays": lambda x, y: (x, y),
    "PyDataset": Rows,
    "tf.data": _tensorflow,
    "Grain": _grain,
}

CALLBACKS: dict[str, Callable[[Path], Any]] = {
    "ReduceLROnPlateau": lambda _: keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=0.5, factor=0.5),
    "EarlyStopping": lambda _: keras.callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
    "ModelCheckpoint": lambda run: keras.callbacks.ModelCheckpoint(
        run / "best.weights.h5", save_weights_only=True, monitor="val_loss", save_best_only=True
    ),
    "CSVLogger": lambda run: keras.callbacks.CSVLogger(run / "log.csv"),
}

if find_spec("tensorboard"):  # which TensorFlow does without
    CALLBACKS["TensorBoard"] = lambda run: keras.callbacks.TensorBoard(run / "board", write_graph=False, update_freq=2)

MOMENTS: dict[str, dict[str, int]] = {
    "between epochs": {"epoch": 1},
    "mid-epoch": {"at": STEPS + 3},
    "during a save": {"save": 2 * STEPS + 2},
}


def build(optimizer: str, body: Callable[[], list[Any]]) -> keras.Model:
    """A small classifier."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if optimizer == "mixed_float16" else policy)
    try:
        end = layers.Dense(CLASSES, activation="softmax", dtype="float32")
        model = keras.Sequential([keras.Input((8, 8, 1)), *body(), end])
        loss = "sparse_categorical_crossentropy"
        model.compile(OPTIMIZERS[optimizer](), loss, metrics=["accuracy"], jit_compile=JIT)
    finally:
        keras.config.set_dtype_policy(policy)
    return model


class Reused:
    """Gives one compiled model again and again, all its variables as at first, or wrong on purpose.

    What a resume does not set is then wrong, as it would be in a new process; and nothing is compiled twice.
    """

    def __init__(self, optimizer: str, body: Callable[[], list[Any]]) -> None:
        keras.utils.set_random_seed(5)
        self.model, self.wrong = build(optimizer, body), False
        x, y = pictures(BATCH)
        self.model._symbolic_build(data_batch=(x, y, None))
        self.model.optimizer.build(self.model.trainable_variables)
        self.first = [(one, keras.ops.convert_to_numpy(one.value).copy()) for _, one in variables_of(self.model)]

    def __call__(self) -> keras.Model:
        for variable, value in self.first:
            # Another learning rate than the one a run was begun with would be refused.
            wrong = self.wrong and not variable.path.endswith("learning_rate")
            variable.assign(value + np.ones_like(value) if wrong else value)
        return self.model


def train(
    build: Callable[[], keras.Model],
    run: Path,
    source: str,
    callbacks: Sequence[str],
    moment: dict[str, int] | None = None,
    *,
    swap: bool = False,
    **options: Any,
) -> tuple[keras.Model, list[Any]]:
    """One start: data and callbacks are made anew."""
    run.mkdir(parents=True, exist_ok=True)
    moment = moment or {}
    given = [CALLBACKS[name](run) for name in callbacks]
    if swap:
        given.insert(0, keras.callbacks.SwapEMAWeights())
    given.append(Stop(moment.get("at"), moment.get("epoch")))
    made = SOURCES[source]
    keras.utils.set_random_seed(7)  # as a new process would: what shuffles in tf.data draws by this seed and its own
    data = {"train": made(*pictures()), "validation": made(*pictures(20, 1))}
    settings = {"epochs": EPOCHS, "batch_size": BATCH, "every": "2 steps", "verbose": 0, "tell": str, **options}
    try:
        with broken_save(moment.get("save")):
            return weld.fit(build, data, run=run, callbacks=given, **settings), given
    finally:
        for one in given:  # Keras leaves it open where training breaks off
            if getattr(one, "csv_file", None) is not None:
                one.csv_file.close()


@contextmanager
def broken_save(step: int | None) -> Iterator[None]:
    """Break off while the checkpoint of this step is written: its arrays are there, its manifest is not."""
    whole = checkpoints._with_own_hash

    def breaking(manifest: Any) -> str:
        if manifest["step"] == step:
            raise Interruption
        return whole(manifest)

    with patch.object(checkpoints, "_with_own_hash", breaking):
        yield
