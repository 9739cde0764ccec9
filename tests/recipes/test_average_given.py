"""Averages whose architecture comes from a whole-model `.h5` of Keras 3, or from a file beside a SavedModel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [
    pytest.mark.keras,
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:You are saving your model as an HDF5 file"),
]

import keras  # noqa: E402 - not for a run without a backend
import live_models as live  # noqa: E402

import keras_weld as weld  # noqa: E402

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
MODELS = {"nested": live.nested, "two_io": live.two_io, "shared": live.shared, "normalization": live.normalization}
if ON_TENSORFLOW:  # on JAX these take seconds to build, and what is tested is the same
    MODELS |= {"recurrent": live.recurrent, "attention": live.attention, "convolutions": live.convolutions}


def mean_of(models: list[keras.Model]) -> list[np.ndarray[Any, Any]]:
    """Their mean, variable by variable; of what has none, the first."""
    columns = zip(*([live.values_of(variable) for variable in model.weights] for model in models), strict=True)
    return [
        np.mean(np.stack(values).astype("f8"), 0).astype(values[0].dtype) if values[0].dtype.kind == "f" else values[0]
        for values in columns
    ]


def two(make: Callable[[], keras.Model]) -> list[keras.Model]:
    with live.numpy_initializers():
        models = [make() for _ in range(2)]
    models[1].set_weights([value * 2 if value.dtype.kind == "f" else value for value in models[1].get_weights()])
    return models


def mean_in_new_files(models: list[keras.Model], folder: Path) -> keras.Model:
    """The mean by way of `.keras` files, which hold all that layers work out from their weights."""
    files = [folder / f"{number}.keras" for number in range(len(models))]
    for model, file in zip(models, files, strict=True):
        model.save(file)
    weld.average(files, folder / "wanted.keras")
    return keras.models.load_model(folder / "wanted.keras")


@pytest.mark.parametrize("name", MODELS)
def test_two_whole_h5_files_give_a_keras_file(tmp_path: Path, name: str) -> None:
    models = two(MODELS[name])
    files = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for model, file in zip(models, files, strict=True):
        model.save(file)
    weld.average(files, tmp_path / "mean.keras")
    found = keras.models.load_model(tmp_path / "mean.keras")
    for variable, value in zip(found.weights, mean_of(models), strict=True):
        assert live.values_of(variable).tobytes() == value.tobytes(), variable.path
    wanted = mean_in_new_files(models, tmp_path)
    rng = np.random.default_rng(0)
    drawn = [rng.uniform(0, 1, (2, *[size or 3 for size in one.shape[1:]])).astype("f4") for one in found.inputs]
    inputs = drawn if len(drawn) > 1 else drawn[0]
    ours, theirs = (keras.tree.flatten(model(inputs, training=False)) for model in (found, wanted))
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(live.values_of(one), live.values_of(other))


@pytest.mark.parametrize("with_file", [True, False])
def test_weights_beside_a_whole_h5_file_give_a_keras_file(tmp_path: Path, with_file: bool) -> None:
    models = two(live.two_io)
    models[0].save(tmp_path / "a.h5")
    models[1].save_weights(tmp_path / "b.weights.h5")
    sources = [tmp_path / "b.weights.h5"] if with_file else [tmp_path / "b.weights.h5", tmp_path / "a.h5"]
    weld.average(sources, tmp_path / "out.keras", architecture=tmp_path / "a.h5" if with_file else None)
    found = keras.models.load_model(tmp_path / "out.keras")
    wanted = models[1].get_weights() if with_file else mean_of(models)
    for variable, value in zip(found.weights, wanted, strict=True):
        np.testing.assert_array_equal(live.values_of(variable), value)


def test_an_operation_that_an_h5_file_does_not_tell_from_a_layer_is_refused(tmp_path: Path) -> None:
    start = keras.Input((3,), name="start")
    model = keras.Model(start, keras.layers.Dense(3)(start) + start)
    model.save(tmp_path / "a.h5")
    with pytest.raises(weld.WeldError, match="None of the sources holds an architecture that Keras 3 reads") as caught:
        weld.average([tmp_path / "a.h5"] * 2, tmp_path / "out.keras")
    assert "--architecture model.json" in caught.value.remedy
    assert "write the weights alone: -o out.weights.h5" in caught.value.remedy


@pytest.mark.skipif(not ON_TENSORFLOW, reason="exports need TensorFlow")
def test_a_saved_model_of_which_only_some_layers_have_the_same_names(tmp_path: Path) -> None:
    model, other = (
        keras.Sequential([keras.Input((4,)), *(keras.layers.Dense(units, name=name) for name, units in rows)])
        for rows in ([("one", 5), ("two", 3)], [("one", 5), ("other", 3)])
    )
    other.export(tmp_path / "exported", verbose=False)
    (tmp_path / "model.json").write_text(model.to_json())
    done = weld.average([tmp_path / "exported"], tmp_path / "out.keras", architecture=tmp_path / "model.json")
    assert f"{tmp_path / 'exported'} was matched by the order" in "\n".join(done.notes)
    inputs = np.ones((2, 4), "f4")
    found = keras.models.load_model(tmp_path / "out.keras")
    np.testing.assert_array_equal(live.values_of(found(inputs)), live.values_of(other(inputs)))
