"""What `average` warns of, though the tensors fit: variances, hostile configs, sources given twice."""

from __future__ import annotations

from pathlib import Path

import handmade
import numpy as np
import pytest

from keras_weld.recipes.average import average
from keras_weld.recipes.check import check
from keras_weld.recipes.inspect import inspect

VARIANCE = handmade.PATHS["norm/moving_variance"]


def model(file: Path, **values: float) -> Path:
    """One start; `values` are set in the tensors of these paths."""
    tensors = handmade.tensors(0)
    for name, value in values.items():
        tensors[handmade.PATHS[f"norm/{name}"]] = np.full(5, value, np.float32)
    return handmade.make_keras(file, tensors)


def warnings_of(files: list[Path], out: Path, **options: object) -> list[str]:
    done = average(files, out, **options)  # type: ignore[arg-type]
    return [note for note in done.notes if note.startswith("Warning: ")]


def test_a_negative_variance_is_told_with_its_layer(tmp_path: Path) -> None:
    files = [model(tmp_path / "a.keras", moving_variance=1), model(tmp_path / "b.keras", moving_variance=5)]
    (told,) = warnings_of(files, tmp_path / "out.keras", weights=[2, -1])
    assert told == (
        "Warning: the result has a variance below zero, in norm/moving_variance, since a share is negative. The layer "
        "makes NaN of it: estimate its statistics anew on training data, or give shares of 0 or more."
    )
    assert not warnings_of(files, tmp_path / "out.keras", weights=[1.2, -0.2])
    assert not warnings_of([model(tmp_path / "c.keras", moving_mean=-1)], tmp_path / "out.keras")
    broken = model(tmp_path / "d.keras", moving_variance=-1)
    (told,) = warnings_of([broken], tmp_path / "out.keras")
    assert "since it is so in one of the sources" in told


def test_an_output_among_its_sources_is_told(tmp_path: Path) -> None:
    files = [model(tmp_path / f"{name}.keras") for name in "ab"]
    soup = tmp_path / "soup.keras"
    assert average(files, soup, last=2).notes[0].startswith("The statistics")
    done = average([*files, soup], tmp_path / "." / "soup.keras", last=2)
    assert done.sources == (str(files[1]), str(soup))
    assert done.notes[:2] == (
        f"Warning: {soup} is the output and one of its own sources: what it held before was averaged too, and is "
        "gone now. Write to another file if that was not wanted.",
        f"{soup} is a merge itself, of 2 models (linear).",
    )


def test_a_source_given_twice_is_told(tmp_path: Path) -> None:
    files = [model(tmp_path / f"{name}.keras") for name in "ab"]
    (tmp_path / "link.keras").symlink_to(files[0])
    notes = average([*files, tmp_path / "link.keras"], tmp_path / "out.keras").notes
    assert notes[0] == f"{files[0]} was given 2 times, and counts that often."


@pytest.mark.parametrize(
    ("activation", "told"),
    [
        (("keras.utils", "plot_model"), "the model names keras.utils.plot_model, which is not something that models"),
        (("os", "system"), "it names os.system of Python itself (activation of layer "),
        (("builtins", "exec"), "it names builtins.exec of Python itself (activation of layer "),
    ],
)
def test_what_loading_refuses_is_told_before(tmp_path: Path, activation: tuple[str, str], told: str) -> None:
    module, name = activation
    config = handmade.config()
    config["config"]["layers"][1]["config"]["activation"] = {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": name,
    }
    files = [handmade.make_keras(tmp_path / f"{n}.keras", handmade.tensors(0), config=config) for n in "ab"]
    (warned,) = warnings_of(files, tmp_path / "out.keras")
    assert warned.startswith(f"Warning: loading the result is refused, as {files[0]} is: {told}")
    assert not warnings_of(files, tmp_path / "out.weights.h5")
    named = inspect(files[0])
    assert any(name in text for text in (*named.problems, *named.summary.custom))


def test_functions_of_ones_own_are_no_warning(tmp_path: Path) -> None:
    config = handmade.config()
    own = {"module": "builtins", "class_name": "function", "config": "swishy", "registered_name": "mine>swishy"}
    config["config"]["layers"][1]["config"]["activation"] = own
    files = [handmade.make_keras(tmp_path / f"{n}.keras", handmade.tensors(0), config=config) for n in "ab"]
    assert not warnings_of(files, tmp_path / "out.keras")


def trained_by(file: Path, loss: object) -> Path:
    config = handmade.config()
    config["config"]["layers"][-1]["config"]["activation"] = "linear"
    config["compile_config"] = {"loss": loss}
    return handmade.make_keras(file, handmade.tensors(0), config=config)


def test_models_trained_for_different_things_are_told_as_check_tells_it(tmp_path: Path) -> None:
    options = {"name": "categorical_crossentropy", "from_logits": True}
    logits = {"module": "keras.losses", "class_name": "CategoricalCrossentropy", "config": options}
    files = [trained_by(tmp_path / "a.keras", logits), trained_by(tmp_path / "b.keras", "mse")]
    (told,) = warnings_of(files, tmp_path / "out.keras")
    assert told == (
        f"Warning: the models were trained for different things: what comes out of {files[1]} as out are 3 real "
        f"values, where {files[0]} gives logits of 3 classes. Average models that were trained with one loss."
    )
    (found,) = (
        one for one in check(files).merge("average").findings if one.text.startswith("The models were trained for")
    )
    assert (found.expected, found.found) == ("logits of 3 classes", "3 real values")
    assert not warnings_of([files[1], trained_by(tmp_path / "c.keras", "mae")], tmp_path / "out.keras")
    assert not warnings_of([files[0], trained_by(tmp_path / "d.keras", None)], tmp_path / "out.keras")
