"""Classes of the user's own: how they are named, found, and kept from taking a built-in's place."""

from __future__ import annotations

import sys

import keras
import numpy as np
import pytest

from keras_weld.errors import UnknownClassError, UnsafeFileError, UsageError
from keras_weld.models import load, resolve, save

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

MODULE = """
import keras

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

class Other:
    pass

number = 3
"""


class Twice(keras.layers.Layer):
    """Doubles what comes in."""

    def call(self, x):
        return 2 * x


@pytest.fixture
def custom_file(tmp_path):
    model = keras.Sequential([keras.Input((2,)), Twice(name="double")])
    model.save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


@pytest.fixture
def module(tmp_path, monkeypatch):
    (tmp_path / "weld_test_layers.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield
    sys.modules.pop("weld_test_layers", None)


def doubles(model):
    np.testing.assert_array_equal(model.predict_on_batch(np.ones((1, 2))), [[2, 2]])


def test_unknown_class_names_the_layer_and_how_to_pass_it(custom_file):
    with pytest.raises(UnknownClassError) as refused:
        load(custom_file)
    assert "Twice" in str(refused.value)
    assert "double" in refused.value.layer
    assert "--custom" in refused.value.remedy
    assert "custom_objects" in refused.value.remedy


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("passed", [{"Twice": Twice}, [Twice], ["weld_test_layers:Twice"], "weld_test_layers:Twice"])
def test_dict_classes_and_texts_all_do(custom_file, passed):
    doubles(load(custom_file, custom_objects=passed))


def test_registered_class_is_found_without_being_passed(tmp_path):
    @keras.saving.register_keras_serializable("weld_tests")
    class Thrice(keras.layers.Layer):
        def call(self, x):
            return 3 * x

    try:
        keras.Sequential([keras.Input((2,)), Thrice()]).save(tmp_path / "m.keras")
        assert load(tmp_path / "m.keras").predict_on_batch(np.ones((1, 2)))[0, 0] == 3
        assert set(resolve([Thrice])) == {"Thrice", "weld_tests>Thrice"}
    finally:
        keras.saving.get_custom_objects().pop("weld_tests>Thrice")


def test_a_class_registered_elsewhere_is_asked_for_by_the_name_that_works(tmp_path):
    class Fourfold(keras.layers.Layer):
        def call(self, x):
            return 4 * x

    keras.saving.register_keras_serializable("weld_tests")(Fourfold)
    try:
        model = keras.Sequential([keras.Input((2,)), Fourfold()])
        files = [save(model, tmp_path / name) for name in ("m.keras", "m.h5")]
    finally:
        keras.saving.get_custom_objects().pop("weld_tests>Fourfold")
    for file in files:
        with pytest.raises(UnknownClassError) as refused:
            load(file)
        assert 'custom_objects={"weld_tests>Fourfold": Fourfold}' in refused.value.remedy
        assert ":Fourfold, or in Python" in refused.value.remedy
        load(file, custom_objects={"weld_tests>Fourfold": Fourfold})


def test_a_model_of_a_class_in_the_script_itself_is_saved_and_loaded(tmp_path, monkeypatch):
    class Net(keras.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.dense = keras.layers.Dense(1)

        def call(self, x):
            return self.dense(x)

    monkeypatch.setattr(Net, "__module__", "__main__")
    model = Net()
    expected = model(np.ones((1, 2)))
    save(model, tmp_path / "m.keras")
    loaded = load(tmp_path / "m.keras", custom_objects=[Net])
    np.testing.assert_array_equal(loaded(np.ones((1, 2))), expected)


def test_class_registered_under_a_built_in_name_is_refused_unless_it_is_meant(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "m.keras")
    keras.saving.get_custom_objects()["Dense"] = Twice
    try:
        with pytest.raises(UnsafeFileError) as refused:
            load(tmp_path / "m.keras")
        assert "something else is registered under the name of Keras's own 'Dense'" in str(refused.value)
        assert refused.value.found.endswith("test_custom.Twice")
        load(tmp_path / "m.keras", custom_objects={"Dense": keras.layers.Dense})
        keras.Sequential([keras.Input((2,)), keras.layers.ReLU()]).save(tmp_path / "other.keras")
        load(tmp_path / "other.keras")  # it names no Dense, so nothing is in its way
    finally:
        keras.saving.get_custom_objects().pop("Dense")


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weld_test_layers", "A custom class is given with its module"),
        ("weld_test_layers.py:Twice", "A module is named without .py"),
        ("weld_test_absent:Twice", "There is no module 'weld_test_absent'"),
        ("weld_test_layers:Trice", "The module 'weld_test_layers' has no 'Trice'"),
        ("weld_test_layers:number", "neither a class nor a function"),
    ],
)
def test_texts_that_lead_nowhere_say_where_they_stop(text, message):
    before = list(sys.path)
    with pytest.raises(UsageError, match=message) as refused:
        resolve([text])
    if "Trice" in text:
        assert refused.value.expected == "one of Other, Twice"
    assert sys.path == before


@pytest.mark.usefixtures("module")
def test_module_that_fails_says_how(tmp_path):
    (tmp_path / "weld_test_broken.py").write_text("1 / 0")
    with pytest.raises(UsageError, match="fails when it is imported") as refused:
        resolve(["weld_test_broken:Twice"])
    assert refused.value.found == "ZeroDivisionError: division by zero"
