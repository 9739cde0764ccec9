"""Arguments of another kind are refused in words by every function, before anything is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import handmade
import pytest

from keras_weld.errors import UsageError
from keras_weld.io.guard import scan_file
from keras_weld.io.read import open_model
from keras_weld.recipes.average import average
from keras_weld.recipes.branch import branch
from keras_weld.recipes.check import check
from keras_weld.recipes.convert import convert
from keras_weld.recipes.ensemble import ensemble
from keras_weld.recipes.fuse import fuse
from keras_weld.recipes.inspect import inspect
from keras_weld.recipes.tuning import Training

TAKES_LIMITS: dict[str, Callable[[Path, Any], object]] = {
    "average": lambda file, limits: average([file], file.with_name("out.keras"), limits=limits),
    "check": lambda file, limits: check([file, file], limits=limits),
    "convert": lambda file, limits: convert(file, file.with_name("out.weights.h5"), limits=limits),
    "inspect": lambda file, limits: inspect(file, limits=limits),
    "open_model": lambda file, limits: open_model(file, limits),
    "scan_file": lambda file, limits: scan_file(file, limits=limits),
}


@pytest.mark.parametrize("value", ["no", 5, [5], True])
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


def test_labels_and_methods(tmp_path: Path) -> None:
    file = handmade.make_keras(tmp_path / "a.keras", handmade.tensors())
    with pytest.raises(UsageError, match="argument labels is of another kind"):
        check([file, file], labels=5)  # type: ignore[arg-type]
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
