"""Load a written model in a fresh process with plain Keras, and compare what it predicts."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_weld.core.closeness import largest_difference
from keras_weld.core.state import Array
from keras_weld.errors import UsageError, WriteError, add_context

_SCRIPT = """
import importlib, inspect, json, sys
import numpy as np
told = json.load(sys.stdin)
sys.path[:0] = told["path"]
import keras
custom = {}
for text in told["custom"]:
    module, _, name = text.partition(":")
    found = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    custom[found.__name__] = custom[keras.saving.get_registered_name(found)] = found
model = keras.saving.load_model(
    told["model"], custom_objects=custom or None, compile=False, safe_mode=not told["unsafe"]
)
with np.load(told["inputs"]) as stored:
    given = [stored[f"x{number}"] for number in range(len(stored.files))]
mode = {"training": False} if "training" in inspect.signature(model.call).parameters else {}
made = keras.tree.flatten(model(given[0] if len(given) == 1 else given, **mode))
made = [keras.ops.convert_to_numpy(keras.ops.cast(one, "float32")) for one in made]
np.savez(told["outputs"], **{f"y{number}": values for number, values in enumerate(made)})
"""


def prove(path: Path, model: Any, *, custom: Sequence[str] = (), unsafe: bool = False) -> float:
    """Load a file in a process that has never heard of keras-weld, and compare its outputs with the live model's.

    Args:
        path: the file.
        model: the live model that it was written from.
        custom: classes of the user's own, as `module:Class`.
        unsafe: whether the file carries Python code that may run.

    Returns:
        The largest difference between an output of the one and of the other.

    Raises:
        WriteError: if it does not load, or predicts something else; says what the process said.
    """
    from keras_weld.models.made_up import made_up_inputs

    inputs = made_up_inputs(model)
    try:
        live = _predictions(model, inputs)
    except Exception as error:  # each backend has exceptions of its own
        raise _cannot_run(model, inputs, error) from error
    with tempfile.TemporaryDirectory(prefix="keras-weld-") as folder:
        told = {
            "model": os.fspath(path.resolve()),
            "inputs": os.path.join(folder, "x.npz"),
            "outputs": os.path.join(folder, "y.npz"),
            "custom": list(custom),
            "unsafe": unsafe,
            "path": _places(custom),
        }
        np.savez(told["inputs"], **{f"x{number}": values for number, values in enumerate(inputs)})  # type: ignore[arg-type]
        done = in_fresh_process(_SCRIPT, json.dumps(told))
        if done.returncode:
            raise _does_not_load(done.stderr, custom)
        with np.load(str(told["outputs"])) as stored:
            fresh = [stored[f"y{number}"] for number in range(len(stored.files))]
    return largest_difference(
        live,
        fresh,
        str(model.compute_dtype),
        WriteError,
        "Loaded in a fresh process, the file does not predict what the live model does; it was not kept.",
        "If a class of your own is involved, compare its get_config with its __init__: what it leaves out comes back "
        "with its default. Otherwise report this.",
    )


def in_fresh_process(script: str, given: str) -> subprocess.CompletedProcess[str]:
    """Run a piece of Python in a process of its own, which reads what is given."""
    return subprocess.run([sys.executable, "-c", script], input=given, capture_output=True, text=True, check=False)


def require_same(model: Any, copied: Any) -> None:
    """Refuse a live model with classes of the user's own whose copy, by way of a file, predicts something else.

    Raises:
        UsageError: naming these classes.
    """
    from keras_weld.models.made_up import made_up_inputs
    from keras_weld.models.own_things import own_things

    own = own_things(model)
    if not own or not getattr(model, "inputs", None):
        return
    inputs = made_up_inputs(model)
    with add_context(layer=", ".join(own)):
        largest_difference(
            _predictions(model, inputs),
            _predictions(copied, inputs),
            str(model.compute_dtype),
            UsageError,
            f"A copy of the live model {model.name!r}, saved and loaded again, does not predict what the model does.",
            "Compare get_config with __init__ in each class of your own: what it leaves out comes back with its "
            "default.",
        )


def _places(custom: Sequence[str]) -> list[str]:
    """Where the classes of the user's own are found: the folder we are in, and those that their modules lie in."""
    places = [os.getcwd()]
    for text in custom:
        name = text.partition(":")[0]
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None:
            above = name.count(".") + (Path(file).stem == "__init__")
            places.append(os.fspath(Path(file).resolve().parents[above]))
    return list(dict.fromkeys(places))


def _predictions(model: Any, inputs: Sequence[Array]) -> list[Array]:
    import keras

    from keras_weld.models.keras_private import in_form

    given = in_form(model, inputs)
    mode = {"training": False} if "training" in inspect.signature(model.call).parameters else {}
    made = keras.tree.flatten(model(given, **mode))
    return [np.asarray(keras.ops.convert_to_numpy(keras.ops.cast(one, "float32"))) for one in made]


def _cannot_run(model: Any, inputs: Sequence[Array], error: Exception) -> WriteError:
    from keras_weld.models.write import first_words

    return WriteError(
        "The model cannot be run on examples of the shapes that it names as its inputs; it was not written.",
        expected="a model that takes " + ", ".join(f"{values.dtype} of shape {values.shape}" for values in inputs),
        found=f"{type(error).__name__}: {first_words(error)}",
        remedy=f"Try it on such examples by itself: {model.name}(x). If a source fails by itself too, mend that one.",
    )


def _does_not_load(said: str, custom: Sequence[str]) -> WriteError:
    lines = [line for line in said.strip().splitlines() if line.strip()]
    return WriteError(
        "The file cannot be loaded in a fresh process with plain Keras; it was not kept.",
        expected="a file that keras.saving.load_model loads" + (f", given {', '.join(custom)}" if custom else ""),
        found=lines[-1][:300] if lines else "no words",
        remedy="A class of your own is passed with --custom module:Class (custom_objects=['module:Class']); it must "
        "lie in a module that can be imported.",
    )
