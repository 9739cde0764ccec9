"""`weld.average` against NumPy, on files of every format, without a backend."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import h5py
import handmade
import ml_dtypes
import numpy as np
import pytest

import keras_weld as weld
from keras_weld.errors import (
    DamagedFileError,
    IncompatibleModelsError,
    MissingFileError,
    ShapeMismatchError,
    UsageError,
    WeldError,
    WriteError,
)
from keras_weld.io.fingerprint import sha256_of
from keras_weld.io.read import open_model
from keras_weld.recipes import streaming
from keras_weld.recipes.average import Averaged, average

NAMES = ["out.keras", "out.weights.h5", "out.weights.json"]
GOLDEN = Path(__file__).parents[1] / "golden"


def make(folder: Path, count: int, **options: Any) -> list[Path]:
    sizes = {key: options.pop(key) for key in ("inputs", "hidden", "outputs") if key in options}
    files = []
    for seed in range(count):
        dtype, most = options.get("dtype", "float32"), options.get("most", 1.0)
        drawn = handmade.tensors(seed, dtype="float64", **sizes)
        values = {path: (value * most).astype(dtype) for path, value in drawn.items()}
        files.append(handmade.make_keras(folder / f"m{seed}.keras", values, config=handmade.config(**sizes)))
    return files


def content(path: Path) -> handmade.Tensors:
    with open_model(path) as state:
        return {tensor.spec.path: tensor.read().copy() for tensor in state.values()}


def mean(files: Sequence[Path]) -> handmade.Tensors:
    """The plain NumPy mean of float64 values, rounded once."""
    found = [content(file) for file in files]
    return {
        path: np.mean(np.stack([values[path].astype("float64") for values in found]), axis=0).astype(first.dtype)
        for path, first in found[0].items()
    }


def assert_equal(found: handmade.Tensors, wanted: handmade.Tensors) -> None:
    assert list(found) == list(wanted)
    for path, value in wanted.items():
        assert found[path].dtype == value.dtype
        assert found[path].shape == value.shape
        assert found[path].tobytes() == value.tobytes(), path


def text(value: str | bytes) -> str:
    """An HDF5 attribute; which of the two h5py gives depends on its version."""
    return value if isinstance(value, str) else value.decode()


def lineage(path: Path) -> dict[str, Any]:
    with open_model(path) as state:
        return dict(state.metadata["lineage"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_mean_is_numpys_to_the_last_bit(tmp_path: Path, name: str, count: int) -> None:
    files = make(tmp_path, count, hidden=40)
    done = average(files, tmp_path / name)
    assert_equal(content(tmp_path / name), mean(files))
    assert done == Averaged(tmp_path / name, tuple(map(str, files)), (1 / count,) * count, 8, (), done.notes)


@pytest.mark.parametrize("dtype", ["float16", "float64", ml_dtypes.bfloat16])
def test_other_precisions_are_rounded_once(tmp_path: Path, dtype: Any) -> None:
    files = make(tmp_path, 3, dtype=dtype, hidden=50, most=1e4 if dtype == "float16" else 1e30)
    average(files, tmp_path / "out.keras")
    if dtype == "float64":
        for path, value in mean(files).items():
            np.testing.assert_allclose(content(tmp_path / "out.keras")[path], value, rtol=1e-15)
    elif dtype == "float16":
        assert_equal(content(tmp_path / "out.keras"), mean(files))
    else:
        for path, value in content(tmp_path / "out.keras").items():
            exact = np.mean([content(file)[path].astype("float64") for file in files], axis=0)
            above = np.abs(np.nextafter(value, np.array(np.inf, dtype)).astype("float64") - exact)
            below = np.abs(np.nextafter(value, np.array(-np.inf, dtype)).astype("float64") - exact)
            off = np.abs(value.astype("float64") - exact)
            assert (off <= above).all()
            assert (off <= below).all()


def test_the_first_model_gives_the_precision(tmp_path: Path) -> None:
    narrow = handmade.make_keras(tmp_path / "a.keras", handmade.tensors(0, dtype="float16"))
    wide = handmade.make_keras(tmp_path / "b.keras", handmade.tensors(1, dtype="float32"))
    average([narrow, wide], tmp_path / "narrow.keras")
    average([wide, narrow], tmp_path / "wide.keras")
    exact = {p: (v.astype("f8") + content(wide)[p]) / 2 for p, v in content(narrow).items()}
    assert_equal(content(tmp_path / "narrow.keras"), {p: v.astype("f2") for p, v in exact.items()})
    assert_equal(content(tmp_path / "wide.keras"), {p: v.astype("f4") for p, v in exact.items()})


def test_weights_weigh(tmp_path: Path) -> None:
    files = make(tmp_path, 3)
    average(files, tmp_path / "out.keras", weights=[0.5, 0.3, 0.2])
    found = [content(file) for file in files]
    wanted = {
        path: sum(np.float64(w) * one[path] for w, one in zip((0.5, 0.3, 0.2), found, strict=True)).astype("f4")
        for path in found[0]
    }
    assert_equal(content(tmp_path / "out.keras"), wanted)
    assert lineage(tmp_path / "out.keras")["parameters"] == {"weights": [0.5, 0.3, 0.2]}
    average(files, tmp_path / "normalized.keras", weights=[5, 3, 2], normalize=True)
    assert_equal(content(tmp_path / "normalized.keras"), wanted)
    average(files, tmp_path / "one.keras", weights=[0, 1, 0])
    assert_equal(content(tmp_path / "one.keras"), found[1])


def test_expressions_that_mean_the_same_give_the_same(tmp_path: Path) -> None:
    files = make(tmp_path, 4)
    average(files, tmp_path / "plain.keras")
    wanted = content(tmp_path / "plain.keras")
    for name, models, weights, normalize in (
        ("weighted", files, [0.25] * 4, False),
        ("normalized", files, [7] * 4, True),
        ("reversed", files[::-1], None, False),
    ):
        average(models, tmp_path / f"{name}.keras", weights=weights, normalize=normalize)
        assert_equal(content(tmp_path / f"{name}.keras"), wanted)


@pytest.mark.parametrize("name", NAMES)
def test_one_model_and_a_model_with_itself_give_the_model(tmp_path: Path, name: str) -> None:
    for dtype in ("float32", "float64", ml_dtypes.bfloat16):
        values = handmade.tensors(3, dtype=dtype)
        values["layers/dense/vars/1"][:2] = [0.0, -0.0]
        file = handmade.make_keras(tmp_path / "m.keras", values)
        assert "Only one model was given: the result has its weights." in average([file], tmp_path / name).notes
        assert_equal(content(tmp_path / name), values)
        average([file, file, file], tmp_path / name, weights=[0.2, 0.3, 0.5])
        assert_equal(content(tmp_path / name), values)


def test_pieces_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make(tmp_path, 3, hidden=64)
    monkeypatch.setattr(streaming, "PIECE", 7)
    monkeypatch.setattr(streaming, "_BATCH", 29)
    average(files, tmp_path / "out.keras")
    assert_equal(content(tmp_path / "out.keras"), mean(files))


@pytest.mark.parametrize(
    ("weights", "normalize", "problem", "found"),
    [
        ([0.5, 0.4], False, "The weights do not sum to 1.", "0.5 + 0.4 = 0.9"),
        ([1, 1], False, "The weights do not sum to 1.", "1 + 1 = 2"),
        ([0.5, 0.3, 0.2], False, "There must be one weight for each model.", "3: 0.5, 0.3, 0.2"),
        ([], False, "There must be one weight for each model.", "0: "),
        ([float("nan"), 1], False, "The weights are not numbers that can be used.", "nan, 1"),
        ([float("inf"), 1], True, "The weights are not numbers that can be used.", "inf, 1"),
        ([1, -1], True, "The weights are not numbers that can be used.", "1, -1"),
    ],
)
def test_weights_that_make_no_sense_are_refused(
    tmp_path: Path, weights: list[float], normalize: bool, problem: str, found: str
) -> None:
    files = make(tmp_path, 2)
    with pytest.raises(UsageError) as caught:
        average(files, tmp_path / "out.keras", weights=weights, normalize=normalize)
    assert (caught.value.problem, caught.value.found) == (problem, found)
    if "sum" in problem:
        assert "--normalize" in str(caught.value.remedy)
    assert not (tmp_path / "out.keras").exists()


def test_thirds_sum_to_1_as_people_write_them(tmp_path: Path) -> None:
    files = make(tmp_path, 3)
    done = average(files, tmp_path / "out.keras", weights=[0.3333333, 0.3333333, 0.3333333])
    assert done.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert_equal(content(tmp_path / "out.keras"), mean(files))


def test_the_last_files_are_taken_by_number(tmp_path: Path) -> None:
    names = ["epoch-10.keras", "epoch-9.keras", "epoch-2.keras", "epoch-1.keras", "epoch-11.keras"]
    files = [handmade.make_keras(tmp_path / name, handmade.tensors(n)) for n, name in enumerate(names)]
    done = average(files, tmp_path / "out.keras", last=3)
    assert [Path(source).name for source in done.sources] == ["epoch-9.keras", "epoch-10.keras", "epoch-11.keras"]
    assert_equal(content(tmp_path / "out.keras"), mean([tmp_path / name for name in (names[1], names[0], names[4])]))
    for last in (0, 6, -1):
        with pytest.raises(UsageError) as caught:
            average(files, tmp_path / "out.keras", last=last)
        assert caught.value.expected == "a number from 1 to 5"
    with pytest.raises(UsageError, match="a live model has none"):
        average([object(), object()], tmp_path / "out.keras", last=1)


def test_what_has_no_mean_comes_from_the_first_and_is_told(tmp_path: Path) -> None:
    files = []
    for seed in range(3):
        values = handmade.tensors(seed)
        values["layers/dense/vars/5"] = np.array([seed, 7], "int32")
        values["layers/dense/vars/6"] = np.array(5, "int64")
        values["layers/string_lookup/vars/0"] = np.array([0.5, seed], "float32")
        assets = {"vocabulary.txt": f"a\n{seed}".encode(), "same.txt": b"x"}
        config = handmade.config()
        lookup = {"name": "words", "output_mode": "tf_idf", "max_tokens": 2}
        config["config"]["layers"].insert(
            1, {"module": "keras.layers", "class_name": "StringLookup", "config": lookup, "registered_name": None}
        )
        files.append(handmade.make_keras(tmp_path / f"{seed}.keras", values, assets=assets, config=config))
    done = average([files[1], files[0], files[2]], tmp_path / "out.keras")
    found = content(tmp_path / "out.keras")
    assert found["layers/dense/vars/5"].tolist() == [1, 7]
    assert found["layers/dense/vars/6"] == 5
    assert found["layers/string_lookup/vars/0"].tolist() == [0.5, 1]
    assert set(done.copied) == {"hidden/5", "words/idf_weights"}  # the other one agrees
    assert done.averaged == 8
    notes = " ".join(done.notes)
    assert f"Taken from {files[1]}, since it has no mean and differs: " in notes
    assert f"vocabulary.txt differs in {files[0]}: the one of {files[1]} was kept (" in notes
    assert f"vocabulary.txt differs in {files[2]}: the one of {files[1]} was kept (" in notes
    assert "same.txt" not in notes
    with open_model(tmp_path / "out.keras") as state:
        assert state.assets["vocabulary.txt"]() == b"a\n1"
    assert lineage(tmp_path / "out.keras")["notes"] == list(done.notes)


def test_the_optimizer_is_left_out_and_told(tmp_path: Path) -> None:
    files = []
    for seed in range(2):
        values = handmade.tensors(seed)
        values["optimizer/vars/0"] = np.array(100 + seed)
        values["optimizer/vars/1"] = np.array(0.1, "float32")
        values["optimizer/vars/2"] = np.ones((6, 5), "float32")
        config = {**handmade.config(), "compile_config": {"optimizer": "adam", "loss": "mse"}}
        files.append(handmade.make_keras(tmp_path / f"{seed}.keras", values, config=config))
    done = average(files, tmp_path / "out.keras")
    assert list(content(tmp_path / "out.keras")) == list(handmade.PATHS.values())
    assert "The optimizer's state was left out: it belongs to no mean of weights." in done.notes
    assert any("The result is not compiled" in note for note in done.notes)
    assert lineage(tmp_path / "out.keras")["compile_config"] == {"optimizer": "adam", "loss": "mse"}
    with open_model(tmp_path / "out.keras") as state:
        assert state.compile_config is None


@pytest.mark.parametrize("name", NAMES)
def test_lineage_tells_how_to_do_it_again(tmp_path: Path, name: str) -> None:
    files = make(tmp_path, 2)
    files.append(tmp_path / "m2.weights.h5")
    handmade.make_weights(files[2], handmade.tensors(2))
    done = average(files, tmp_path / name, weights=[0.2, 0.3, 0.5])
    found = lineage(tmp_path / name)
    assert found["method"] == "linear"
    assert found["version"] == weld.__version__
    assert found["made"].endswith("+00:00")
    assert found["notes"] == list(done.notes)
    for source, file, weight in zip(found["sources"], files, (0.2, 0.3, 0.5), strict=True):
        assert source["path"] == str(file)
        assert source["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert source["weight"] == weight
    assert [source["kind"] for source in found["sources"]] == ["keras", "keras", "weights.h5"]
    assert [source["keras_version"] for source in found["sources"]] == ["3.15.1", "3.15.1", None]
    # Averages of averages keep theirs.
    average([tmp_path / name, files[0]], tmp_path / "again.keras")
    again = lineage(tmp_path / "again.keras")["sources"][0]
    assert again["sha256"] == sha256_of(tmp_path / name)


def every_format(folder: Path, seed: int, **sizes: int) -> dict[str, Path]:
    """The same model in every format that needs no backend."""
    values, config = handmade.tensors(seed, **sizes), handmade.config(**sizes)
    folder.mkdir()
    handmade.make_weights(folder / "m.weights.h5", values)
    handmade.make_weights(folder / "packed.weights.h5", values, compression="gzip")
    return {
        "keras": handmade.make_keras(folder / "m.keras", values, config=config),
        "deflated": handmade.make_keras(folder / "deflated.keras", values, config=config, deflate=True),
        "weights": folder / "m.weights.h5",
        "compressed": folder / "packed.weights.h5",
        "sharded": handmade.make_shards(folder / "s.weights.json", values),
        "h5": handmade.make_legacy(folder / "m.h5", values),
        "h5 weights": handmade.make_legacy(folder / "w.h5", values, with_config=False),
    }


@pytest.mark.parametrize("name", NAMES)
def test_formats_may_be_mixed(tmp_path: Path, name: str) -> None:
    models = [every_format(tmp_path / str(seed), seed) for seed in range(7)]
    plain = [files["keras"] for files in models]
    average(plain, tmp_path / "plain.keras")
    wanted = content(tmp_path / "plain.keras")
    assert_equal(wanted, mean(plain))
    mixed = [files[kind] for files, kind in zip(models, models[0], strict=True)]
    for order in (mixed, mixed[::-1], [*mixed[3:], *mixed[:3]]):
        average(order, tmp_path / name)
        found = content(tmp_path / name)
        assert {path: value.tobytes() for path, value in found.items()} == {
            path: value.tobytes() for path, value in wanted.items()
        }
    with open_model(tmp_path / name) as state:
        assert (state.config is not None) == (name == "out.keras")


def test_without_an_architecture_weights_are_written_and_a_model_is_not(tmp_path: Path) -> None:
    files = [every_format(tmp_path / str(seed), seed)["weights"] for seed in range(2)]
    average(files, tmp_path / "out.weights.h5")
    assert_equal(content(tmp_path / "out.weights.h5"), mean(files))
    with pytest.raises(UsageError) as caught:
        average(files, tmp_path / "out.keras")
    assert caught.value.problem == "A .keras file holds the architecture, and none of the sources has one."
    assert "-o out.weights.h5" in str(caught.value.remedy)


def test_whole_models_of_older_formats_give_weights(tmp_path: Path) -> None:
    files = [every_format(tmp_path / str(seed), seed)["h5"] for seed in range(2)]
    average(files, tmp_path / "out.weights.h5")
    values = [handmade.tensors(seed) for seed in range(2)]
    wanted = {path: ((values[0][path].astype("f8") + values[1][path]) / 2).astype("f4") for path in values[0]}
    assert_equal(content(tmp_path / "out.weights.h5"), wanted)
    with pytest.raises(UsageError, match="None of the sources holds an architecture that Keras 3 reads as it is"):
        average([GOLDEN / "keras2_15" / "mlp.h5"], tmp_path / "out.keras")
    weights = [every_format(tmp_path / f"w{seed}", seed)["h5 weights"] for seed in range(2)]
    with pytest.raises(IncompatibleModelsError, match="None of the sources tells where Keras 3 would keep"):
        average(weights, tmp_path / "out.weights.h5")


@pytest.mark.parametrize("model", ["mlp", "cnn", "lstm", "attention", "two_io", "nested"])
def test_files_of_keras_2_and_3_are_averaged_together(tmp_path: Path, model: str) -> None:
    old = GOLDEN / "keras2_15"
    new = GOLDEN / "keras3_0" / f"{model}.keras"
    files = [new, old / f"{model}.h5", old / f"{model}.keras", old / f"{model}.weights.h5"]
    average(files, tmp_path / "out.keras")
    expected = []
    for folder in ("keras3_0", "keras2_15", "keras2_15", "keras2_15"):
        with np.load(GOLDEN / folder / f"{model}.expected.npz") as stored:
            expected.append([stored[key] for key in sorted(stored) if key[0] == "w" and key[1:].isdigit()])
    wanted = [
        np.mean(np.stack([value.astype("f8") for value in row]), axis=0).astype("f4")
        for row in zip(*expected, strict=True)
    ]
    found = list(content(tmp_path / "out.keras").values())
    assert [value.tobytes() for value in found] == [value.tobytes() for value in wanted]
    with pytest.raises(UsageError, match=r"found: .*keras of Keras 2\.15"):
        average([old / f"{model}.keras"] * 2, tmp_path / "old.keras")
    average([old / f"{model}.keras"] * 2, tmp_path / "old.weights.h5")


def test_kernels_that_only_their_place_tells_apart_are_never_swapped(tmp_path: Path) -> None:
    # In the weights of a nested model, Keras 2 stored what is trained first: `head_out` before `head_frozen`,
    # the other way round than the model has them. Both have a kernel of the same shape.
    new, old = GOLDEN / "keras3_0" / "nested.keras", GOLDEN / "keras2_15" / "nested_w.h5"
    average([new, old], tmp_path / "out.keras", weights=[0, 1])
    with open_model(old) as state, open_model(tmp_path / "out.keras") as result:
        assert set(result) == set(state)
        for name in result:
            np.testing.assert_array_equal(result[name].read(), state[name].read())


def test_what_nothing_tells_apart_is_refused(tmp_path: Path) -> None:
    # The same with names given by another counter: the order is all there is, and it would be wrong.
    def dense(name: str, units: int, **options: Any) -> dict[str, Any]:
        config = {"name": name, "units": units, "use_bias": False, **options}
        return {"module": "keras.layers", "class_name": "Dense", "config": config, "registered_name": None}

    config = handmade.config(inputs=4)
    given, *_ = config["config"]["layers"]
    inner = {"name": "head", "layers": [given, dense("dense", 4, trainable=False), dense("dense_1", 4)]}
    head = {"module": "keras", "class_name": "Sequential", "config": inner, "registered_name": None}
    config["config"]["layers"] = [given, head, dense("dense_2", 3)]
    rng = np.random.default_rng(1)
    paths = [f"layers/sequential/layers/dense{end}/vars/0" for end in ("", "_1")] + ["layers/dense/vars/0"]
    values = {path: rng.uniform(1, 2, (4, 4 if "seq" in path else 3)).astype("f4") for path in paths}
    new = handmade.make_keras(tmp_path / "new.keras", values, config=config)
    with h5py.File(tmp_path / "old.h5", "w") as content_of:
        content_of.attrs["layer_names"] = [b"head_7", b"dense_9"]
        content_of.create_group("head_7").attrs["weight_names"] = [b"dense_8/kernel:0", b"dense_7/kernel:0"]
        content_of.create_group("dense_9").attrs["weight_names"] = [b"dense_9/kernel:0"]
        for name, value in zip(("head_7/dense_8", "head_7/dense_7", "dense_9/dense_9"), values.values(), strict=True):
            content_of[f"{name}/kernel:0"] = value
    with pytest.raises(IncompatibleModelsError) as caught:
        average([new, tmp_path / "old.h5"], tmp_path / "out.keras")
    assert caught.value.problem == "Nothing tells which tensor of one model is which of the other."
    assert caught.value.file == str(tmp_path / "old.h5")
    assert "save it as .keras" in str(caught.value.remedy)
    # Nor does an architecture tell what was frozen when the file was written.
    with pytest.raises(IncompatibleModelsError, match="which tensor of this file is which of the architecture"):
        average([tmp_path / "old.h5"], tmp_path / "out.weights.h5", architecture=new)


def test_a_flat_model_is_matched_by_its_order_and_told(tmp_path: Path) -> None:
    values = [handmade.tensors(seed) for seed in range(2)]
    new = handmade.make_keras(tmp_path / "new.keras", values[0])
    file = handmade.make_legacy(tmp_path / "old.h5", values[1], with_config=False)
    with h5py.File(file, "r+") as content_of:  # the same model of another process, where counters stood elsewhere
        layers = [text(name) for name in content_of.attrs["layer_names"]]
        content_of.attrs["layer_names"] = [f"{name}_4".encode() for name in layers]
        for name in layers:
            content_of.move(name, f"{name}_4")
    done = average([new, file], tmp_path / "out.keras")
    assert f"{file} was matched by the order of its tensors: its names do not tell which is which." in done.notes
    wanted = {p: ((value.astype("f8") + values[1][p]) / 2).astype("f4") for p, value in values[0].items()}
    assert_equal(content(tmp_path / "out.keras"), wanted)
    # Weights alone in the new layout do not tell their order.
    handmade.make_weights(tmp_path / "m.weights.h5", {p.replace("dense", "other"): v for p, v in values[0].items()})
    with pytest.raises(IncompatibleModelsError, match="Nothing tells which tensor"):
        average([new, tmp_path / "m.weights.h5"], tmp_path / "out.keras")


def test_other_names_alone_do_not_matter(tmp_path: Path) -> None:
    # Built twice in one process, a model's layers are called otherwise.
    other = handmade.config()
    for layer in other["config"]["layers"]:
        layer["config"]["name"] += "_1"
    first = handmade.make_keras(tmp_path / "a.keras", handmade.tensors(0))
    second = handmade.make_keras(tmp_path / "b.keras", handmade.tensors(1), config=other)
    done = average([first, second], tmp_path / "out.keras")
    assert_equal(content(tmp_path / "out.keras"), mean([first, second]))
    assert not any("order" in note for note in done.notes)


def test_a_tensor_of_another_shape_is_told_with_file_layer_and_both_shapes(tmp_path: Path) -> None:
    small, large = tmp_path / "small.weights.h5", tmp_path / "large.weights.h5"
    handmade.make_weights(small, handmade.tensors(hidden=5))
    handmade.make_weights(large, handmade.tensors(hidden=6))
    with pytest.raises(ShapeMismatchError) as caught:
        average([small, large], tmp_path / "out.weights.h5")
    error = caught.value
    assert error.problem == "A tensor has another shape than in small.weights.h5 (6 more differ)."
    assert (error.file, error.layer) == (str(large), "dense/kernel")
    assert (error.expected, error.found) == ("(6, 5)", "(6, 6)")
    assert "weld check" in str(error.remedy)


def test_other_architectures_are_refused(tmp_path: Path) -> None:
    first = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    wide = handmade.make_keras(tmp_path / "b.keras", handmade.tensors(hidden=6), config=handmade.config(hidden=6))
    with pytest.raises(WeldError) as caught:
        average([first, wide], tmp_path / "out.keras")
    assert caught.value.file == str(wide)
    assert caught.value.layer == "hidden"
    fewer = tmp_path / "c.weights.h5"
    handmade.make_weights(fewer, dict(list(handmade.tensors().items())[:-2]))
    with pytest.raises(IncompatibleModelsError) as caught:
        average([first, fewer], tmp_path / "out.keras")
    assert caught.value.problem == "The models have different tensors: 8 in a.keras, 6 here."
    assert caught.value.layer == "out/kernel"
    assert not (tmp_path / "out.keras").exists()


def test_models_from_other_starts_are_averaged_with_a_warning(tmp_path: Path) -> None:
    files = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        values = {p: rng.normal(size=v.shape).astype("f4") for p, v in handmade.tensors(hidden=64).items()}
        files.append(handmade.make_keras(tmp_path / f"{seed}.keras", values, config=handmade.config(hidden=64)))
    notes = average(files, tmp_path / "out.keras").notes
    assert any(note.startswith(f"Warning: {files[1]} was not trained from the same start") for note in notes)
    assert not any("same start" in note for note in average([files[0]] * 2, tmp_path / "out.keras").notes)


def test_nothing_to_average_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is nothing to average"):
        average([], tmp_path / "out.keras")
    (tmp_path / "m.json").write_text(json.dumps(handmade.config()))
    with pytest.raises(IncompatibleModelsError, match="holds no weights"):
        average([tmp_path / "m.json"], tmp_path / "out.keras")
    with pytest.raises(MissingFileError):
        average([tmp_path / "none.keras"], tmp_path / "out.keras")
    with pytest.raises(UsageError, match=r"a name ending in \.keras"):
        average(make(tmp_path, 1), tmp_path / "out.h5")
    with pytest.raises(UsageError, match="There is no method called 'mean'"):
        average(make(tmp_path, 1), tmp_path / "out.keras", method="mean")
    assert not (tmp_path / "out.keras").exists()


@pytest.mark.parametrize("name", NAMES)
def test_the_result_may_replace_one_of_its_sources(tmp_path: Path, name: str) -> None:
    first, second = make(tmp_path, 2, hidden=3000)
    average([first], tmp_path / name)
    wanted = mean([first, second])
    digest = sha256_of(tmp_path / name)
    average([tmp_path / name, first, second, second], tmp_path / name)
    assert_equal(content(tmp_path / name), wanted)
    assert lineage(tmp_path / name)["sources"][0]["sha256"] == digest


def test_progress_counts_bytes_up_to_the_whole(tmp_path: Path) -> None:
    reports: list[tuple[int, int]] = []
    average(make(tmp_path, 2, hidden=100), tmp_path / "out.keras", progress=lambda *now: reports.append(now))
    whole = sum(value.nbytes for value in handmade.tensors(hidden=100).values())
    assert reports == sorted(reports)
    assert reports[-1] == (whole, whole)
    assert {total for _, total in reports} == {whole}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fail", [KeyboardInterrupt(), ValueError("from the callback")], ids=["ctrl-c", "error"])
def test_an_interrupt_leaves_what_was_there(tmp_path: Path, name: str, fail: BaseException) -> None:
    files = make(tmp_path, 3)
    (tmp_path / "new").mkdir()
    (tmp_path / "old").mkdir()
    average(files[:1], tmp_path / "old" / name)
    before = {file.name: file.read_bytes() for file in (tmp_path / "old").iterdir()}

    def interrupt(done: int, total: int) -> None:
        raise fail

    for folder in ("new", "old"):
        with pytest.raises(type(fail)):
            average(files, tmp_path / folder / name, progress=interrupt)
    assert not list((tmp_path / "new").iterdir())
    assert {file.name: file.read_bytes() for file in (tmp_path / "old").iterdir()} == before


CTRL_C = """
import os, signal, sys
from keras_weld.recipes.average import average

