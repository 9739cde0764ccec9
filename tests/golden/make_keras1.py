"""Write the golden files of Keras 1.2, into `keras1_2/`.

Needs an environment of its own, apart from the package's: Python 3.7 with

    pip install tensorflow==1.15.5 keras==1.2.2 "h5py<3" "numpy<1.19" "protobuf<3.21"

From this folder run

    python make_keras1.py

Keras 1 writes settings into `.keras/keras.json` of the home folder when there are none: set `HOME`
to an empty folder to keep those of another Keras apart.  Every model is seeded.  A second run
writes the same weights but for those of `mlp` and `cnn`, whose training differs from run to run by
less than 0.01: Keras 1 gives the steps of an update no order.
The script then loads back each file it wrote and compares; it ends with status 1 when anything
differs.

Keras 1 knows no attention, no DepthwiseConv2D, and cannot save a subclass of its models.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from golden_common import (
    CLASSES,
    HERE,
    SEED,
    STEPS,
    VOCABULARY,
    Checks,
    load_expected,
    make_inputs,
    make_targets,
    nudge,
    numbered,
    one_or_list,
    predict,
    save_expected,
)
from keras import backend, layers
from keras.models import Model, Sequential, load_model, model_from_json
from keras.optimizers import SGD, Adam

tf.logging.set_verbosity(tf.logging.ERROR)

OUT = HERE / "keras1_2"


def build_mlp() -> Any:
    """A `Sequential` with BatchNormalization and Dropout, and a softmax at its end."""
    return Sequential(
        [
            layers.Dense(8, input_dim=6, activation="relu"),
            layers.BatchNormalization(momentum=0.8),
            layers.Dropout(0.25),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def build_cnn() -> Any:
    """Plain and separable convolutions; the momentum makes the moving averages move."""
    same = {"border_mode": "same", "dim_ordering": "tf"}
    image = layers.Input(shape=(8, 8, 2))
    x = layers.Convolution2D(3, 3, 3, activation="relu", **same)(image)
    x = layers.BatchNormalization(momentum=0.5)(x)
    x = layers.SeparableConvolution2D(4, 3, 3, depth_multiplier=2, activation="relu", **same)(x)
    x = layers.GlobalAveragePooling2D(dim_ordering="tf")(x)
    return Model(input=image, output=layers.Dense(CLASSES, activation="softmax")(x))


def build_lstm() -> Any:
    """Embedding, a bidirectional LSTM with a weight per gate, a GRU with its gates joined."""
    recurrent = layers.LSTM(3, return_sequences=True)  # consume_less="cpu": 12 weights a direction
    return Sequential(
        [
            layers.Embedding(VOCABULARY, 4, input_length=STEPS),
            layers.Bidirectional(recurrent),
            layers.GRU(4, consume_less="gpu"),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def build_two_io() -> Any:
    """Two inputs and two outputs, joined by a sum and by a concatenation."""
    left = layers.Input(shape=(4,), name="left")
    right = layers.Input(shape=(6,), name="right")
    left_code = layers.Dense(5, activation="tanh", name="left_code")(left)
    right_code = layers.Dense(5, activation="tanh", name="right_code")(right)
    total = layers.merge([left_code, right_code], mode="sum", name="total")
    joined = layers.merge([total, right], mode="concat", name="joined")
    first = layers.Dense(CLASSES, activation="softmax", name="first")(joined)
    second = layers.Dense(2, activation="softmax", name="second")(total)
    return Model(input=[left, right], output=[first, second], name="two_io")


def build_nested() -> Any:
    """A functional model that holds a `Sequential` and a functional one with a frozen layer."""
    encoder = Sequential(
        [
            layers.Dense(5, input_dim=6, activation="relu", name="encoder_dense"),
            layers.BatchNormalization(name="encoder_norm"),
            layers.Dense(4, name="encoder_out"),
        ],
        name="encoder",
    )
    code = layers.Input(shape=(4,), name="code")
    frozen = layers.Dense(4, activation="tanh", name="head_frozen", trainable=False)
    head = Model(input=code, output=layers.Dense(4, name="head_out")(frozen(code)), name="head")
    features = layers.Input(shape=(6,), name="features")
    output = layers.Dense(CLASSES, activation="softmax", name="result")(head(encoder(features)))
    return Model(input=features, output=output, name="nested")


BUILDERS: dict[str, Callable[[], Any]] = {
    "mlp": build_mlp,
    "cnn": build_cnn,
    "lstm": build_lstm,
    "two_io": build_two_io,
    "nested": build_nested,
}

# The weights of the others are only nudged, and those are saved without having been compiled.
TRAINED = ("mlp", "cnn", "two_io")


def fresh(name: str, seed: int) -> Any:
    """The model `name` with the initial weights that `seed` gives."""
    backend.clear_session()
    np.random.seed(seed)
    tf.set_random_seed(seed)
    return BUILDERS[name]()


def weight_variables(model: Any) -> list[Any]:
    """The variables of `model` in the order of its `get_weights()`."""
    return [variable for layer in model.layers for variable in layer.weights]


def make(name: str) -> None:
    """Build, train and save one model in every format."""
    inputs = make_inputs(name)
    model = fresh(name, SEED)
    optimizer = None
    if name in TRAINED:
        chosen = Adam(lr=0.002) if name == "mlp" else SGD(lr=0.05)
        model.compile(chosen, "categorical_crossentropy", metrics=["accuracy"])
        targets = one_or_list(make_targets(predict(model, inputs)))
        model.fit(one_or_list(inputs), targets, batch_size=4, nb_epoch=2, shuffle=False, verbose=0)
        if name == "mlp":
            optimizer = {
                "values": backend.batch_get_value(chosen.weights),
                "names": [variable.name for variable in chosen.weights],
                "iterations": backend.get_value(chosen.iterations),
                "learning_rate": backend.get_value(chosen.lr),
            }
    else:
        model.set_weights(nudge(model.get_weights()))

    variables = weight_variables(model)
    trainable = {id(variable) for variable in model.trainable_weights}
    save_expected(
        OUT / f"{name}.expected.npz",
        inputs,
        predict(model, inputs),
        model.get_weights(),
        [variable.name for variable in variables],
        [id(variable) in trainable for variable in variables],
        optimizer,
    )
    model.save_weights(str(OUT / f"{name}_w.h5"))
    model.save(str(OUT / f"{name}.h5"))
    (OUT / f"{name}.json").write_text(model.to_json(indent=1) + "\n", encoding="utf-8")


def stored_optimizer(path: Path) -> list[np.ndarray]:
    """The optimizer's variables as a `.h5` file holds them, in the order that it gives."""
    with h5py.File(str(path), "r") as file:
        group = file["optimizer_weights"]
        return [np.asarray(group[name]) for name in group.attrs["weight_names"]]


