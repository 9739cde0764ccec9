"""Callbacks of one's own, and models in mixed precision, in a calibration."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

sys.path.insert(0, str(Path(__file__).parents[1] / "zipping"))

import keras  # noqa: E402
from zip_models import made  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.recipes.zip_measuring import Meter  # noqa: E402

CLASSES = {"kind": 3, "colour": 4}
COSTS = {"compression": 1.0, "memory": 1.0, "activations": 1.0, "speedup": ()}


class Seen(keras.callbacks.Callback):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.epochs: list[dict[str, float]] = []
        self.optimizers: set[str] = set()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.epochs.append(dict(logs))
        self.optimizers.add(type(self.model.optimizer).__name__)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_callbacks_are_told_of_every_part_in_any_precision(
    policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Meter, "costs", lambda meter, network, trunk: COSTS)  # speed is no part of this
    keras.config.set_dtype_policy(policy)
    try:
        models = [made("mlp", classes, number) for number, classes in enumerate(CLASSES.values())]
    finally:
        keras.config.set_dtype_policy("float32")
    random = np.random.default_rng(0)
    data = {
        task: (random.uniform(0, 1, (12, 5)).astype("float32"), random.integers(0, classes, 12))
        for task, classes in CLASSES.items()
    }
    seen = Seen()
    settings: dict[str, Any] = {"start": "mean", "steps": 4, "batch_size": 4, "layers": 1.0, "baselines": "none"}
    found = weld.zipper(
        models, names=list(CLASSES), out=tmp_path, data=data, rounds=[2], callbacks=[seen], max_drop=None, **settings
    )
    assert [one["loss"] for one in seen.epochs] == [loss for _, loss in found.rounds[0].losses]
    assert all(math.isfinite(one["kind_layers"]) for one in seen.epochs)
    assert seen.optimizers == {"LossScaleOptimizer" if policy == "mixed_float16" else "Adam"}
    merged = keras.models.load_model(tmp_path / "merged-02.keras")
    assert {layer.dtype_policy.name for layer in merged.layers if layer.name.startswith("dense")} == {policy}
