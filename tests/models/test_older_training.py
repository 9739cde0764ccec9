"""Optimizers of Keras 1 and 2: their state goes on where it is sure which is which."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest
from small_models import GOLDEN

from keras_weld.core.state import ModelState
from keras_weld.io.kinds import Kind
from keras_weld.models import load
from keras_weld.models.compiling import compile_as_saved
from keras_weld.models.older_training import (
    metric,
    never_trained,
    optimizer_config,
    optimizer_named,
    optimizer_values,
    values_in_order,
)

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def optimizer(make):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="hid"), keras.layers.Dense(3, name="out")])
    made = make()
    made.build(model.trainable_variables)
    return made, model.trainable_variables


def stored(*names):
    shapes = {"kernel": {"hid": (4, 3), "out": (3, 3)}, "bias": {"hid": (3,), "out": (3,)}}
    found = {"iteration:0": np.array(7)}
    for number, name in enumerate(names):
        layer = "hid" if "hid" in name else "out"
        found[name] = np.full(shapes["kernel" if "kernel" in name else "bias"][layer], number, "float32")
    return found


VARIABLES = ("hid/kernel", "hid/bias", "out/kernel", "out/bias")


@pytest.mark.parametrize("form", ["Adam/{slot}/{variable}:0", "Adam/{variable}/{slot}:0"])
def test_moments_go_to_their_variables_by_name(form):
    made, variables = optimizer(keras.optimizers.Adam)
    given = stored(*(form.format(slot=slot, variable=one) for slot in "mv" for one in VARIABLES))
    found = optimizer_values(made, variables, given)
    by_name = dict(zip([one.path.rpartition("/")[2] for one in made.variables], found, strict=True))
    assert int(by_name["iteration"]) == 7
    firsts = {name: int(value.ravel()[0]) for name, value in by_name.items() if name.endswith(("momentum", "velocity"))}
    ends = [("hid_kernel", 0), ("hid_bias", 1), ("out_kernel", 2), ("out_bias", 3)]
    for end, number in ends:
        assert [value for name, value in firsts.items() if name.endswith(f"{end}_momentum")] == [number]
        assert [value for name, value in firsts.items() if name.endswith(f"{end}_velocity")] == [number + 4]


def test_what_is_not_sure_is_not_taken():
    made, variables = optimizer(lambda: keras.optimizers.SGD(momentum=0.9))
    names = [f"SGD/m/{one}:0" for one in VARIABLES]
    assert optimizer_values(made, variables, stored(*names)) is not None
    assert optimizer_values(made, variables, stored(*names[:3])) is None
    assert optimizer_values(made, variables, stored(*reversed(names))) is None
    assert optimizer_values(made, variables, stored(*(name.replace("/m/", "/other/") for name in names))) is None
    assert optimizer_values(made, variables, stored(*(name.replace("hid", "hidden") for name in names))) is None
    assert optimizer_values(*optimizer(keras.optimizers.Nadam), stored(*names)) is None


@pytest.mark.parametrize(
    ("make", "slots"),
    [
        (keras.optimizers.Adadelta, {"accumulated_grad": "accumulated_grad", "accumulated_delta_var": "accum_var"}),
        (keras.optimizers.Adamax, {"momentum": "m", "norm": "u"}),
        (keras.optimizers.Adamax, {"momentum": "m", "norm": "v"}),
        (keras.optimizers.Ftrl, {"accumulator": "accumulator", "linear": "linear"}),
        (keras.optimizers.Lion, {"momentum": "m"}),
        (lambda: keras.optimizers.SGD(0.1, momentum=0.9, use_ema=True), {"average": "average", "momentum": "m"}),
    ],
)
def test_each_kind_of_moment_has_its_place(make, slots):
    made, variables = optimizer(make)
    found = optimizer_values(
        made, variables, stored(*(f"X/{word}/{one}:0" for word in slots.values() for one in VARIABLES))
    )
    for variable, value in zip(made.variables[2:], found[2:], strict=True):
        slot = next(slot for slot in slots if variable.path.endswith(f"_{slot}"))
        place = next(i for i, one in enumerate(VARIABLES) if one.replace("/", "_") in variable.path)
        assert int(value.ravel()[0]) == 4 * list(slots).index(slot) + place


def test_the_product_of_nadam_follows_from_its_steps():
    made, variables = optimizer(keras.optimizers.Nadam)
    names = [f"Nadam/{slot}/{one}:0" for one in VARIABLES for slot in "mv"]
    found = optimizer_values(made, variables, stored(*names))
    product = 1.0
    for step in range(1, 8):
        product *= 0.9 * (1 - 0.5 * 0.96**step)
    assert found[-1] == pytest.approx(product, rel=1e-6)
    config = {"class_name": "Custom>Nadam", "config": {"is_legacy_optimizer": False}}
    in_order = values_in_order(made, config, list(stored(*names).values()))
    assert [one.shape for one in in_order] == [tuple(one.shape) for one in made.variables]
    assert in_order[-1] == found[-1]


@pytest.mark.parametrize(("steps", "told"), [(7, 1), (60, 0)])
def test_that_nadam_is_not_exact_in_its_first_steps_is_told(steps, told):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, name="hid"), keras.layers.Dense(3, name="out")])
    given = stored(*(f"Nadam/{slot}/{one}:0" for one in VARIABLES for slot in "mv")) | {"iteration:0": np.array(steps)}
    said = {"optimizer_config": {"class_name": "Custom>Nadam", "config": {"is_legacy_optimizer": False}}, "loss": "mse"}
    state = ModelState("m.h5", Kind.LEGACY_MODEL, {}, compile_config=said, metadata={"keras_version": "2.15.0"})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        compile_as_saved(model, state, {}, given)
    assert int(model.optimizer.iterations) == steps
    found = [str(one.message) for one in caught if "Nadam goes on a little otherwise" in str(one.message)]
    assert len(found) == told
    assert all("the file is of step 7." in text for text in found)


def test_nadam_before_keras_2_11_had_another_rule():
    made, variables = optimizer(keras.optimizers.Nadam)
    given = stored(*(f"Nadam/{one}/{slot}:0" for slot in "mv" for one in VARIABLES))
    assert optimizer_values(made, variables, given) is not None
    assert optimizer_values(made, variables, given | {"Nadam/momentum_cache:0": np.array(0.5)}) is None


def test_optimizer_that_made_no_step_has_nothing_to_lose():
    assert never_trained({})
    assert never_trained({"iteration:0": np.array(0)})
    assert never_trained({"adam/iteration": np.array(0), "adam/learning_rate": np.array(0.1)})
    assert not never_trained({"iteration:0": np.array(3)})
    assert not never_trained(stored("Adam/m/hid/kernel:0") | {"iteration:0": np.array(0)})


def test_decay_becomes_a_schedule():
    config = optimizer_config({"class_name": "Adam", "config": {"learning_rate": 0.5, "decay": 0.1}})
    schedule = keras.optimizers.deserialize(config)._learning_rate
    assert float(keras.ops.convert_to_numpy(schedule(10))) == pytest.approx(0.5 / (1 + 0.1 * 10))
    unnamed = {"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.5, "name": None}}
    config = optimizer_config({"class_name": "Adam", "config": {"learning_rate": unnamed}})
    assert config["config"]["learning_rate"]["config"] == {"initial_learning_rate": 0.5}
    config = optimizer_config({"class_name": "Custom>Adam", "config": {"lr": 0.5, "decay": 0.0}})
    assert config == {"class_name": "Adam", "config": {"learning_rate": 0.5}}


def test_numbered_state_of_other_optimizers_is_not_taken():
    made, _ = optimizer(lambda: keras.optimizers.SGD(momentum=0.9))
    given = [np.array(7), *(np.ones(shape) for shape in ((4, 3), (3,), (3, 3), (3,)))]
    config = {"class_name": "Custom>SGD", "config": {"is_legacy_optimizer": False}}
    assert int(values_in_order(made, config, given)[0]) == 7
    assert len(values_in_order(made, config, given)) == len(made.variables)
    assert values_in_order(made, config | {"class_name": "Adafactor"}, given) is None
    assert values_in_order(made, config | {"config": {}}, given) is None
    assert values_in_order(made, config, []) is None


def test_an_optimizer_by_name_has_its_settings_by_default():
    assert optimizer_named("rmsprop")["class_name"] == "RMSprop"
    made, _ = optimizer(keras.optimizers.SGD)
    given = [np.array(7), *(np.zeros(shape) for shape in ((4, 3), (3,), (3, 3), (3,)))]
    found = values_in_order(made, optimizer_named("sgd"), given)
    assert [float(one) for one in found] == [7.0, pytest.approx(0.01)]


WRAPPED = {"class_name": "MeanMetricWrapper", "config": {"name": "b_mae", "fn": "mean_absolute_error"}}
OBJECT = {"class_name": "MeanAbsoluteError", "config": {"name": "a_mine", "dtype": "float32"}}
HUBER = {"class_name": "Huber", "config": {"reduction": "auto", "name": "huber_loss", "delta": 0.5, "fn": "huber"}}


@pytest.mark.parametrize(
    ("losses", "metrics", "names"),
    [
        (["mse", "mae"], [[OBJECT], [WRAPPED]], ["a_mine", "b_mae"]),
        ({"a": "mse", "b": "mae"}, [[None], [WRAPPED]], ["b_mae"]),
        ({"a": "mse", "b": "mae"}, {"b": "mae"}, ["b_mae"]),
        ("mse", ["mae"], ["a_mae", "b_mae"]),
        ([HUBER, "mae"], None, []),
    ],
)
def test_losses_and_metrics_of_several_outputs(losses, metrics, names):
    given = keras.Input((4,))
    outputs = [keras.layers.Dense(2, name="a")(given), keras.layers.Dense(1, name="b")(given)]
    model = keras.Model(given, outputs)
    said = {"optimizer": "sgd", "loss": losses, "metrics": metrics}
    state = ModelState("m.keras", Kind.KERAS, {}, compile_config=said, metadata={"keras_version": "2.15.0"})
    compile_as_saved(model, state, {}, {})
    found = model.evaluate(np.ones((2, 4)), [np.ones((2, 2)), np.ones((2, 1))], verbose=0, return_dict=True)
    assert [name for name in found if "loss" not in name] == names


def test_metrics_keep_the_names_they_were_asked_for_by():
    def wrapped(name, function):
        return metric({"class_name": "MeanMetricWrapper", "config": {"name": name, "fn": function}})

    assert wrapped("accuracy", "categorical_accuracy") == "accuracy"
    assert wrapped("mae", "mean_absolute_error") == "mae"
    assert wrapped("mine", "mean_absolute_error") == "mean_absolute_error"


@pytest.mark.parametrize("name", ["mlp.h5", "mlp.keras"])
def test_whole_file_of_keras_2_goes_on_where_it_stopped(name):
    model = load(GOLDEN / "keras2_15" / name)
    with np.load(GOLDEN / "keras2_15" / "mlp.expected.npz") as found:
        names = [str(name) for name in found["opt_names"]]
        wanted = {name: found[f"opt{number:03}"] for number, name in enumerate(names)}
        iterations, rate = int(found["iterations"]), float(found["learning_rate"])
        x, y = found["x0"], found["y0"]
    assert int(keras.ops.convert_to_numpy(model.optimizer.iterations)) == iterations
    assert float(keras.ops.convert_to_numpy(model.optimizer.learning_rate)) == pytest.approx(rate)
    moments = {one.path: keras.ops.convert_to_numpy(one) for one in model.optimizer.variables}
    first = next(value for path, value in moments.items() if path.endswith("dense_kernel_momentum"))
    np.testing.assert_array_equal(first, next(value for name, value in wanted.items() if "/m/dense/kernel" in name))
    model.train_on_batch(x, y)


OLD = {
    "adam": lambda old: old.optimizers.Adam(0.05, amsgrad=True),
    "decayed": lambda old: old.optimizers.legacy.Adam(0.05, decay=0.1),
    "ftrl": lambda old: old.optimizers.Ftrl(0.05),
    "averaged": lambda old: old.optimizers.Adadelta(0.5, use_ema=True),
    "rmsprop": lambda old: old.optimizers.RMSprop(0.01, momentum=0.9, centered=True),
}


@pytest.mark.filterwarnings("ignore")  # tf_keras has warnings of its own
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf_keras is TensorFlow's")
@pytest.mark.parametrize(
    ("name", "file"),
    [
        *(("adam", "m.h5"), ("decayed", "m.h5"), ("rmsprop", "m.h5"), ("rmsprop", "m.keras"), ("adam", "m.keras")),
        *(("ftrl", "m.h5"), ("averaged", "m.keras")),
    ],
)
def test_training_goes_on_as_it_would_have_in_keras_2(tmp_path, name, file):
    old = pytest.importorskip("tf_keras")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(32, 4)).astype("float32"), random.normal(size=(32, 2)).astype("float32")
    old.utils.set_random_seed(0)
    layers = [old.layers.Dense(3, activation="tanh"), old.layers.BatchNormalization(), old.layers.Dense(2)]
    model = old.Sequential([old.Input((4,)), *layers])
    model.compile(OLD[name](old), "mse", metrics=["mae"])
    model.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)
    model.save(tmp_path / file)
    new = load(tmp_path / file)
    for one in (model, new):
        one.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)
    for ours, theirs in zip(new.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