def check(name: str, checks: Checks) -> None:
    """Load every file of one model and compare with what was expected."""
    expected = load_expected(OUT / f"{name}.expected.npz")
    inputs, outputs = numbered(expected, "x"), numbered(expected, "y")
    weights, optimizer = numbered(expected, "w"), numbered(expected, "opt")
    whole, bare = OUT / f"{name}.h5", OUT / f"{name}_w.h5"

    def loaded() -> Any:
        backend.clear_session()
        return load_model(str(whole))

    def filled() -> list[np.ndarray]:
        model = fresh(name, SEED + 9)
        model.load_weights(str(bare))
        return predict(model, inputs)

    def from_json() -> list[np.ndarray]:
        backend.clear_session()
        model = model_from_json((OUT / f"{name}.json").read_text(encoding="utf-8"))
        model.set_weights(weights)
        return predict(model, inputs)

    def named() -> list[np.ndarray]:
        variables = weight_variables(fresh(name, SEED))
        if [variable.name for variable in variables] != list(expected["weight_names"]):
            raise ValueError("the names of the weights differ")
        return [np.zeros(variable.get_shape().as_list()) for variable in variables]

    checks.compare(bare.name, filled, outputs)
    checks.compare(f"{name}.json", from_json, outputs)
    checks.compare(whole.name, lambda: predict(loaded(), inputs), outputs)
    checks.compare(f"{whole.name}, weights", lambda: loaded().get_weights(), weights)
    checks.compare(f"{name}, names and shapes", named, [np.zeros(w.shape) for w in weights])
    if optimizer:
        checks.compare(f"{whole.name}, optimizer", lambda: stored_optimizer(whole), optimizer)


def main() -> None:
    """Make the files again, all of them, and check them."""
    print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
    if not keras.__version__.startswith("1.2."):
        raise SystemExit("this script is for Keras 1.2")
    shutil.rmtree(str(OUT), ignore_errors=True)
    OUT.mkdir(parents=True)
    checks = Checks()
    for name in BUILDERS:
        make(name)
        check(name, checks)
    checks.finish()


if __name__ == "__main__":
    main()
