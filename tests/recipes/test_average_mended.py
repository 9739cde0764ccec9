"""Averages that were once wrong or silent: names against order, damage, precision, broken training, no layout."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py
import handmade
import numpy as np
import pytest

from keras_weld.core.state import ModelState
from keras_weld.errors import DamagedFileError, IncompatibleModelsError, UsageError
from keras_weld.io.read import open_model
from keras_weld.recipes.average import average

GOLDEN = Path(__file__).parent.parent / "golden"


def dense(name: str, inbound: str) -> dict[str, Any]:
    history = {"shape": [None, 4], "dtype": "float32", "keras_history": [inbound, 0, 0]}
    return {
        "module": "keras.layers",
        "class_name": "Dense",
        "config": {"name": name, "units": 4, "activation": "linear", "use_bias": True},
        "registered_name": None,
        "name": name,
        "inbound_nodes": [{"args": [{"class_name": "__keras_tensor__", "config": history}], "kwargs": {}}],
    }


def two_heads(path: Path, order: tuple[str, str], values: dict[str, np.ndarray]) -> Path:
    start = {"batch_shape": [None, 4], "dtype": "float32", "name": "x"}
    layers = [
        {"module": "keras.layers", "class_name": "InputLayer", "config": start, "name": "x", "inbound_nodes": []},
        *(dense(name, "x") for name in order),
    ]
    ends = {"input_layers": ["x", 0, 0], "output_layers": [[name, 0, 0] for name in order]}
    config = {
        "module": "keras.src.models.functional",
        "class_name": "Functional",
        "config": {"name": "heads", "layers": layers, **ends},
    }
    tensors = {}
    for number, name in enumerate(order):
        group = "layers/dense" + (f"_{number}" if number else "")
        tensors[f"{group}/vars/0"] = values[name]
        tensors[f"{group}/vars/1"] = np.zeros(4, np.float32)
    return handmade.make_keras(path, tensors, config=config)


def test_layers_of_one_name_are_averaged_wherever_they_stand(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(4, 4)).astype(np.float32) for name in ("cats", "dogs")}
    one = two_heads(tmp_path / "one.keras", ("cats", "dogs"), values)
    other = two_heads(tmp_path / "other.keras", ("dogs", "cats"), values)
    done = average([one, other], tmp_path / "mean.keras")
    with open_model(tmp_path / "mean.keras") as state:
        for name in values:
            np.testing.assert_array_equal(state[f"{name}/kernel"].read(), values[name])
    assert any("other.keras the layers stand in another order" in note for note in done.notes)


def test_a_damaged_source_is_refused_and_the_old_file_stays(tmp_path: Path) -> None:
    files = [tmp_path / "a.keras", tmp_path / "b.keras"]
    for seed, file in enumerate(files):
        handmade.make_keras(file, handmade.tensors(seed), config=handmade.config())
    average(files, tmp_path / "mean.keras")
    before = (tmp_path / "mean.keras").read_bytes()
    with open_model(files[1]) as state:
        values = state.weights[0].read().tobytes()
    content = bytearray(files[1].read_bytes())
    content[content.index(values) + 1] ^= 1
    files[1].write_bytes(content)
    with zipfile.ZipFile(files[1]) as archive:
        assert archive.testzip() == "model.weights.h5"
    with pytest.raises(DamagedFileError, match=r"model\.weights\.h5 is damaged: its checksum does not match") as caught:
        average(files, tmp_path / "mean.keras")
    assert caught.value.file == str(files[1])
    assert (tmp_path / "mean.keras").read_bytes() == before


def test_nan_in_a_source_is_told(tmp_path: Path) -> None:
    values = handmade.tensors(1)
    good = handmade.make_keras(tmp_path / "good.keras", values, config=handmade.config())
    spoilt = {place: value.copy() for place, value in values.items()}
    first = next(iter(spoilt))
    spoilt[first].reshape(-1)[0] = np.nan
    bad = handmade.make_keras(tmp_path / "bad.keras", spoilt, config=handmade.config())
    done = average([good, bad], tmp_path / "mean.keras")
    assert any(note.startswith("Warning: the result holds NaN or infinity, in ") for note in done.notes)
    assert not any("NaN" in note for note in average([good, good], tmp_path / "mean.keras").notes)


@pytest.mark.parametrize("model", ["mlp", "cnn", "two_io", "attention", "nested"])
def test_an_architecture_places_the_weights_of_a_file_without_one(tmp_path: Path, model: str) -> None:
    folder = GOLDEN / "keras2_15"
    alone = folder / f"{model}_w.h5"
    out = tmp_path / "mean.weights.h5"
    with pytest.raises(IncompatibleModelsError, match="None of the sources tells where Keras 3") as caught:
        average([alone, alone], out)
    assert "--architecture model.json" in str(caught.value)
    average([alone, alone], out, architecture=folder / f"{model}.json")
    with open_model(out) as found, open_model(folder / f"{model}.keras") as wanted:
        assert _by_path(found) == _by_path(wanted)


def _by_path(state: ModelState) -> dict[str, bytes]:
    return {tensor.spec.path: tensor.read().tobytes() for tensor in state.weights}


def test_one_path_instead_of_a_list_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="The models are given as a list"):
        average("a.keras", tmp_path / "mean.keras")


def test_another_precision_is_told(tmp_path: Path) -> None:
    values = handmade.tensors(1)
    single = handmade.make_keras(tmp_path / "single.keras", values, config=handmade.config())
    half = {place: value.astype(np.float16) for place, value in values.items()}
    low = handmade.make_keras(tmp_path / "half.keras", half, config=handmade.config())
    done = average([single, low], tmp_path / "mean.keras")
    assert f"{low} stores float16; the result has float32, like {single}." in done.notes


def test_a_match_by_order_that_names_speak_against_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = {name: rng.normal(size=(4, 4)).astype(np.float32) for name in ("cats", "dogs")}
    one = two_heads(tmp_path / "one.keras", ("cats", "dogs"), values)
    other = legacy_heads(tmp_path / "other.h5", ("dogs", "birds"))
    with pytest.raises(IncompatibleModelsError, match="Nothing tells which tensor") as caught:
        average([one, other], tmp_path / "mean.keras")
    assert (caught.value.expected, caught.value.found) == (
        "cats/kernel at this place, as the order has it",
        "dogs/kernel",
    )
    done = average([one, legacy_heads(tmp_path / "other.h5", ("birds", "dogs"))], tmp_path / "mean.keras")
    assert any("other.h5 was matched by the order" in note for note in done.notes)


def legacy_heads(path: Path, names: tuple[str, str]) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/kernel:0".encode(), f"{name}/bias:0".encode()]
            file[f"{name}/{name}/kernel:0"] = np.ones((4, 4), np.float32)
            file[f"{name}/{name}/bias:0"] = np.zeros(4, np.float32)
    return path


def test_other_architectures_are_refused_with_a_remedy_in_words(tmp_path: Path) -> None:
    with pytest.raises(IncompatibleModelsError, match="different architectures") as refused:
        average([GOLDEN / "keras3_0" / "mlp.keras", GOLDEN / "keras3_0" / "cnn.keras"], tmp_path / "out.keras")
    assert refused.value.remedy == "Only models of one architecture can be averaged."


def test_weights_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    model = GOLDEN / "keras3_0" / "mlp.keras"
    found = average([model, model], tmp_path / "out.keras", weights=np.array([0.25, 0.75], "float32"))
    assert [type(one) for one in found.weights] == [float, float]
