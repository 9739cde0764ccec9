"""What the makers of golden files share: their data, and how expectations are written and checked.

Imported by `make_keras1.py`, `make_keras2.py` and `make_keras3_early.py`, each of which runs in an
environment of its own.  This module therefore needs NumPy only, and keeps to what Python 3.7 reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20
HERE = Path(__file__).resolve().parent
TOLERANCE = 1e-5

VOCABULARY = 11
STEPS = 5
CLASSES = 3


def make_inputs(model_name: str, rows: int = 8) -> list[np.ndarray]:
    """Inputs for one model, the same on every version of Keras."""
    rng = np.random.RandomState(SEED)
    if model_name == "cnn":
        return [rng.normal(size=(rows, 8, 8, 2)).astype("float32")]
    if model_name == "lstm":
        return [rng.randint(0, VOCABULARY, size=(rows, STEPS)).astype("int32")]
    if model_name == "two_io":
        return [
            rng.normal(size=(rows, 4)).astype("float32"),
            rng.normal(size=(rows, 6)).astype("float32"),
        ]
    if model_name == "attention":
        return [rng.normal(size=(rows, STEPS, 6)).astype("float32")]
    return [rng.normal(size=(rows, 6)).astype("float32")]


def make_targets(outputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Targets shaped like `outputs`: each row is one class out of the last axis, as one-hot."""
    rng = np.random.RandomState(SEED + 1)
    targets = []
    for output in outputs:
        classes = output.shape[-1]
        targets.append(np.eye(classes, dtype="float32")[rng.randint(0, classes, len(output))])
    return targets


def nudge(weights: Iterable[np.ndarray]) -> list[np.ndarray]:
    """`weights` moved a little, and none below 0 that was not, so that no weight is left at its
    initial value (moving variances stay positive)."""
    rng = np.random.RandomState(SEED + 2)
    nudged = []
    for value in weights:
        noise = rng.uniform(0.05, 0.2, size=value.shape)
        nudged.append((value + noise).astype(value.dtype))
    return nudged


def as_list(value: Any) -> list[Any]:
    """`value` as a list: Keras gives one thing, or a list of things."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def one_or_list(values: Sequence[Any]) -> Any:
    """The only value of `values`, or the list of them: what Keras takes as inputs and targets."""
    return values[0] if len(values) == 1 else list(values)


def predict(model: Any, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of `model`, always as a list."""
    return as_list(model.predict(one_or_list(inputs), verbose=0))


def trainable_flags(model: Any) -> list[bool]:
    """For each weight of `model`, in its own order, whether training would change it."""
    trainable = {id(variable) for variable in model.trainable_weights}
    return [id(variable) in trainable for variable in model.weights]


def save_expected(
    path: Path,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    weight_names: Sequence[str],
    trainable: Sequence[bool],
    optimizer: dict[str, Any] | None = None,
) -> None:
    """Write what a reader of the model must find: see README.md for the names of the arrays.

    `optimizer` may hold `values` (arrays), `names` (str), `iterations` and `learning_rate`.
    """
    if not len(weights) == len(weight_names) == len(trainable):
        raise ValueError(f"{path.name}: weights, names and flags differ in number")
    arrays: dict[str, np.ndarray] = {}
    arrays.update({f"x{i}": np.asarray(value) for i, value in enumerate(inputs)})
    arrays.update({f"y{i}": np.asarray(value) for i, value in enumerate(outputs)})
    arrays.update({f"w{i:03d}": np.asarray(value) for i, value in enumerate(weights)})
    arrays["weight_names"] = np.array(list(weight_names), dtype=np.str_)
    arrays["trainable"] = np.array(list(trainable), dtype=bool)
    if optimizer is not None:
        values = optimizer["values"]
        arrays.update({f"opt{i:03d}": np.asarray(value) for i, value in enumerate(values)})
        arrays["opt_names"] = np.array(list(optimizer["names"]), dtype=np.str_)
        arrays["iterations"] = np.asarray(optimizer["iterations"], dtype="int64")
        arrays["learning_rate"] = np.asarray(optimizer["learning_rate"], dtype="float32")
    np.savez_compressed(str(path), **arrays)


def load_expected(path: Path) -> dict[str, np.ndarray]:
    """Read what `save_expected` wrote, without pickle."""
    with np.load(str(path), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def numbered(arrays: dict[str, np.ndarray], prefix: str) -> list[np.ndarray]:
    """The arrays named `prefix` and a number, in order."""
    names = [name for name in arrays if name.startswith(prefix) and name[len(prefix) :].isdigit()]
    return [arrays[name] for name in sorted(names, key=lambda name: int(name[len(prefix) :]))]


class Checks:
    """Compares reloaded files with what was expected of them, and counts the failures."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def compare(self, what: str, found: Callable[[], Sequence[np.ndarray]], expected: Sequence[np.ndarray]) -> None:
        """Say whether the arrays that `found` gives are those `expected`."""
        try:
            arrays = list(found())
            if len(arrays) != len(expected):
                raise ValueError(f"{len(arrays)} arrays, not {len(expected)}")
            worst = max(
                float(np.max(np.abs(np.asarray(a, "float64") - np.asarray(b, "float64"))))
                for a, b in zip(arrays, expected)  # noqa: B905 - Python 3.7 knows no `strict`
            )
            good = worst <= TOLERANCE
            verdict = f"largest difference {worst:.1e}"
        except Exception as problem:  # whatever a version of Keras raises is the finding
            good = False
            verdict = f"{type(problem).__name__}: {str(problem)[:300]}"
        print(f"{'ok  ' if good else 'FAIL'} {what}: {verdict}")
        if not good:
            self.failures.append(what)

    def finish(self) -> None:
        """Exit with status 1 when anything differed."""
        if self.failures:
            raise SystemExit("not as expected: " + ", ".join(self.failures))
        print("every file was reloaded and is as expected")
