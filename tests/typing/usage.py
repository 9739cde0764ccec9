"""Typical uses, for the type checker: it must accept each line, and know what comes out. Never run."""

from __future__ import annotations

from pathlib import Path
from typing import assert_type

import keras_weld as weld
from keras_weld.core.state import Array


def read(path: Path) -> None:
    with weld.open_model(path, weld.Limits(json_bytes=1 << 20)) as state:
        assert_type(state, weld.ModelState)
        for name, tensor in state.items():
            assert_type(name, str)
            assert_type(tensor, weld.LazyTensor)
            assert_type(tensor.read(), Array)
        trainable = [spec.shape for spec in state.specs if spec.role is weld.Role.TRAINABLE]
        assert_type(trainable, list[tuple[int, ...]])


def load_and_save(path: str) -> None:
    model = weld.load(path, custom_objects={"Mine": object}, compile=False)
    weld.load(path, custom_objects=["my_layers:Attention"], limits=weld.Limits())
    assert_type(weld.save(model, "copy.keras"), Path)
    assert_type(weld.convert(path, Path("copy.h5"), architecture="model.json").difference, float | None)
    assert_type(weld.Checkpoint("run/{epoch:02d}.keras", save="best", mode="min").best, float | None)


def merge_and_judge(paths: list[Path]) -> None:
    assert_type(weld.inspect(paths[0]).summary.parameters.total, int)
    possible = weld.check(paths, purpose="average")
    done = weld.average(paths, "mean.keras", weights=[0.5, 0.5])
    weld.average(["a.keras", weld.load("b.keras")], Path("mean.keras"), last=2)
    model = weld.ensemble(paths, weights=[0.5, 0.5], outputs={"a": "logits"}, labels=["a.txt", ["cat", "dog"]])
    weld.ensemble([model, "c.keras"], reduce="vote", out="ensemble.keras")
    weld.branch(paths, backbone=paths[1], heads="new", out=Path("both.keras"))
    weld.evaluate("mean.keras", paths, data="digits.npz")
    print(possible, done, weld.demo("here", seed=1))


def tune(path: str) -> None:
    model = weld.tune(path, "digits.npz", stages=[weld.Stage("head", 5, 1e-3)], out="tuned.keras")
    weld.tune(model, ([[0.0]], [0]), validation=([[1.0]], [1]), stages="all:1@1e-4")
    weld.fuse([path, model], data="digits.npz", stages="head:5@1e-3", batch_size=64)


def refused(path: str) -> str:
    try:
        weld.load(path)
    except weld.WeldError as error:
        assert_type(error.remedy, str | None)
        return str(error)
    return weld.__version__
