"""Write the golden files of Keras 2.15, into `keras2_15/`.

Needs an environment of its own, apart from the package's: Python 3.11 with

    pip install tensorflow-cpu==2.15.1

(which brings Keras 2.15.0).  From this folder run

    python make_keras2.py

Every model is seeded, so a second run writes the same weights.  The script then loads back each
file it wrote and compares; it ends with status 1 when anything differs.
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import shutil
from pathlib import Path
from typing import Any

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

OUT = HERE / "keras2_15"
SAVED_MODELS = ("mlp", "lstm")


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
        "names": [variable.name for variable in variables],
        "iterations": model.optimizer.iterations.numpy(),
        "learning_rate": model.optimizer.learning_rate.numpy(),
    }


def checkpointed_optimizer(path: Path) -> list[np.ndarray]:
    """The optimizer's variables as a SavedModel holds them, in the order of its variables.

    Keras 2.15 writes them and does not load them back, so they are read from its checkpoint.
    """
    reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
    stored = [key for key in reader.get_variable_to_shape_map() if key.startswith("optimizer/")]
    count = sum(key.startswith("optimizer/_variables/") for key in stored)
    keys = ["_iterations"] + [f"_variables/{i}" for i in range(1, count + 1)]
    return [reader.get_tensor(f"optimizer/{key}/.ATTRIBUTES/VARIABLE_VALUE") for key in keys]


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
        [variable.name for variable in model.weights],
        trainable_flags(model),
        optimizer_state(model) if name == "mlp" else None,
    )
    # The end of the name picks the layout: `.weights.h5` the new one, any other `.h5` the old.
    model.save_weights(str(OUT / f"{name}.weights.h5"))
    model.save_weights(str(OUT / f"{name}_w.h5"))
    if name == "subclassed":
        return
    model.save(str(OUT / f"{name}.keras"))
    model.save(str(OUT / f"{name}.h5"))
    (OUT / f"{name}.json").write_text(model.to_json(indent=1) + "\n", encoding="utf-8")
    if name in SAVED_MODELS:
        model.save(str(OUT / f"{name}.savedmodel"), save_format="tf", save_traces=name == "mlp")


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

    for ending in (".weights.h5", "_w.h5"):
        path = OUT / f"{name}{ending}"
        checks.compare(path.name, lambda path=path: filled(path), outputs)
    if name == "subclassed":
        return
    checks.compare(f"{name}.json", from_json, outputs)
    endings = [".keras", ".h5"] + ([".savedmodel"] if name in SAVED_MODELS else [])
    for ending in endings:
        path = OUT / f"{name}{ending}"
        checks.compare(path.name, lambda path=path: predict(loaded(path), inputs), outputs)
        if optimizer and ending != ".savedmodel":
            checks.compare(
                f"{path.name}, optimizer",
                lambda path=path: optimizer_state(loaded(path))["values"],
                optimizer,
            )
    if optimizer:
        folder = OUT / f"{name}.savedmodel"
        checks.compare(f"{folder.name}, optimizer", lambda: checkpointed_optimizer(folder), optimizer)


def main() -> None:
    """Make the files again, all of them, and check them."""
    print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
    if not keras.__version__.startswith("2.15."):
        raise SystemExit("this script is for Keras 2.15")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    checks = Checks()
    for name in BUILDERS:
        make(name)
        check(name, checks)
    checks.finish()


if __name__ == "__main__":
    main()
