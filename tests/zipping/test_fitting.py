"""Least squares as a start: it comes nearer to the sources than their mean, and changes nothing that need not be."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from zip_models import answers, examples, made  # noqa: E402

from keras_weld.stats import held  # noqa: E402
from keras_weld.zipping import fitting  # noqa: E402
from keras_weld.zipping.blocks import blocks_of  # noqa: E402
from keras_weld.zipping.fitting import fit_shared, kept_rule  # noqa: E402
from keras_weld.zipping.lockstep import Trunk, trunk_of  # noqa: E402
from keras_weld.zipping.sharing import rule_of  # noqa: E402
from keras_weld.zipping.start import set_start  # noqa: E402
from keras_weld.zipping.trace import Slot, trace  # noqa: E402
from keras_weld.zipping.walk import Zipped, zipped  # noqa: E402

TASKS = ("first", "second")


def pair(kind: str, *seeds: int) -> tuple[list[keras.Model], Trunk]:
    models = [made(kind, 3, seed) for seed in seeds]
    return models, trunk_of([trace(one) for one in models])


def fitted(trunk: Trunk, inputs: dict[str, np.ndarray], share: str, merge: str) -> tuple[Zipped, list[str]]:
    build = partial(zipped, trunk, TASKS, until=blocks_of(trunk)[-1].end, merge=merge)  # type: ignore[arg-type]
    network = build(rule=rule_of(share))
    set_start(network, "mean", TASKS)
    return network, fit_shared(network, build(rule=kept_rule(network, trunk)), trunk, inputs)


def own_inputs(model: keras.Model, count: int = 32) -> dict[str, np.ndarray]:
    return {task: examples(model, count, seed) for seed, task in enumerate(TASKS)}


def distances(network: Zipped, models: list[keras.Model], inputs: dict[str, np.ndarray]) -> list[float]:
    """How far each task's answers on its own examples are from those of its source."""
    found = []
    for task, model in zip(TASKS, models, strict=True):
        given = keras.ops.convert_to_numpy(network.model(inputs[task], training=False)[task])
        found.append(float(np.abs(given - answers(model, inputs[task])[0]).mean()))
    return found


@pytest.mark.parametrize(("kind", "share", "merge"), [("cnn", "all", "features"), ("mobile", "pointwise", "weights")])
def test_it_comes_nearer_to_the_sources_than_their_mean(kind: str, share: str, merge: str) -> None:
    models, trunk = pair(kind, 0, 1)
    inputs = own_inputs(models[0])
    mean = zipped(trunk, TASKS, until=blocks_of(trunk)[-1].end, rule=rule_of(share), merge=merge)  # type: ignore[arg-type]
    set_start(mean, "mean", TASKS)
    network, left = fitted(trunk, inputs, share, merge)
    assert left == []
    for found, before in zip(distances(network, models, inputs), distances(mean, models, inputs), strict=True):
        assert found < before / 2


