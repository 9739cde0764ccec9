"""`weld zip` of models with several inputs and outputs: calibrated on all of them, and judged output by output."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import DataError  # noqa: E402
from keras_weld.recipes.zip_measuring import Meter  # noqa: E402


def model(classes: int, width: int = 4, names: str = "ab") -> keras.Model:
    """Two inputs; the outputs kind and size."""
    inputs = [keras.Input((width,), name=names[0]), keras.Input((3,), name=names[1])]
    x = layers.Dense(8, activation="relu")(layers.Concatenate()(inputs))
    x = layers.Dense(6, activation="relu")(x)
    outputs = [layers.Dense(classes, activation="softmax", name="kind")(x), layers.Dense(1, name="size")(x)]
    return keras.Model(inputs, outputs)


def data(classes: int, width: int = 4, names: str = "ab", targets: tuple[str, ...] = ("kind", "size")) -> Any:
    random = np.random.default_rng(classes)
    x = {names[0]: random.normal(size=(30, width)), names[1]: random.normal(size=(30, 3))}
    y = {"kind": random.integers(0, classes, 30), "size": random.normal(size=30)}
    return {key: one.astype("float32") for key, one in x.items()}, {key: y[key] for key in targets}


@pytest.fixture(autouse=True)
def untimed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Speed is no part of this."""
    costs = {"compression": 1.0, "memory": 1.0, "activations": 1.0, "speedup": ()}
    monkeypatch.setattr(Meter, "costs", lambda meter, network, trunk: costs)


def zipped(out: Path, given: Any, models: Any = None, **options: Any) -> Any:
    settings = {"rounds": [1], "steps": 40, "batch_size": 8, "rate": 1e-2, "start": "mean", "max_drop": None}
    settings |= {"baselines": "none"}
    models = models or [model(3), model(4)]
    return weld.zipper(models, names=["one", "other"], data=given, out=out, **{**settings, **options})


def test_every_output_is_calibrated_and_judged(tmp_path: Path) -> None:
    found = zipped(tmp_path, {"one": data(3), "other": data(4)})
    assert found.tasks == ("one_kind", "one_size", "other_kind", "other_size")
    (merged,) = found.rounds
    assert {output: figures.metric for output, figures in merged.tasks.items()} == {
        output: "accuracy" if output.endswith("kind") else "mse" for output in found.tasks
    }
    assert merged.losses[-1][1] < merged.losses[0][1]
    told = (tmp_path / "rounds" / "01" / "history.csv").read_text().splitlines()[0].split(",")
    assert {f"{output}_{part}" for output in found.tasks for part in ("loss", "distillation")} <= set(told)


def test_inputs_of_other_shapes_stay_each_tasks_own(tmp_path: Path) -> None:
    models = [_own_inputs(3, 4), _own_inputs(4, 5)]
    given = {"one": data(3, 4), "other": data(4, 5, targets=("kind",))}
    found = zipped(tmp_path, given, models, merge="weights", share="kernels", steps=2, start="lsq")
    assert set(found.rounds[0].tasks) == {"one_kind", "one_size", "other_kind"}
    plain = keras.models.load_model(tmp_path / "merged-01.keras")
    assert [one.shape[1:] for one in plain.inputs] == [(4,), (3,), (5,), (3,)]


def _own_inputs(classes: int, width: int) -> keras.Model:
    """As many numbers go into the first kernel, whatever the width of the first input."""
    inputs = [keras.Input((width,), name="a"), keras.Input((3,), name="b")]
    x = layers.Dense(8, activation="relu")(inputs[1])
    x = layers.Dense(6, activation="relu")(x)
    most = layers.Reshape((1,))(keras.ops.max(inputs[0], axis=-1))
    kind = layers.Dense(classes, activation="softmax", name="kind")(layers.Concatenate()([x, most]))
    return keras.Model(inputs, [kind, layers.Dense(1, name="size")(x)])


def test_too_few_targets_without_names_are_refused(tmp_path: Path) -> None:
    x, y = data(3)
    given = {"one": (x, y["kind"]), "other": data(4)}
    with pytest.raises(DataError, match="another number of targets") as refused:
        zipped(tmp_path / "out", given)
    assert refused.value.expected == "2: kind, size"
    assert not (tmp_path / "out").exists()
