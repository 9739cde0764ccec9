"""Small models and digits for the tests of training."""

from __future__ import annotations

import numpy as np

from keras_weld.data.arrays import array_split


def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return (found.data / 16).astype("float32"), found.target


def splits(train=320, held=160):
    x, y = digits()
    return (
        array_split("train", "digits", {"x": x[:train]}, {"y": y[:train]}),
        array_split("validation", "digits", {"x": x[-held:]}, {"y": y[-held:]}),
    )


def backbone(name="backbone", seed=0):
    import keras

    keras.utils.set_random_seed(seed)
    layers = keras.layers
    inputs = keras.Input((64,))
    x = layers.Dense(24, activation="relu", name="first")(inputs)
    x = layers.BatchNormalization(name="norm")(x)
    return keras.Model(inputs, layers.Dense(16, activation="relu", name="second")(x), name=name)


def nested(activation="softmax", classes=10):
    """A model in a model, under a head."""
    import keras

    inner = backbone()
    inputs = keras.Input((64,), name="pixels")
    output = keras.layers.Dense(classes, activation=activation, name="digit")(inner(inputs))
    return keras.Model(inputs, output, name="nested")


def side_by_side():
    """Two models beside each other, as fuse makes them."""
    import keras

    first, second = backbone("left", 0), backbone("right", 1)
    inputs = keras.Input((64,), name="pixels")
    both = keras.layers.Concatenate(name="features")([first(inputs), second(inputs)])
    return keras.Model(inputs, keras.layers.Dense(10, activation="softmax", name="fused")(both), name="fused_model")


def array(values):
    import keras

    return np.array(keras.ops.convert_to_numpy(values))


def weights(model):
    return {variable.path: array(variable) for variable in model.weights}


def changed(model, before):
    """The layers whose weights are not bit for bit what they were."""
    now = weights(model)
    return {path.split("/")[-2] for path in now if now[path].tobytes() != before[path].tobytes()}
