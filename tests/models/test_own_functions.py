"""Functions of the user's own: activations, losses and metrics, passed in, registered, or in a scope."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest

from keras_weld.errors import UnknownClassError
from keras_weld.models import load, save
from keras_weld.models.copying import copy_of
from keras_weld.models.own_things import own_things
from keras_weld.recipes.composing import importable

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

MODULE = """
def doubled(x):
    return 2 * x

def distance(y, p):
    return (y - p) ** 2
"""
WAYS = ["m.keras", "m.h5", "saved.keras", "saved.h5"]


def doubled(x):
    return 2 * x


def distance(y, p):
    return keras.ops.mean((y - p) ** 2, axis=-1)


PASSED = {"doubled": doubled, "distance": distance}


def network(activation=doubled):
    dense = keras.layers.Dense(1, activation=activation, use_bias=False, kernel_initializer="ones")
    model = keras.Sequential([keras.Input((2,)), dense])
    model.compile("sgd", distance, metrics=[distance])
    return model


def written(model, path):
    """The model's file: by Keras itself, or under a name that begins with "saved" by weld.save."""
    if not path.name.startswith("saved"):
        model.save(path)
        return path
    return save(model, path)


def doubles(model):
    np.testing.assert_array_equal(model.predict_on_batch(np.ones((1, 2))), [[4]])
    assert model.evaluate(np.ones((1, 2)), np.zeros((1, 1)), verbose=0) == [16, 16]


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "weld_test_functions.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield ["weld_test_functions:doubled", "weld_test_functions:distance"]
    sys.modules.pop("weld_test_functions", None)


@pytest.mark.parametrize("name", WAYS)
def test_functions_that_are_passed_are_used_and_others_refused(name, tmp_path, module):
    file = written(network(), tmp_path / name)
    for passed in (PASSED, list(PASSED.values()), module):
        doubles(load(file, custom_objects=passed))
    with keras.saving.custom_object_scope(PASSED):
        doubles(load(file))
    for passed in ({}, {"distance": distance}, {"doubled": doubled}):
        with pytest.raises(UnknownClassError) as refused:
            load(file, custom_objects=passed)
        assert 'The model uses the function "d' in str(refused.value)


@pytest.mark.parametrize("name", WAYS)
def test_a_registered_function_is_found_without_being_passed_and_by_the_key_of_the_remedy(name, tmp_path):
    def tripled(x):
        return 3 * x

    keras.saving.register_keras_serializable("weld_tests")(tripled)
    try:
        file = written(network(tripled), tmp_path / name)
        model = load(file, custom_objects=[distance])
    finally:
        keras.saving.get_custom_objects().pop("weld_tests>tripled")
    assert model.predict_on_batch(np.ones((1, 2)))[0, 0] == 6
    with pytest.raises(UnknownClassError) as refused:
        load(file, custom_objects=[distance])
    assert 'custom_objects={"weld_tests>tripled": tripled}' in refused.value.remedy
    load(file, custom_objects={"weld_tests>tripled": tripled, "distance": distance})


def test_an_architecture_beside_the_weights_takes_them_too(tmp_path):
    model = network()
    (tmp_path / "m.json").write_text(model.to_json())
    model.save_weights(tmp_path / "m.weights.h5")
    loaded = load(tmp_path / "m.weights.h5", architecture=tmp_path / "m.json", custom_objects=PASSED)
    assert loaded.predict_on_batch(np.ones((1, 2)))[0, 0] == 4


def test_a_live_model_is_copied_with_what_it_holds_of_the_users_own():
    class Halved(keras.layers.Layer):
        def __init__(self, after, **options):
            super().__init__(**options)
            self.after = keras.activations.get(after)
            self.made_anew = lambda x: x / 2
            self.helper = distance

        def call(self, x):
            return self.after(self.made_anew(x))

        def get_config(self):
            return {**super().get_config(), "after": self.after}

    class Threes(keras.initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return keras.ops.full(shape, 3, dtype)

        def get_config(self):
            return {}

    dense = keras.layers.Dense(2, activation="relu", bias_initializer=Threes())
    model = keras.Sequential([keras.Input((2,)), dense, Halved(doubled)])
    assert list(own_things(model)) == ["Halved", "Threes", "doubled"]  # neither the helper, nor relu, nor the lambda
    model.compile("sgd", {"halved": distance}, metrics=["mse"])
    assert own_things(model)["distance"] is distance
    examples = np.ones((3, 2))
    np.testing.assert_array_equal(copy_of(model)(examples), model(examples))


def test_another_process_is_told_where_they_are():
    assert sorted(importable(network())) == [f"{__name__}:distance", f"{__name__}:doubled"]
