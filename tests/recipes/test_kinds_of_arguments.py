"""Arguments of another kind are refused in words by every function, before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import handmade
import numpy as np
import pytest

from keras_weld.errors import UsageError
from keras_weld.io.guard import scan_file
from keras_weld.io.read import open_model
from keras_weld.recipes.average import average
from keras_weld.recipes.branch import branch
from keras_weld.recipes.check import check
from keras_weld.recipes.convert import convert
from keras_weld.recipes.ensemble import ensemble
from keras_weld.recipes.evaluate import evaluate
from keras_weld.recipes.fuse import fuse
from keras_weld.recipes.inspect import inspect
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.tuning import Training

TAKES_LIMITS: dict[str, Callable[[Path, Any], object]] = {
    "average": lambda file, limits: average([file], file.with_name("out.keras"), limits=limits),
    "check": lambda file, limits: check([file, file], limits=limits),
    "convert": lambda file, limits: convert(file, file.with_name("out.weights.h5"), limits=limits),
    "inspect": lambda file, limits: inspect(file, limits=limits),
    "open_model": lambda file, limits: open_model(file, limits),
    "scan_file": lambda file, limits: scan_file(file, limits=limits),
}


FLAGS: dict[str, Callable[[Path, Any], object]] = {
    "normalize": lambda file, value: average([file], file.with_name("out.keras"), normalize=value),
    "overwrite": lambda file, value: convert(file, file.with_name("out.weights.h5"), overwrite=value),
    "sha256": lambda file, value: inspect(file, sha256=value),
    "unsafe": lambda file, value: Loading(unsafe=value),
}


@pytest.mark.parametrize("value", ["no", 1, 0.0, [], None])
@pytest.mark.parametrize("name", list(FLAGS))
def test_flags_are_true_or_false(tmp_path: Path, name: str, value: Any) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match=f"The argument {name} is either true or false") as refused:
        FLAGS[name](file, value)
    assert refused.value.remedy == f"Give {name}=True or {name}=False"
    assert not file.with_name("out.keras").exists()


def test_numpy_has_flags_too(tmp_path: Path) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    assert average([file], tmp_path / "out.keras", weights=[3], normalize=np.bool_(True)).weights == (1.0,)


@pytest.mark.parametrize("value", [5, "print", []])
def test_what_is_told_of_progress_goes_to_a_function(tmp_path: Path, value: Any) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    for call in (
        lambda: average([file], tmp_path / "out.keras", progress=value),
        lambda: evaluate(file, data="nothing.npz", progress=value),
    ):
        with pytest.raises(UsageError, match="The argument progress cannot be called"):
            call()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("margin", "1"),
        ("metric", 5),
        ("pixels", ["0..1"]),
        ("prepare", "0..1"),
        ("sample", 1.5),
        ("sample", True),
    ],
)
def test_what_an_evaluation_takes(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"argument {name} is of another kind"):
        evaluate("a.keras", data="nothing.npz", **{name: value})


@pytest.mark.parametrize("value", ["no", 5, [5], {}, True])
@pytest.mark.parametrize("function", list(TAKES_LIMITS))
def test_limits_are_limits(tmp_path: Path, function: str, value: Any) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match="argument limits is of another kind"):
        TAKES_LIMITS[function](file, value)


@pytest.mark.parametrize("name", ["batch_size", "patience", "seed", "steps", "sample"])
@pytest.mark.parametrize("value", ["no", 1.5, [5], True, -1])
def test_numbers_of_training_are_whole(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"The argument {name} is "):
        Training(None, **{name: value})


@pytest.mark.parametrize(("name", "value"), [("seed", "no"), ("seed", -1), ("seed", True)])
def test_numbers_of_an_ensemble(tmp_path: Path, name: str, value: Any) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match=f"The argument {name} is "):
        ensemble([file, file], **{name: value})


@pytest.mark.parametrize("merge", [fuse, ensemble])
@pytest.mark.parametrize("option", [{"size": (8, 8)}, {"ranges": {"a": "0..1"}}])
def test_what_is_about_shared_images_is_refused_where_none_are_shared(
    tmp_path: Path, merge: Callable[..., Any], option: dict[str, Any]
) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match="with separate inputs they share none"):
        merge([file, file], inputs="separate", **option)


@pytest.mark.parametrize(
    ("merge", "option"),
    [
        (fuse, {"at": {"a": 5}}),
        (fuse, {"ranges": {"a": 5}}),
        (fuse, {"output": {"a": 5}}),
        (fuse, {"names": [1, 2]}),
        (branch, {"backbone": 5}),
    ],
)
def test_what_names_models_and_layers_is_text(tmp_path: Path, merge: Any, option: dict[str, Any]) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match=f"The argument {next(iter(option))} is of another kind"):
        merge([file, file], **option)


def test_labels_and_methods(tmp_path: Path) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match="argument labels is of another kind"):
        check([file, file], labels=5)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="argument labels is of another kind"):
        check([file, file], labels=[5, 5])  # type: ignore[list-item]
    for wrong in ("a.txt", ["a.txt", 5], [["x"], {"y": 1}]):
        with pytest.raises(UsageError, match="argument labels is of another kind"):
            ensemble([file, file], labels=wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="argument method is of another kind"):
        average([file], tmp_path / "out.keras", method=[5])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("merge", "name", "value"),
    [
        *((fuse, "classes", value) for value in ("3", 2.0, True)),
        *((fuse, "head", value) for value in ("64", [2.5], 3.0)),
        (fuse, "project", 2.5),
        *((merge, "size", value) for merge in (fuse, ensemble) for value in ("6x6", ["a", "b"])),
        *((merge, "at", value) for merge in (fuse, branch) for value in ("a:dense", ["a:dense"])),
        (fuse, "output", ["a:kind"]),
        *((merge, "ranges", value) for merge in (fuse, ensemble) for value in ("0..1", ["a:0..1"])),
        *((merge, "outputs", ["logits"]) for merge in (branch, ensemble)),
        *((merge, "names", "pq") for merge in (fuse, branch, ensemble)),
    ],
)
def test_options_of_merges_are_of_their_kind(
    tmp_path: Path, merge: Callable[..., object], name: str, value: Any
) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match=f"argument {name} is of another kind"):
        merge([file, file], **{name: value})


@pytest.mark.parametrize("merge", [fuse, branch, ensemble])
def test_there_is_something_to_merge(merge: Callable[..., object]) -> None:
    with pytest.raises(UsageError, match="There is nothing to merge") as caught:
        merge([])
    assert caught.value.expected == "one model or more"
