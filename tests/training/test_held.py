"""What a model holds besides what Keras counts is kept: a second optimizer, and variables of losses and of objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from interrupted import Interruption, Stop  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import TrainingError  # noqa: E402

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
X = np.random.default_rng(0).normal(size=(24, 3)).astype("float32")
Y = X.sum(1, keepdims=True)


class Meter:
    """An object of the user's own, which Keras knows nothing of."""

    def __init__(self) -> None:
        self.seen = {"steps": [keras.Variable(0.0, trainable=False)]}


class Metered(keras.Model):
    """Counts its steps in an object of its own, on the backend whose step is given a state, and on the other."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.meter = layers.Dense(1), Meter()

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def train_step(self, *given: Any) -> Any:
        found = super().train_step(*given)
        self.meter.seen["steps"][0].assign_add(1.0)
        return found


def metered() -> keras.Model:
    model = Metered()
    model.compile("sgd", "mse", run_eagerly=True)
    return model


class Two(keras.Model):
    """Two networks, each with an optimizer of its own, as adversarial ones have."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = layers.Dense(2), layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.other(self.one(x))

    def compile(self, optimizer: Any, second: Any, **options: Any) -> None:
        super().compile(optimizer=optimizer, **options)
        self.second = second

    def train_step(self, data: Any) -> Any:
        import tensorflow as tf

        x, y, _ = keras.utils.unpack_x_y_sample_weight(data)
        for layer, optimizer in ((self.one, self.second), (self.other, self.optimizer)):
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x, y, self(x, training=True))
            optimizer.apply_gradients(
                zip(tape.gradient(loss, layer.trainable_variables), layer.trainable_variables, strict=True)
            )
        return {"loss": loss}


def two(rate: float = 1e-2) -> keras.Model:
    model = Two()
    model.compile(keras.optimizers.Adam(1e-2), keras.optimizers.RMSprop(rate), loss="mse", jit_compile=False)
    return model


@keras.saving.register_keras_serializable("weld_tests")
class Running(keras.losses.Loss):
    """Weighs its figures by what it remembers of those before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.mean = keras.Variable(1.0, trainable=False)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        found = keras.ops.mean((y_true - y_pred) ** 2, axis=-1)
        self.mean.assign(0.5 * self.mean + 0.5 * keras.ops.mean(found))
        return found / (1.0 + self.mean)


def running() -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", Running(), jit_compile=False if ON_TENSORFLOW else "auto")
    return model


class OfTensorFlow(layers.Layer):
    """Draws from a generator of TensorFlow's own, and counts in a variable of it."""

    def __init__(self) -> None:
        import tensorflow as tf

        super().__init__()
        self.chance, self.calls = tf.random.Generator.from_seed(3), [tf.Variable(0.0, trainable=False)]

    def call(self, x: Any, training: bool = False) -> Any:
        if not training:
            return x
        self.calls[0].assign_add(1.0)
        return x + self.chance.normal(keras.ops.shape(x)) / self.calls[0]


def noisy() -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), OfTensorFlow(), layers.Dense(1)])
    model.compile("sgd", "mse", jit_compile=False)
    return model


def of(model: Any) -> list[bytes]:
    """The bits of its weights, and of what it holds."""
    held = [*(model.second.variables if isinstance(model, Two) else ()), *model.weights]
    if isinstance(model, Metered):
        held.append(model.meter.seen["steps"][0])
    if isinstance(model.loss, Running):
        held.append(model.loss.mean)
    return [keras.ops.convert_to_numpy(one).tobytes() for one in held]


def train(build: Any, run: Path, at: int | None = None, **options: Any) -> keras.Model:
    settings = {"epochs": 2, "batch_size": 4, "every": "2 steps", "verbose": 0, "tell": lambda text: None, **options}
    return weld.fit(build, (X, Y), run=run, callbacks=[Stop(at)], **settings)


def resume(build: Any, run: Path, at: int | None = None) -> keras.Model:
    keras.utils.set_random_seed(0)
    model = build()
    kept = weld.Resume(run, every="2 steps", tell=lambda text: None)
    model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, callbacks=[kept, Stop(at)], verbose=0)
    return model


ITS_OWN = pytest.mark.skipif(not ON_TENSORFLOW, reason="TensorFlow's own tapes, generators and variables")


@pytest.mark.parametrize(
    ("build", "start"),
    [
        (metered, train),
        (running, resume),
        pytest.param(two, train, marks=ITS_OWN),
        pytest.param(noisy, train, marks=ITS_OWN),
    ],
)
def test_it_goes_on_with_the_same_bits(build: Any, start: Any, tmp_path: Path) -> None:
    whole = of(start(build, tmp_path / "whole"))
    with pytest.raises(Interruption):
        start(build, tmp_path / "resumed", 9)
    assert of(start(build, tmp_path / "resumed")) == whole


def other_loss() -> keras.Model:
    model = running()
    model.compile("sgd", "mse", jit_compile=False if ON_TENSORFLOW else "auto")
    return model


def test_what_was_held_and_is_not_any_more_is_told(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        train(running, tmp_path, 5)
    told: list[str] = []
    train(other_loss, tmp_path, changes=["loss"], tell=told.append)
    assert any("they begin anew" in text for text in told)


def test_an_object_that_is_gone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        train(metered, tmp_path, 5)

    def without() -> keras.Model:
        model = metered()
        model.meter.seen = {}
        return model

    with pytest.raises(TrainingError, match="objects of the model have another number of variables"):
        train(without, tmp_path)


@ITS_OWN
def test_another_second_optimizer_is_refused_unless_it_is_meant(tmp_path: Path) -> None:
    with pytest.raises(Interruption):
        train(two, tmp_path, 5)
    with pytest.raises(TrainingError, match="begun with another optimizer") as refused:
        train(lambda: two(2e-2), tmp_path)
    assert (refused.value.expected, refused.value.found) == ("second learning_rate 0.01", "second learning_rate 0.02")
    model = train(lambda: two(2e-2), tmp_path, changes=["optimizer"])
    assert float(model.second.learning_rate) == pytest.approx(2e-2)
