"""What an old model answers, as tf_keras computes it in a sandbox, against what keras-weld made of it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.core.closeness import largest_difference
from keras_weld.core.sandbox import run_sandboxed
from keras_weld.core.state import Array
from keras_weld.errors import WeldError
from keras_weld.io.kinds import Kind
from keras_weld.io.saved_model import refuse_file_access

_CHILD = Path(__file__).with_name("original_child.py")
_NAMES = {Kind.KERAS: "original.keras", Kind.SAVED_MODEL: "original"}
_LENGTH = 300
INSTALL = "pip install 'keras-weld[keras2]' (beside tensorflow-cpu: pip install --no-deps tf_keras)"


@dataclass(frozen=True, slots=True)
class Compared:
    """How an old model and what was made of it compare.

    Attributes:
        difference: the largest difference between two outputs; None if they were not compared.
        reason: why they were not compared; None if they were.
        guards: what the process that ran the old model could not do.
    """

    difference: float | None = None
    reason: str | None = None
    guards: tuple[str, ...] = ()


def compare_with_original(
    path: Path, kind: Kind, model: Any, *, architecture: dict[str, Any] | None = None, unsafe: bool = False
) -> Compared:
    """Run an old model with tf_keras on made-up inputs, in a sandbox, and refuse a live model that answers otherwise.

    Args:
        path: the old file or folder; it has been scanned.
        kind: what it is.
        model: what keras-weld made of it.
        architecture: for a file of weights, the configuration to go with them.
        unsafe: whether code in the file may run.

    Raises:
        WeldError: if the outputs differ by more than rounding, or the folder's graph reaches for files.
    """
    if find_spec("tf_keras") is None:
        return Compared(reason=f"tf_keras, which runs models of Keras 2, is not installed: {INSTALL}.")
    if not getattr(model, "inputs", None):
        return Compared(reason="the model does not tell what it takes.")
    from keras_weld.models.made_up import answers, made_up_inputs

    if kind is Kind.SAVED_MODEL and not unsafe:
        refuse_file_access(path)
    inputs = made_up_inputs(model)
    with tempfile.TemporaryDirectory(prefix="keras-weld-") as name:
        folder = Path(name)
        told = {
            "file": _bring(path, folder / _NAMES.get(kind, "original.h5")),
            "architecture": None if architecture is None else json.dumps(architecture),
            "unsafe": unsafe,
        }
        (folder / "told.json").write_text(json.dumps(told))
        np.savez(folder / "inputs.npz", **{f"x{number}": values for number, values in enumerate(inputs)})  # type: ignore[arg-type]
        done = run_sandboxed(_CHILD, folder)
        if not done.finished:
            lines = [line for line in done.said.strip().splitlines() if line.strip()]
            return Compared(
                reason=f"tf_keras could not run the original: {(lines or ['no words'])[-1][:_LENGTH]}",
                guards=done.guards,
            )
        found = _outputs(folder / "outputs.npz")
    difference = largest_difference(
        found,
        answers(model, inputs),
        str(model.compute_dtype),
        WeldError,
        "What Keras 3 makes of this model does not answer as the original does; it was not written.",
        "Report it, with the architecture. Until then: weld convert OLD NEW --architecture model.json, built in code.",
    )
    return Compared(difference, guards=done.guards)


def _bring(path: Path, place: Path) -> str:
    """A copy of the old model in the sandbox's folder, which is all that it can write to."""
    if path.is_dir():
        shutil.copytree(path, place)
    else:
        shutil.copyfile(path, place)
    return place.name


def _outputs(file: Path) -> list[Array]:
    with np.load(os.fspath(file), allow_pickle=False) as stored:
        return [stored[f"y{number}"] for number in range(len(stored.files))]