average(sys.argv[2:], sys.argv[1], progress=lambda done, total: os.kill(os.getpid(), signal.SIGINT))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT")
@pytest.mark.parametrize("name", NAMES)
def test_a_real_ctrl_c_leaves_nothing(tmp_path: Path, name: str, run_python: Callable[..., Any]) -> None:
    files = make(tmp_path, 2, hidden=200)
    (tmp_path / "out").mkdir()
    done = run_python(CTRL_C, tmp_path / "out" / name, *files, check=False)
    assert "KeyboardInterrupt" in done.stderr
    assert not list((tmp_path / "out").iterdir())


def test_a_source_that_turns_out_damaged_leaves_what_was_there(tmp_path: Path) -> None:
    (good,) = make(tmp_path, 1, hidden=3000)
    bad = tmp_path / "bad.weights.h5"
    handmade.make_weights(bad, handmade.tensors(1, hidden=3000), fletcher32=True)
    average([good], tmp_path / "out.keras")
    before = (tmp_path / "out.keras").read_bytes()
    data = bytearray(bad.read_bytes())
    values = handmade.tensors(1, hidden=3000)["layers/dense_1/vars/0"].tobytes()
    place = data.index(values[:4])
    data[place : place + 8] = b"\xff" * 8
    bad.write_bytes(data)
    with pytest.raises(DamagedFileError) as caught:
        average([good, bad], tmp_path / "out.keras")
    assert caught.value.file == str(bad)
    assert caught.value.layer == "layers/dense_1/vars/0"
    assert (tmp_path / "out.keras").read_bytes() == before


