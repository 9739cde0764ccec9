"""Networks walked in step: a model zipped with itself is that model, and what is shared is one layer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from zip_models import KINDS, answers, examples, made  # noqa: E402

from keras_weld.zipping.blocks import blocks_of  # noqa: E402
from keras_weld.zipping.lockstep import Trunk, trunk_of  # noqa: E402
from keras_weld.zipping.sharing import RULES, rule_of  # noqa: E402
from keras_weld.zipping.start import set_start  # noqa: E402
from keras_weld.zipping.trace import trace  # noqa: E402
from keras_weld.zipping.walk import Zipped, zipped  # noqa: E402

TASKS = ("first", "second")


def trunk(*models: keras.Model) -> Trunk:
    return trunk_of([trace(one) for one in models])


def merged(found: Trunk, depth: int, share: str = "all", **options: object) -> Zipped:
    blocks = blocks_of(found)
    until = blocks[depth - 1].end if depth else 0
    return zipped(found, TASKS[: len(found.traces)], until=until, rule=rule_of(share), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("merge", ["features", "weights"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_model_zipped_with_itself_gives_what_it_gives(kind: str, merge: str) -> None:
    model = made(kind)
    x, found = examples(model), trunk(model, model)
    want = answers(model, x)
    for depth in (1, len(blocks_of(found))):
        for share in RULES if kind == "mobile" else ("all",) if depth == 1 else ("all", "kernels"):
            one = merged(found, depth, share, merge=merge)
            set_start(one, "mean", TASKS)
            given = one.model(x, training=False)
            assert len(given) == 2 * len(want)
            for values, wanted in zip(given.values(), [*want, *want], strict=True):
                np.testing.assert_array_equal(keras.ops.convert_to_numpy(values), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_loaded_by_plain_keras_and_gives_the_same(kind: str, tmp_path: Path) -> None:
    first, second = made(kind, 3, 0), made(kind, 4, 1)
    one = merged(trunk(first, second), 1)
    x = examples(first)
    one.model.save(tmp_path / "zipped.keras")
    again = keras.models.load_model(tmp_path / "zipped.keras")
    for name, values in one.model(x, training=False).items():
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(again(x, training=False)[name]), keras.ops.convert_to_numpy(values)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_merged_is_both_models_side_by_side_and_heads_may_differ(kind: str) -> None:
    first, second = made(kind, 3, 0), made(kind, 4, 1)
    one, x = merged(trunk(first, second), 0), examples(first)
    given = [keras.ops.convert_to_numpy(values) for values in one.model(x, training=False).values()]
    for values, wanted in zip(given, [*answers(first, x), *answers(second, x)], strict=True):
        np.testing.assert_array_equal(values, wanted)


def test_by_weights_each_task_keeps_its_own_activations_and_by_features_they_join() -> None:
    models = made("mobile", seed=0), made("mobile", seed=1)
    found = trunk(*models)
    by_weights = merged(found, 3, "pointwise", merge="weights").model
    by_features = merged(found, 3, "pointwise", merge="features").model
    assert not [layer for layer in by_weights.layers if isinstance(layer, keras.layers.Average)]
    assert len([layer for layer in by_features.layers if isinstance(layer, keras.layers.Average)]) == 3
    assert by_weights.count_params() == by_features.count_params()


def test_an_input_of_its_own_for_each_task() -> None:
    first, second = made("cnn", seed=0), made("cnn", seed=1)
    one = merged(trunk(first, second), 0, separate=True)
    x, y = examples(first, seed=1), examples(first, seed=2)
    given = one.model([x, y], training=False)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(given["first"]), answers(first, x)[0])
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(given["second"]), answers(second, y)[0])


def test_what_the_tasks_share_starts_with_the_mean_or_with_one_of_them() -> None:
    models = made("mobile", seed=0), made("mobile", seed=1)
    one = merged(trunk(*models), 3)
    kernels = [model.get_layer("pointwise_2").kernel.numpy() for model in models]
    set_start(one, "mean", TASKS)
    shared = one.model.get_layer("pointwise_2")
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(shared.kernel), np.mean([k.astype("float64") for k in kernels], 0).astype("float32")
    )
    set_start(one, "from:second", TASKS)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(shared.kernel), kernels[1])
    set_start(one, "random", TASKS)
    assert not np.allclose(keras.ops.convert_to_numpy(shared.kernel), kernels[1])


def test_the_models_part_where_a_layer_differs() -> None:
    first = made("cnn")
    second = keras.Sequential(
        [keras.Input((12, 12, 3)), *[type(one).from_config(one.get_config()) for one in first.layers[:4]]]
    )
    second.add(keras.layers.Conv2D(6, 5, activation="relu", name="wide"))
    second.add(keras.layers.Flatten())
    second.add(keras.layers.Dense(3))
    found = trunk(first, second)
    assert found.parting is not None
    assert found.length == 4
    assert "kernel_size" in found.parting.difference.expected


def test_pixels_in_another_range_stay_each_models_own() -> None:
    first = made("cnn", seed=0)
    config = first.get_config()
    rescaling = next(one for one in config["layers"] if one["class_name"] == "Rescaling")
    rescaling["config"]["scale"] = 1 / 127.5
    second = keras.Sequential.from_config(config)
    second.set_weights(first.get_weights())
    found = trunk(first, second)
    assert found.length == trunk(first, first).length
    assert len(found.unlike) == 1
    one, x = merged(found, 0), examples(first)
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(one.model(x)["second"]), answers(second, x)[0])


def test_models_of_other_vocabularies_part_where_words_are_looked_up() -> None:
    """The same number would be another word to each of them."""

    def reads(*words: int) -> keras.Model:
        lookup = keras.layers.IntegerLookup(name="lookup")
        lookup.set_vocabulary(list(words))  # as adapt() does: the configuration does not tell it
        return keras.Sequential([keras.Input((3,), dtype="int64"), lookup, keras.layers.Embedding(4, 2, name="words")])

    assert trunk(reads(5, 6, 7), reads(5, 6, 7)).length == 2
    found = trunk(reads(5, 6, 7), reads(5, 7, 6))
    assert found.parting is not None
    assert found.parting.difference.layer == "lookup"
    assert (found.parting.difference.expected, found.parting.difference.found) == ("word 2 is 6", "word 2 is 7")
    assert found.length == 0
