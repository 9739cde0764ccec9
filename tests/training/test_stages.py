"""Training in stages: what changes and what does not, what is kept, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from tuned_models import array, changed, digits, nested, side_by_side, splits, weights

from keras_weld.data.arrays import array_split
from keras_weld.errors import DataError, TrainingError, UsageError

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]


def run(model, stages, train=None, held=None, settings=None, **options):
    from keras_weld.training.course import Settings
    from keras_weld.training.stages import run_stages

    if train is None:
        train, held = splits()
    return run_stages(model, train, held, stages, Settings(**(settings or {})), **options)


@pytest.mark.parametrize(
    ("stages", "trained"),
    [
        ("head:1@1e-2", {"digit"}),
        ("last-2:1@1e-2", {"digit", "second"}),
        ("backbone/first:1@1e-2", {"first"}),
        ("all:1@1e-2", {"first", "norm", "second", "digit"}),
    ],
)
def test_what_a_stage_does_not_train_is_bit_for_bit_the_same(stages, trained):
    model = nested()
    before = weights(model)
    found = run(model, stages)
    assert found.best == (1, 1)
    assert changed(model, before) == trained
    assert {path.rpartition("/")[2] for path in found.stages[0].layers} == trained


def test_a_frozen_batch_normalization_stays_in_inference_mode():
    model = nested()
    norm = model.get_layer("backbone").get_layer("norm")
    norm.moving_mean.assign(np.linspace(0, 1, 24))
    statistics = [array(norm.moving_mean), array(norm.moving_variance)]
    seen = {}
    import keras

    class Look(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            inner, x = model.get_layer("backbone"), digits()[0][:50]
            seen["apart"] = np.abs(array(inner(x, training=True)) - array(inner(x, training=False))).max()

    run(model, "head:2@1e-2", settings={"callbacks": [Look()]})
    assert seen["apart"] == 0
    np.testing.assert_array_equal(statistics, [array(norm.moving_mean), array(norm.moving_variance)])
    assert norm.trainable


def test_a_trained_batch_normalization_learns_its_statistics():
    model = nested()
    norm = model.get_layer("backbone").get_layer("norm")
    before = array(norm.moving_mean)
    run(model, "all:1@1e-3")
    assert np.abs(array(norm.moving_mean) - before).max() > 0


def test_each_stage_has_its_rate_and_a_fresh_optimizer():
    import keras

    class Look(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            iterations.append(int(keras.ops.convert_to_numpy(self.model.optimizer.iterations)))

    iterations = []
    found = run(nested(), "head:2@1e-2,last-2:1@1e-3", settings={"callbacks": [Look()], "optimizer": "sgd"})
    rates = [epoch.rate for stage in found.stages for epoch in stage.history]
    assert rates == pytest.approx([1e-2, 1e-2, 1e-3])
    assert iterations == [0, 0]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    results = []
    for seed in (3, 3, 4):
        model = side_by_side()
        run(model, "head:2@1e-2,all:1@1e-2", settings={"seed": seed})
        results.append(np.concatenate([np.ravel(value) for value in weights(model).values()]))
    assert results[0].tobytes() == results[1].tobytes()
    assert results[0].tobytes() != results[2].tobytes()


def test_a_stage_that_makes_it_worse_is_rolled_back_and_told():
    model, twin = nested(), nested()
    found = run(model, "head:3@1e-2,all:1@9")
    run(twin, "head:3@1e-2")
    assert changed(model, weights(twin)) == set()
    assert (found.stages[0].kept, found.stages[1].kept) == (True, False)
    assert found.stages[1].after < found.stages[1].before == found.after["accuracy"]
    assert any(note.startswith("Stage 2 (all) did not make it better on the validation") for note in found.notes)


def test_a_model_that_tuning_makes_worse_comes_back_as_it_was():
    model = nested()
    run(model, "all:6@1e-2")
    before = weights(model)
    found = run(model, "all:1@9")
    assert found.unchanged
    assert changed(model, before) == set()
    assert found.notes[-1] == "No stage made the model better on the validation examples: it is as it was."


def test_a_stage_ends_when_nothing_gets_better_for_long():
    model = nested()
    run(model, "all:8@1e-2")
    found = run(model, "head:9@1e-12", settings={"patience": 2})
    assert len(found.stages[0].history) <= 4


def test_a_loss_that_is_no_number_ends_the_training_with_the_best_so_far():
    model, twin = nested(), nested()
    found = run(model, "head:1@1e-2,all:3@1e30,head:1@1e-2")
    run(twin, "head:1@1e-2")
    assert changed(model, weights(twin)) == set()
    assert len(found.stages) == 2
    epoch, step = found.stages[1].broken
    assert (
        f"Warning: the loss became no number in stage 2 (all), epoch {epoch}, step {step}. Training ended there; the "
        "best weights before it were kept." in found.notes
    )


def test_a_loss_that_is_no_number_from_the_start_is_refused():
    model = nested()
    model.get_layer("digit").kernel.assign(np.full((16, 10), np.nan))
    with pytest.raises(TrainingError, match=r"no number any more in stage 1 \(head\), epoch 1, step 1"):
        run(model, "head:1@1e-2")
    assert all(layer.trainable for layer in model._flatten_layers())


def test_what_is_frozen_in_the_model_stays_so_unless_it_is_named():
    model = nested()
    model.get_layer("backbone").trainable = False
    before = weights(model)
    found = run(model, "all:1@1e-2")
    assert changed(model, before) == {"digit"}
    assert any("Frozen in the model itself and left so by the stage all: backbone/first, " in n for n in found.notes)
    found = run(model, "backbone/second:1@1e-2")
    assert changed(model, before) == {"digit", "second"}
    assert any("trained because backbone/second names them: backbone/second." in n for n in found.notes)
    assert not model.get_layer("backbone").trainable
    assert not model.get_layer("backbone").get_layer("second").trainable


def test_a_stage_with_everything_frozen_is_refused():
    model = nested()
    model.get_layer("digit").trainable = False
    with pytest.raises(UsageError, match="nothing to train: all of its layers are frozen") as refused:
        run(model, "head:1@1e-2")
    assert refused.value.remedy.endswith("such as digit")


@pytest.mark.parametrize(
    ("targets", "problem", "expected", "found"),
    [
        (lambda y: y + 3, "A label is not one of the model's classes.", "whole numbers from 0 to 9", "10"),
        (lambda y: y - 1, "A label is not one of the model's classes.", "whole numbers from 0 to 9", "-1"),
        (lambda y: y + 0.5, "The targets are values, and the model tells classes apart.", "whole-number", "0.5"),
        (lambda y: np.eye(10)[y][:, :7], "The targets do not fit what the model gives.", "shape ()", "shape (7)"),
    ],
)
def test_targets_that_do_not_fit_are_refused_before_the_first_step(targets, problem, expected, found):
    x, y = digits()
    data = array_split("train", "digits.npz", {"x": x[:99]}, {"y": targets(y[:99])})
    with pytest.raises(DataError) as refused:
        run(nested(), "head:1@1e-2", data, data)
    assert refused.value.problem == problem
    assert expected in refused.value.expected
    assert refused.value.found.startswith(found)
    assert refused.value.file == "digits.npz"


def test_a_yes_or_no_of_two_is_refused():
    x, y = digits()
    data = array_split("train", "digits.npz", {"x": x[:99]}, {"y": y[:99] % 3})
    with pytest.raises(DataError, match="A target is neither yes nor no") as refused:
        run(nested("sigmoid", 1), "head:1@1e-2", data, data)
    assert refused.value.found == "2"


@pytest.mark.parametrize("loss", [None, "categorical_crossentropy"])
@pytest.mark.parametrize("row", [(-1.0, 1.5, 0.5), (1.0, 1.0, 1.0), (0.2, 0.2, 0.2)])
def test_columns_that_are_no_probabilities_are_refused(loss, row):
    x, y = digits()
    targets = np.eye(3)[y[:99] % 3]
    targets[50] = row
    data = array_split("train", "digits.npz", {"x": x[:99]}, {"y": targets})
    with pytest.raises(DataError, match="A target is no probabilities of classes") as refused:
        run(nested(classes=3), "head:1@1e-2", data, data, loss=loss)
    assert refused.value.found == ", ".join(f"{value:g}" for value in row)
    assert "mean_squared_error" in refused.value.remedy


def test_inputs_of_another_shape_are_refused():
    x, y = digits()
    data = array_split("train", "digits.npz", {"x": x[:99, :60]}, {"y": y[:99]})
    with pytest.raises(DataError, match="do not fit the model's input 'pixels'"):
        run(nested(), "head:1@1e-2", data, data)


def test_data_without_targets_is_refused():
    x, _ = digits()
    data = array_split("train", "digits.npz", {"x": x[:99]}, {})
    with pytest.raises(DataError, match="There are no targets"):
        run(nested(), "head:1@1e-2", data, data)


@pytest.mark.parametrize(
    ("settings", "loss", "problem"),
    [
        ({"optimizer": "adaam"}, None, "There is no such optimizer."),
        ({"batch_size": 0}, None, "batch_size is a whole number of 1 or more."),
        ({"patience": 0}, None, "patience is a whole number of 1 or more."),
        ({"seed": -1}, None, "A seed is a whole number of 0 or more."),
        ({}, "sparse", "There is no such loss."),
        ({}, "mse:logits", "Only a crossentropy takes logits."),
        ({}, {"digits": "mse"}, "There is no such output to give a loss for."),
    ],
)
def test_options_that_make_no_sense_are_refused(settings, loss, problem):
    with pytest.raises(UsageError) as refused:
        run(nested(), "head:1@1e-2", settings=settings, loss=loss)
    assert refused.value.problem == problem


def test_several_outputs_have_a_loss_each_and_targets_go_by_name():
    import keras

    x, y = digits()
    inner = nested().get_layer("backbone")
    inputs = keras.Input((64,), name="pixels")
    features = inner(inputs)
    outputs = [
        keras.layers.Dense(10, activation="softmax", name="digit")(features),
        keras.layers.Dense(1, activation="sigmoid", name="odd")(features),
    ]
    model = keras.Model(inputs, outputs)
    targets = {"odd": (y % 2)[:320], "digit": y[:320]}
    data = array_split("train", "digits", {"x": x[:320]}, targets)
    found = run(model, "head:2@1e-2", data, data)
    assert found.losses == {"digit": "sparse_categorical_crossentropy", "odd": "binary_crossentropy"}
    assert found.monitor == "accuracy"
    assert {"digit_accuracy", "odd_accuracy"} <= set(found.after)
    assert found.after["odd_accuracy"] > 0.5


def test_values_are_decided_by_the_loss():
    x, y = digits()
    data = array_split("train", "digits", {"x": x[:320]}, {"y": (y[:320] / 9).astype("float32")})
    found = run(nested("linear", 1), "all:3@1e-2", data, data)
    assert (found.monitor, found.losses) == ("loss", {"digit": "mean_squared_error"})
    assert found.after["loss"] < found.before["loss"]


@pytest.mark.parametrize("loss", [None, "sparse_categorical_crossentropy:logits"])
def test_logits_are_taken_as_such(loss):
    found = run(nested("linear"), "all:4@1e-2", loss=loss)
    assert found.losses == {"digit": "sparse_categorical_crossentropy"}
    assert found.after["accuracy"] > 0.5
    assert "logits" in found.notes[0]


def test_preprocessing_and_augmentation_in_the_model_work():
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(0)
    x, _ = digits()
    normalize = layers.Normalization(name="normalize")
    normalize.adapt(x)
    model = keras.Sequential(
        [
            keras.Input((64,)),
            normalize,
            layers.Reshape((8, 8, 1)),
            layers.RandomTranslation(0.1, 0.1),
            layers.Conv2D(8, 3, activation="relu", data_format="channels_last", name="conv"),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax", name="digit"),
        ]
    )
    mean = array(normalize.mean)
    found = run(model, "head:1@1e-2,all:2@1e-2")
    assert found.stages[1].layers == ("conv", "digit")
    assert found.after["accuracy"] > found.before["accuracy"]
    np.testing.assert_array_equal(mean, array(normalize.mean))


def test_half_precision_works():
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = nested()
    finally:
        keras.config.set_dtype_policy("float32")
    found = run(model, "all:3@1e-2")
    assert found.after["accuracy"] > found.before["accuracy"]
    assert [epoch.rate for epoch in found.stages[0].history] == pytest.approx([1e-2] * 3)


def test_the_model_is_not_compiled_by_it():
    model = nested()
    run(model, "head:1@1e-2")
    assert not model.compiled
    model.compile("sgd", "sparse_categorical_crossentropy")
    optimizer = model.optimizer
    run(model, "head:1@1e-2")
    assert model.optimizer is optimizer


def test_progress_is_told_of_every_step_and_every_end_of_an_epoch():
    told = []
    run(nested(), "head:2@1e-2,all:1@1e-3", progress=lambda *words: told.append(words))
    assert [done for done, _, _ in told] == [*range(1, 11), 10, *range(11, 21), 20, *range(21, 31), 30]
    assert all("validation loss" in words for done, _, words in told[10::11])
    assert {total for _, total, _ in told} == {30}
    assert told[0][2].startswith("Stage 1 of 2, head: epoch 1, loss ")
    assert told[-1][2].startswith("Stage 2 of 2, all: epoch 1, loss ")


def test_a_press_of_ctrl_c_puts_the_flags_back():
    def press(*_):
        raise KeyboardInterrupt

    model = nested()
    with pytest.raises(KeyboardInterrupt):
        run(model, "head:2@1e-2", progress=press)
    assert all(layer.trainable for layer in model._flatten_layers())