FULL = """
import resource, sys
from keras_weld.errors import WriteError
from keras_weld.recipes.average import average

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
try:
    average(sys.argv[2:], sys.argv[1])
except WriteError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_what_was_there(tmp_path: Path, name: str, run_python: Callable[..., Any]) -> None:
    files = make(tmp_path, 2, hidden=5000)
    (tmp_path / "out").mkdir()
    average(files[:1], tmp_path / "out" / name)
    before = {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()}
    said = run_python(FULL, tmp_path / "out" / name, *files).stdout
    assert "The file could not be written; what was there before is untouched." in said
    assert f"file:     {tmp_path / 'out' / name}" in said
    assert {file.name: file.read_bytes() for file in (tmp_path / "out").iterdir()} == before


MEMORY = """
import sys
import h5py, numpy
from pathlib import Path
from keras_weld.recipes.average import average

def private():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024

before, most = private(), 0

def look(done, total):
    global most
    most = max(most, private())

average(sys.argv[2:], sys.argv[1], progress=look)
print(most - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux")
def test_memory_does_not_grow_with_the_number_of_models(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    sizes = {"inputs": 1000, "hidden": 4000, "outputs": 500}  # 24 MB each
    files = []
    for seed in range(12):
        values = {p: np.full(v.shape, seed, "f4") for p, v in handmade.tensors(0, **sizes).items()}
        files.append(handmade.make_keras(tmp_path / f"{seed}.keras", values, config=handmade.config(**sizes)))
    two = int(run_python(MEMORY, tmp_path / "out.keras", *files[:2]).stdout)
    twelve = int(run_python(MEMORY, tmp_path / "out.keras", *files).stdout)
    assert two < 60
    assert twelve < two + 20
    assert content(tmp_path / "out.keras")["layers/dense/vars/1"][0] == 5.5


def test_no_backend_is_imported(tmp_path: Path, run_python: Callable[..., Any]) -> None:
    files = make(tmp_path, 2)
    code = (
        "import sys, keras_weld as weld; weld.average(sys.argv[2:], sys.argv[1]); "
        "print({'keras', 'tensorflow', 'jax', 'torch'} & set(sys.modules))"
    )
    assert run_python(code, tmp_path / "out.keras", *files).stdout.strip() == "set()"


def test_no_source_stays_open(tmp_path: Path) -> None:
    files = make(tmp_path, 3)
    open_files = Path("/proc/self/fd")
    if not open_files.exists():
        pytest.skip("needs Linux")
    for name in NAMES:
        average(files, tmp_path / name)
        with pytest.raises(WriteError):
            average(files, tmp_path / "no folder" / name)
    left = [os.readlink(entry) for entry in open_files.iterdir() if entry.is_symlink()]
    assert [link for link in left if link.startswith(str(tmp_path))] == []
