"""`weld.Resume` in an ordinary `model.fit`: for which data, and where in the list, it goes on with the same bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from interrupted import Interruption, Outcome, Stop, interrupted, outcome, pictures  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import TrainingError, UsageError  # noqa: E402
from keras_weld.training.background import all_done  # noqa: E402

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


def build() -> keras.Model:
    inner = [layers.Flatten(), layers.Dense(6, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3)]
    model = keras.Sequential([keras.Input((8, 8, 1)), *inner, layers.Dense(3, activation="softmax")])
    optimizer = keras.optimizers.Adam(1e-2, use_ema=True)
    # XLA on TensorFlow compiles for longer than these trainings run.
    jit = False if ON_TENSORFLOW else "auto"
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=jit)
    return model


class Row(keras.utils.PyDataset):
    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(**options)
        self.size, (self.x, self.y) = size, pictures(80)

    def __len__(self) -> int:
        return len(self.y) // self.size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = slice(index * self.size, (index + 1) * self.size)
        return self.x[rows], self.y[rows]


class Drawn(Row):
    """Rows in another order in each epoch, drawn by a seed of its own: as it is usually done."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.chance = np.random.default_rng(2)

    def on_epoch_end(self) -> None:
        order = self.chance.permutation(len(self.y))
        self.x, self.y = self.x[order], self.y[order]


def tensorflow_data(repeated: bool = False) -> Any:
    import tensorflow as tf

    data = tf.data.Dataset.from_tensor_slices(pictures(80)).shuffle(80, seed=3)
    return (data.repeat() if repeated else data).batch(16)


def grain_data() -> Any:
    import grain

    x, y = pictures(80)
    return grain.MapDataset.source(list(zip(x, y, strict=True))).seed(4).shuffle().to_iter_dataset().batch(16)


def arrays(**options: Any) -> dict[str, Any]:
    x, y = pictures(80)
    return {"x": x, "y": y, "batch_size": 16, **options}


SOURCES: dict[str, Callable[[], dict[str, Any]]] = {
    "arrays": lambda: arrays(shuffle=False),
    "arrays, shuffled": lambda: arrays(shuffle=True),
    "arrays, shuffled in batches": lambda: arrays(shuffle="batch"),
    "arrays, epochs across": lambda: arrays(shuffle=True, steps_per_epoch=4),
    "arrays, steps at a time": lambda: arrays(shuffle=True),
    "PyDataset": lambda: {"x": Row(16), "shuffle": False},
    "PyDataset, drawn anew": lambda: {"x": Drawn(16), "shuffle": False},
    "PyDataset, shuffled": lambda: {"x": Row(16), "shuffle": True},
    "tf.data": lambda: {"x": tensorflow_data(), "shuffle": False},
    "tf.data, endless": lambda: {"x": tensorflow_data(repeated=True), "steps_per_epoch": 4, "shuffle": False},
    "Grain": lambda: {"x": grain_data(), "shuffle": False},
}


def train(
    run: Path,
    source: str,
    at: int | None,
    *,
    validation: int | None = None,
    place: int = 0,
    told: list[str] | None = None,
    **options: Any,
) -> tuple[keras.Model, list[Any]]:
    """A process of its own, as far as one process can be: seeds, model and data are made anew."""
    keras.utils.set_random_seed(7)
    model = build()
    if source == "arrays, steps at a time":
        model.steps_per_execution = 2
    others = [
        keras.callbacks.EarlyStopping(monitor="val_loss", patience=9),
        keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=0, min_delta=0.5, factor=0.5),
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        keras.callbacks.SwapEMAWeights(),
        Stop(at, validation=validation),
    ]
    settings = {"every": "2 steps", "tell": (told if told is not None else []).append, **options}
    given = [*others[:place], weld.Resume(run, **settings), *others[place:]]
    model.fit(**SOURCES[source](), epochs=3, validation_data=pictures(20, 1), callbacks=given, verbose=0)
    return model, others


def left(run: Path, source: str, moments: tuple[int, ...] = (), **options: Any) -> Outcome:
    return outcome(*interrupted(lambda at: train(run, source, at, **options), moments))


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("source", SOURCES)
def test_it_goes_on_with_the_same_bits(source: str, tmp_path: Path) -> None:
    whole = left(tmp_path / "whole", source)
    resumed = left(tmp_path / "resumed", source, (3, 6))  # in the first epoch and in the second
    assert whole.differences(resumed) == []
    assert resumed.facts["history"]["epoch"] == [0, 1, 2]


@pytest.mark.parametrize("place", [2, 5])
def test_its_place_among_the_callbacks_does_not_matter(place: int, tmp_path: Path) -> None:
    whole = left(tmp_path / "whole", "arrays")
    assert whole.differences(left(tmp_path / "resumed", "arrays", (8,), place=place)) == []


def test_a_finished_run_trains_nothing_more(tmp_path: Path) -> None:
    whole = left(tmp_path / "run", "arrays")
    again, callbacks = train(tmp_path / "run", "arrays", 1)
    # Nothing was validated again, which is where the metrics come from that Keras leaves.
    assert [name for name in whole.differences(outcome(again, callbacks)) if not name.startswith("metrics/")] == []
    assert callbacks[-1].seen == 15
    again.fit(*pictures(16), verbose=0)  # a training without it begins at its beginning
    assert again.history.epoch == [0]


def test_another_model_is_refused_and_what_else_is_meant_is_told(tmp_path: Path) -> None:
    train(tmp_path / "run", "arrays", None)
    with pytest.raises(TrainingError, match="other data"):
        train(tmp_path / "run", "arrays, shuffled", None)
    told: list[str] = []
    train(tmp_path / "run", "arrays, shuffled", None, changes=["data"], told=told)
    assert told[0].startswith("The data has changed, as was asked for")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (lambda: arrays(shuffle=False), "it goes on with the same bits."),
        (lambda: {"x": Row(16)}, "draws from a seed of its own"),
        (lambda: {"x": Row(16, workers=2)}, "does not go on with the same bits. Use workers=1"),
        (lambda: {"x": (Row(16)[number] for number in range(5)), "shuffle": False}, "The data is a generator"),
        (lambda: {"x": tensorflow_data(), "shuffle": False}, "in the same order in another process"),
    ],
)
def test_at_the_start_it_says_how_exact_a_resume_is(
    data: Callable[[], dict[str, Any]], words: str, tmp_path: Path
) -> None:
    told: list[str] = []
    resume = weld.Resume(tmp_path, tell=told.append)
    build().fit(**data(), epochs=1, steps_per_epoch=1, callbacks=[resume, keras.callbacks.Callback()], verbose=0)
    assert words in told[0]
    assert told[1].startswith("What Callback knows is not kept")


def test_only_fit_takes_it(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="something else than model"):
        build().evaluate(*pictures(16), callbacks=[weld.Resume(tmp_path)], verbose=0)
    with pytest.raises(UsageError, match="argument keep is too small"):
        weld.Resume(tmp_path, keep=0)


@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_after_the_last_batch_of_an_epoch_of_unknown_length_it_goes_on_from_the_one_before(tmp_path: Path) -> None:
    whole = left(tmp_path / "whole", "Grain", every="1 steps")
    with pytest.raises(Interruption):
        train(tmp_path / "resumed", "Grain", None, validation=10, every="1 steps")
    all_done()
    assert max(one.name for one in (tmp_path / "resumed" / "checkpoints").iterdir()) == "step-0000000009"
    assert whole.differences(left(tmp_path / "resumed", "Grain", every="1 steps")) == []
