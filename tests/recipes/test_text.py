"""Models that take texts: composed and proved on TensorFlow, refused in words where the backend has no strings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.keras, pytest.mark.filterwarnings("ignore:__array__ implementation")]

import keras  # noqa: E402
from keras import layers  # noqa: E402

import keras_weld as weld  # noqa: E402
from keras_weld.errors import UsageError, WriteError  # noqa: E402
from keras_weld.recipes.proof import prove  # noqa: E402

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"


def make(seed: int) -> keras.Model:
    keras.utils.set_random_seed(seed)
    words = layers.TextVectorization(vocabulary=["some", "words", "more"], output_sequence_length=3)
    stack = [keras.Input((1,), dtype="string", name="line"), words, layers.Embedding(5, 4), layers.Flatten()]
    return keras.Sequential([*stack, layers.Dense(3, activation="softmax")], name=f"m{seed}")


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    for seed in (0, 1):
        make(seed).save(tmp_path / f"m{seed}.keras")
    return [tmp_path / "m0.keras", tmp_path / "m1.keras"]


@pytest.mark.skipif(not ON_TENSORFLOW, reason="only TensorFlow has strings")
def test_texts_are_composed_and_proved(files: list[Path], tmp_path: Path) -> None:
    made = weld.ensemble(files, out=tmp_path / "out.keras")
    lines = keras.ops.convert_to_tensor([["some words"], ["more"], ["nothing known"]])
    wanted = np.mean([np.asarray(weld.load(file)(lines)) for file in files], axis=0)
    np.testing.assert_allclose(np.asarray(made(lines)), wanted, atol=1e-6)
    assert weld.fuse(files, out=tmp_path / "fused.keras").outputs[0].shape == (None, 3)


def test_a_model_that_cannot_be_run_at_all_is_told_in_words(tmp_path: Path) -> None:
    words = layers.Rescaling(1.0, name="as_it_is")
    model = keras.Sequential([keras.Input((4,)), words, layers.Dense(3, activation="softmax", name="kind")], name="m")
    words.call = lambda inputs: inputs[:, :2]  # what comes out is not what was promised when the graph was made
    with pytest.raises(WriteError, match="The model cannot be run on examples of the shapes that it names") as caught:
        prove(tmp_path / "m.keras", model)
    assert caught.value.expected == "a model that takes float32 of shape (4, 4)"
    assert "incompatible with the layer" in str(caught.value.found)
    assert "\x1b" not in str(caught.value.found)


@pytest.mark.skipif(ON_TENSORFLOW, reason="TensorFlow has strings")
def test_where_there_are_no_strings_texts_are_refused_before_any_work(
    files: list[Path], tmp_path: Path, weld_here: Callable[..., Any]
) -> None:
    out = tmp_path / "out.keras"
    for models in (files, [make(0), make(1)]):
        for compose in (weld.ensemble, weld.fuse, weld.branch):
            with pytest.raises(UsageError, match="The model takes texts, and jax has no strings") as caught:
                compose(models, out=out)
            assert "KERAS_BACKEND=tensorflow" in str(caught.value.remedy)
        with pytest.raises(UsageError, match="The model takes texts"):
            weld.tune(models[0], (np.zeros((40, 1)), np.arange(40) % 3), out=out)
    done = weld_here("ensemble", *files, "-o", out)
    assert done.returncode == 2
    assert "jax has no strings" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
