"""One model in `.keras` and in `.h5`: `weld check --for average` and `weld average` say the same of the two."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402 - not for a run without a backend
import numpy as np  # noqa: E402
from keras import layers  # noqa: E402

from keras_weld.errors import WeldError  # noqa: E402
from keras_weld.recipes.average import average  # noqa: E402
from keras_weld.recipes.check import check  # noqa: E402
from keras_weld.recipes.convert import convert  # noqa: E402
from keras_weld.recipes.inspect import inspect  # noqa: E402


@keras.saving.register_keras_serializable("formats")
class Affine(layers.Layer):
    """Two variables of one shape, which an `.h5` tells apart by their order alone."""

    def build(self, shape: Any) -> None:
        self.slope = self.add_weight(shape=(shape[-1],), name="slope", initializer="ones")
        self.shift = self.add_weight(shape=(shape[-1],), name="shift")

    def call(self, given: Any) -> Any:
        return given * self.slope + self.shift


@keras.saving.register_keras_serializable("formats")
class Gated(layers.Layer):
    """A variable and a layer that this one makes itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner = layers.Dense(2)

    def build(self, shape: Any) -> None:
        self.gate = self.add_weight(shape=(), name="gate")
        self.inner.build(shape)

    def call(self, given: Any) -> Any:
        return self.inner(given) * self.gate


@keras.saving.register_keras_serializable("formats")
class Doubling(layers.Layer):
    """No variables."""

    def call(self, given: Any) -> Any:
        return given * 2


def with_attention() -> keras.Model:
    given = keras.Input((3, 4))
    return keras.Model(given, layers.GroupQueryAttention(2, 2, 1)(given, given))


def with_bins() -> keras.Model:
    bins = layers.Discretization(bin_boundaries=[0.0, 1.0], output_mode="one_hot")
    given = keras.Input((1,))
    return keras.Model(given, layers.Dense(2)(bins(given)))


def with_norm() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), layers.SpectralNormalization(layers.Dense(2))])


def with_lora() -> keras.Model:
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    model.layers[0].enable_lora(1)
    return model


def with_own_part() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), Gated()])


def with_own() -> keras.Model:
    return keras.Sequential([keras.Input((3,)), Affine(), layers.Dense(2)])


def saved(build: Callable[[], keras.Model], folder: Path) -> tuple[Path, Path]:
    keras.utils.set_random_seed(1)
    model = build()
    files = folder / "m.keras", folder / "m.h5"
    for file in files:
        model.save(file)
    return files


@pytest.mark.parametrize("build", [with_attention, with_bins, with_norm])
def test_two_formats_are_averaged_as_the_check_says(tmp_path: Path, build: Callable[[], keras.Model]) -> None:
    new, old = saved(build, tmp_path)
    for pair in ([new, old], [old, new]):
        assert check(pair, purpose="average").possible
        average(pair, tmp_path / "mean.keras")
        mean, source = (keras.models.load_model(file).get_weights() for file in (tmp_path / "mean.keras", new))
        assert all(map(np.array_equal, mean, source))


def test_a_kernel_that_is_stored_twice_counts_once(tmp_path: Path) -> None:
    files = [*saved(with_norm, tmp_path), tmp_path / "m.weights.h5"]
    keras.models.load_model(files[0]).save_weights(files[2])
    for file in files:
        counts = inspect(file).summary.parameters
        assert (counts.total, counts.trainable, counts.non_trainable) == (3 * 2 + 2 + 2, 3 * 2 + 2, 2)


@pytest.mark.parametrize(
    ("build", "one", "other", "problem"),
    [
        (with_own, "m.keras", "m.h5", "Nothing tells which tensor of one model is which of the other."),
        (with_own_part, "m.keras", "m.h5", "Nothing tells which tensor of one model is which of the other."),
        (with_lora, "m.h5", "m.keras", "Nothing tells which tensor of one model is which of the other."),
        (with_lora, "m.h5", "m.h5", "None of the files tells where Keras 3 would keep its tensors."),
        (with_own, "m.h5", "m.h5", "None of the files tells where Keras 3 would keep its tensors."),
    ],
)
def test_the_check_refuses_what_average_refuses_and_why(
    tmp_path: Path, build: Callable[[], keras.Model], one: str, other: str, problem: str
) -> None:
    saved(build, tmp_path)
    pair = [tmp_path / one, tmp_path / other]
    report = check(pair, purpose="average")
    with pytest.raises(WeldError) as caught:
        average(pair, tmp_path / "mean.keras")
    first, *_ = report.merge("average").findings
    assert (report.possible, caught.value.problem, first.text) == (False, problem, problem)
    assert (first.file, first.layer, first.remedy) == (caught.value.file, caught.value.layer, caught.value.remedy)


@pytest.mark.parametrize(
    ("build", "remedy"), [(with_own, "FILE.h5 NEW.keras --custom module:Class"), (with_lora, "FILE.h5 NEW.keras")]
)
def test_what_an_h5_does_not_tell_can_be_averaged_once_it_is_converted(
    tmp_path: Path, build: Callable[[], keras.Model], remedy: str
) -> None:
    new, old = saved(build, tmp_path)
    first, *_ = check([new, old], purpose="average").merge("average").findings
    assert str(first.remedy).endswith(f"weld convert {remedy}")
    convert(old, tmp_path / "converted.keras", custom_objects={"Affine": Affine})
    average([new, tmp_path / "converted.keras"], tmp_path / "mean.keras")


def test_a_layer_of_ones_own_without_weights_does_no_harm(tmp_path: Path) -> None:
    saved(lambda: keras.Sequential([keras.Input((3,)), Doubling(), layers.Dense(2)]), tmp_path)
    for pair in (["m.h5", "m.h5"], ["m.keras", "m.h5"]):
        files = [tmp_path / name for name in pair]
        assert check(files, purpose="average").possible
        average(files, tmp_path / "mean.keras")
