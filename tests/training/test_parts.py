"""Which layers are parts, in which order, and which of them a stage names."""

from __future__ import annotations

import pytest
from tuned_models import backbone, nested, side_by_side

from keras_weld.errors import UsageError

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def paths(parts):
    return [part.path for part in parts]


def chosen(model, text):
    from keras_weld.models.replay import graph_of
    from keras_weld.training.choosing import choose, head_of
    from keras_weld.training.parts import parts_of
    from keras_weld.training.plan import parse_stages

    return paths(choose(parts_of(model), parse_stages(f"{text}:1@1")[0], head_of(graph_of(model))))


def test_models_in_models_are_opened_and_layers_without_weights_left_out():
    from keras_weld.training.parts import parts_of

    assert paths(parts_of(nested())) == ["backbone/first", "backbone/norm", "backbone/second", "digit"]


def test_the_last_layers_of_models_side_by_side_are_all_near_the_end():
    model = side_by_side()
    assert chosen(model, "last-1") == ["fused"]
    assert sorted(chosen(model, "last-3")) == ["fused", "left/second", "right/second"]
    assert sorted(chosen(model, "last-5")[:2]) == ["left/norm", "right/norm"]


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ("head", ["digit"]),
        ("all", ["backbone/first", "backbone/norm", "backbone/second", "digit"]),
        ("last-2", ["backbone/second", "digit"]),
        ("last-99", ["backbone/first", "backbone/norm", "backbone/second", "digit"]),
        ("digit", ["digit"]),
        ("second", ["backbone/second"]),
        ("backbone", ["backbone/first", "backbone/norm", "backbone/second"]),
        ("backbone/[fs]*", ["backbone/first", "backbone/second"]),
    ],
)
def test_what_a_stage_names(part, found):
    assert chosen(nested(), part) == found


def test_a_name_that_is_none_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match="No layer that can be trained is called 'secnd'") as refused:
        chosen(nested(), "secnd")
    assert "backbone/second" in refused.value.expected


def test_a_model_without_a_head_says_so():
    import keras

    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    with pytest.raises(UsageError, match="No head can be told from the model's graph"):
        chosen(model, "head")


def test_a_head_of_several_outputs_and_of_a_model_in_the_model():
    import keras

    inner = backbone()
    inputs = keras.Input((64,))
    x = inner(inputs)
    outputs = [keras.layers.Dense(10, activation="softmax", name="a")(x), keras.layers.Dense(1, name="b")(x)]
    assert sorted(chosen(keras.Model(inputs, outputs), "head")) == ["a", "b"]
    wrapped = keras.Sequential([keras.Input((64,)), nested(), keras.layers.Activation("linear")])
    assert chosen(wrapped, "head") == ["nested/digit"]


def test_a_layer_called_twice_stands_where_it_is_called_first_and_an_lstm_is_one_part():
    import keras

    layers = keras.layers
    inputs = keras.Input((4, 8))
    shared = layers.Dense(8, name="shared")
    x = shared(layers.LSTM(8, return_sequences=True, name="lstm")(shared(inputs)))
    from keras_weld.training.parts import parts_of

    assert paths(parts_of(keras.Model(inputs, layers.Dense(2, name="out")(x)))) == ["shared", "lstm", "out"]


def test_layers_in_a_models_own_code_are_listed_in_its_order():
    import keras

    class Own(keras.Model):
        def __init__(self, **rest):
            super().__init__(**rest)
            self.one = keras.layers.Dense(4, name="one")
            self.inner = backbone()
            self.two = keras.layers.Dense(2, name="two")

        def build(self, shape):
            self.one.build((None, 16))
            self.two.build((None, 4))

        def call(self, x):
            return self.two(self.one(self.inner(x)))

        def get_config(self):
            return {"name": self.name}

    model = Own(name="own")
    model.build((None, 64))
    from keras_weld.training.parts import parts_of

    found = paths(parts_of(model))
    assert found[-1] == "two"
    assert set(found) == {"one", "backbone/first", "backbone/norm", "backbone/second", "two"}


def test_every_flag_is_put_back_as_it_was():
    from keras_weld.training.freezing import Freezing
    from keras_weld.training.parts import parts_of

    model = nested()
    model.get_layer("backbone").get_layer("first").trainable = False
    model.get_layer("digit").bias.trainable = False
    layers = list(model._flatten_layers())
    flags = [layer.trainable for layer in layers] + [variable.trainable for variable in model.weights]
    parts = parts_of(model)
    with Freezing(parts) as freezing:
        assert paths(freezing.train_only(parts)) == ["backbone/norm", "backbone/second", "digit"]
        assert [v.path for v in model.trainable_variables if "digit" in v.path] == ["digit/kernel"]
        assert paths(freezing.train_only(parts[:1], thaw=True)) == ["backbone/first"]
        assert {v.path.split("/")[-2] for v in model.trainable_variables} == {"first"}
    assert flags == [layer.trainable for layer in layers] + [variable.trainable for variable in model.weights]