def trained_on_digits(labels: np.ndarray, pictures: np.ndarray, seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    body = [one for width in (24, 24) for one in (keras.layers.Dense(width), keras.layers.ReLU())]
    model = keras.Sequential([keras.Input((64,)), *body, keras.layers.Dense(10, activation="softmax")])
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit(pictures, labels, batch_size=128, epochs=6, verbose=0)
    return model


def test_without_labels_it_answers_better_than_the_mean_on_digits() -> None:
    from sklearn.datasets import load_digits

    pictures, digits = load_digits(return_X_y=True)
    x = {"first": (pictures / 16).astype("float32"), "second": (pictures[:, ::-1] / 16).astype("float32")}
    y = {"first": digits, "second": (digits + 3) % 10}
    models = [trained_on_digits(y[task][:1200], x[task][:1200], seed) for seed, task in enumerate(TASKS)]
    trunk = trunk_of([trace(one) for one in models])
    right: dict[str, list[float]] = {task: [] for task in TASKS}
    mean = zipped(trunk, TASKS, until=blocks_of(trunk)[-1].end, rule=rule_of("all"), merge="weights")
    set_start(mean, "mean", TASKS)
    fit, _ = fitted(trunk, {task: one[:288] for task, one in x.items()}, "all", "weights")
    for network in (mean, fit):
        for task in TASKS:
            given = answers(network.for_task(task), x[task][1200:])[0]
            right[task].append(float((given.argmax(-1) == y[task][1200:]).mean()))
    before, after = np.mean(list(right.values()), axis=0)
    assert after > before + 0.15


@pytest.mark.parametrize(("kind", "merge"), [("mobile", "weights"), ("residual", "features")])
def test_models_that_are_alike_are_fitted_to_themselves(kind: str, merge: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where it is not known that they are, and all is calculated."""
    monkeypatch.setattr(fitting, "_alike", lambda shared: False)
    models, trunk = pair(kind, 0, 0)
    inputs = own_inputs(models[0])
    network, _ = fitted(trunk, inputs, "all", merge)
    for task in TASKS:
        given = keras.ops.convert_to_numpy(network.model(inputs[task], training=False)[task])
        np.testing.assert_allclose(given, answers(models[0], inputs[task])[0], rtol=1e-3, atol=1e-4)


def test_scale_and_offset_of_each_tasks_own_normalization_are_fitted() -> None:
    models, trunk = pair("mobile", 0, 1)
    inputs = own_inputs(models[0])
    network, _ = fitted(trunk, inputs, "pointwise", "weights")
    number = max(number for number, step in enumerate(trunk.steps) if "normalization" in step.name)
    for task, (name, model) in enumerate(zip(TASKS, models, strict=True)):
        layer, source = network.layers[task][number], trunk.traces[task].steps[number].operation
        there = keras.Model(network.inputs[name][0], network.tensors[task][Slot(number)])
        wanted = answers(keras.Model(model.inputs[0], source.output), inputs[name])[0]
        away = [float(np.square(answers(there, inputs[name])[0] - wanted).mean())]
        for variable, value in ((layer.gamma, source.gamma), (layer.beta, source.beta)):
            variable.assign(value)
        away.append(float(np.square(answers(there, inputs[name])[0] - wanted).mean()))
        assert away[0] < away[1]


def test_a_normalization_that_is_shared_has_the_statistics_of_all_tasks_though_the_models_have_it_alike() -> None:
    models = [made("cnn", 3, seed) for seed in (0, 1)]
    models[1].layers[2].set_weights(models[0].layers[2].get_weights())
    found = []
    for order in ((0, 1), (1, 0)):
        trunk = trunk_of([trace(models[one]) for one in order])
        inputs = {task: examples(models[0], 32, one) for task, one in zip(TASKS, order, strict=True)}
        network, _ = fitted(trunk, inputs, "all", "weights")
        found.append([keras.ops.convert_to_numpy(one) for one in network.layers[0][2].weights])
    for first, second in zip(*found, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3)


def test_statistics_in_heads_go_along() -> None:
    models = []
    for seed, width in enumerate((3, 5)):  # they part behind the first block
        keras.utils.set_random_seed(seed)
        body = [keras.layers.Dense(8, activation="relu"), keras.layers.Dense(width), keras.layers.BatchNormalization()]
        models.append(keras.Sequential([keras.Input((5,)), *body, keras.layers.Dense(2)]))
    trunk = trunk_of([trace(one) for one in models])
    assert trunk.length == 1
    inputs = own_inputs(models[0])
    network, _ = fitted(trunk, inputs, "all", "weights")
    for task, model in zip(TASKS, models, strict=True):
        normal = keras.Model(model.inputs[0], model.layers[2].output)
        head = network.heads[TASKS.index(task)].model
        there = keras.Model(head.inputs[0], head.layers[2].output)
        shared = network.shared[0].layer(inputs[task])
        given, wanted = (keras.ops.convert_to_numpy(one) for one in (there(shared), normal(inputs[task])))
        np.testing.assert_allclose(given.mean(0), wanted.mean(0), atol=1e-4)
        np.testing.assert_allclose(given.std(0), wanted.std(0), rtol=1e-3)


def test_what_an_earlier_round_shares_keeps_its_values() -> None:
    models, trunk = pair("mobile", 0, 1)
    for name in ("stem", "pointwise_1"):
        models[1].get_layer(name).set_weights(models[0].get_layer(name).get_weights())
    network, _ = fitted(trunk, own_inputs(models[0]), "kernels", "weights")
    for name, same in (("pointwise_1", True), ("pointwise_2", False)):
        given = network.model.get_layer(name).get_weights()[0]
        assert np.array_equal(given, models[0].get_layer(name).get_weights()[0]) is same


def test_what_has_no_closed_form_or_is_called_again_takes_the_mean_and_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for kind, count in (("lstm", 3), ("two_outputs", 1)):
        models, trunk = pair(kind, 0, 1)
        assert len(fitted(trunk, own_inputs(models[0]), "all", "weights")[1]) == count
    monkeypatch.setattr(fitting, "MOST_WIDTH", 7)
    models, trunk = pair("mobile", 0, 1)
    network, left = fitted(trunk, own_inputs(models[0]), "pointwise", "weights")
    assert left == ["pointwise_3"]
    kernels = [model.get_layer("pointwise_3").get_weights()[0] for model in models]
    np.testing.assert_allclose(network.model.get_layer("pointwise_3").get_weights()[0], np.mean(kernels, 0), rtol=1e-6)


def test_held_or_called_from_the_inputs_again_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    models, trunk = pair("residual", 0, 1)
    inputs = own_inputs(models[0])
    found = [distances(fitted(trunk, inputs, "kernels", "features")[0], models, inputs)]
    monkeypatch.setattr(held, "MOST_BYTES", 0)
    found.append(distances(fitted(trunk, inputs, "kernels", "features")[0], models, inputs))
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4)
