"""Write the golden files of an early Keras 3, into `keras3_0/`.

Needs an environment of its own, apart from the package's: Python 3.11 with

    pip install tensorflow-cpu==2.16.2 keras==3.0.5

From this folder run

    python make_keras3_early.py

The folder is named after the version of Keras that runs the script: with 3.1 or 3.2 it would be
`keras3_1/` or `keras3_2/`.  (What 3.2.1 writes has the same layout, so it is not kept.)  Every
model is seeded, so a second run writes the same weights.  The script then loads back each file it
wrote and compares; it ends with status 1 when anything differs.
"""

from __future__ import annotations

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import json
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import tensorflow as tf
from golden_common import (
    HERE,
    SEED,
    Checks,
    load_expected,
    make_inputs,
    make_targets,
    nudge,
    numbered,
    one_or_list,
    predict,
    save_expected,
    trainable_flags,
)
from golden_models import BUILDERS, TRAINED, compile_model

OUT = HERE / ("keras" + "_".join(keras.__version__.split(".")[:2]))

# Early Keras 3 gives a Bidirectional rebuilt from its configuration the weights of a third,
# unused layer, and then cannot fill them: it cannot read its own file, which later versions can.
UNLOADABLE = ("lstm",)


def fresh(name: str, seed: int) -> Any:
    """The model `name`, built, with the initial weights that `seed` gives."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    model = BUILDERS[name](keras)
    model(one_or_list(make_inputs(name)))  # a subclassed model has no weights before this
    return model


def optimizer_state(model: Any) -> dict[str, Any]:
    """What `save_expected` keeps of an optimizer."""
    variables = list(model.optimizer.variables)
    return {
        "values": [variable.numpy() for variable in variables],
        "names": [variable.path for variable in variables],
        "iterations": model.optimizer.iterations.numpy(),
        "learning_rate": np.asarray(model.optimizer.learning_rate),
    }


def save_h5(model: Any, path: Path) -> None:
    """Write the whole model as `.h5`, or say that this version of Keras cannot.

    The first versions of Keras 3 name the weights in a `.h5` file by their short names, and stop
    where two weights within one layer share one.
    """
    try:
        model.save(str(path))
    except ValueError as problem:
        if "name already exists" not in str(problem):
            raise
        path.unlink(missing_ok=True)
        print(f"none {path.name}: Keras {keras.__version__} cannot write it ({problem})")


def stored_optimizer(path: Path) -> list[np.ndarray]:
    """The optimizer's variables as a `.h5` file holds them, in the order that it gives.

    Early Keras 3 writes them and does not load them back, so they are read without it.
    """
    with h5py.File(str(path), "r") as file:
        group = file["optimizer_weights"]
        return [np.asarray(group[name]) for name in group.attrs["weight_names"]]


def make(name: str) -> None:
    """Build, train and save one model in every format."""
    inputs = make_inputs(name)
    model = fresh(name, SEED)
    if name in TRAINED:
        compile_model(keras, name, model)
        targets = one_or_list(make_targets(predict(model, inputs)))
        model.fit(one_or_list(inputs), targets, batch_size=4, epochs=2, shuffle=False, verbose=0)
    else:
        model.set_weights(nudge(model.get_weights()))

    save_expected(
        OUT / f"{name}.expected.npz",
        inputs,
        predict(model, inputs),
        model.get_weights(),
        [variable.path for variable in model.weights],
        trainable_flags(model),
        optimizer_state(model) if name == "mlp" else None,
    )
    model.save_weights(str(OUT / f"{name}.weights.h5"))
    if name == "subclassed":
        return
    model.save(str(OUT / f"{name}.keras"))
    save_h5(model, OUT / f"{name}.h5")
    text = json.dumps(json.loads(model.to_json()), indent=1)
    (OUT / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if name == "mlp":
        model.export(str(OUT / f"{name}.export"))


def check(name: str, checks: Checks) -> None:
    """Load every file of one model and compare with what was expected."""
    expected = load_expected(OUT / f"{name}.expected.npz")
    inputs, outputs = numbered(expected, "x"), numbered(expected, "y")
    weights, optimizer = numbered(expected, "w"), numbered(expected, "opt")

    def loaded(path: Path) -> Any:
        keras.backend.clear_session()
        return keras.models.load_model(str(path))

    def filled(path: Path) -> list[np.ndarray]:
        model = fresh(name, SEED + 9)
        model.load_weights(str(path))
        return predict(model, inputs)

    def from_json() -> list[np.ndarray]:
        keras.backend.clear_session()
        text = (OUT / f"{name}.json").read_text(encoding="utf-8")
        model = keras.models.model_from_json(text)
        model.set_weights(weights)
        return predict(model, inputs)

    def archived() -> list[np.ndarray]:
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(OUT / f"{name}.keras") as zip:
            return filled(Path(zip.extract("model.weights.h5", folder)))

    def exported() -> list[np.ndarray]:
        served = tf.saved_model.load(str(OUT / f"{name}.export"))
        return [served.serve(inputs[0]).numpy()]

    checks.compare(f"{name}.weights.h5", lambda: filled(OUT / f"{name}.weights.h5"), outputs)
    if name == "subclassed":
        return
    if name in UNLOADABLE:
        checks.compare(f"{name}.keras, its weights", archived, outputs)
    else:
        checks.compare(f"{name}.json", from_json, outputs)
    whole, old = OUT / f"{name}.keras", OUT / f"{name}.h5"
    if name not in UNLOADABLE:
        checks.compare(whole.name, lambda: predict(loaded(whole), inputs), outputs)
    if old.exists():
        checks.compare(old.name, lambda: predict(loaded(old), inputs), outputs)
    if name == "mlp":
        checks.compare(f"{whole.name}, optimizer", lambda: optimizer_state(loaded(whole))["values"], optimizer)
        checks.compare(f"{old.name}, optimizer", lambda: stored_optimizer(old), optimizer)
        checks.compare(f"{name}.export", exported, outputs)


def main() -> None:
    """Make the files again, all of them, and check them."""
    print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
    if not keras.__version__.startswith(("3.0.", "3.1.", "3.2.")):
        raise SystemExit("this script is for Keras 3.0, 3.1 or 3.2")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    checks = Checks()
    for name in BUILDERS:
        make(name)
        check(name, checks)
    checks.finish()


if __name__ == "__main__":
    main()
