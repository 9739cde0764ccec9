"""Write src/keras_weld/io/allowed_names.json: what Keras itself ships and a saved model may name.

Run by hand with the newest supported Keras installed:

    KERAS_BACKEND=jax python scripts/make_allow_list.py

Names that older versions had and the installed one has not are kept by hand in io/allow_list.py.
"""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import keras
from keras.src.api_export import get_name_from_symbol
from keras.src.optimizers.base_optimizer import BaseOptimizer
from keras.src.saving.keras_saveable import KerasSaveable

TARGET = Path(__file__).parents[1] / "src" / "keras_weld" / "io" / "allowed_names.json"
PACKAGES = (
    "constraints", "distillation", "dtype_policies", "initializers", "layers", "legacy.layers", "losses",
    "metrics", "models", "ops", "optimizers", "quantizers", "random", "regularizers",
)  # fmt: skip
BASES: dict[str, type] = {
    "models": keras.Model,
    "layers": keras.layers.Layer,
    "operations": keras.Operation,
    "losses": keras.Loss,
    "metrics": keras.Metric,
    "optimizers": BaseOptimizer,
    "schedules": keras.optimizers.schedules.LearningRateSchedule,
    "initializers": keras.Initializer,
    "regularizers": keras.Regularizer,
    "constraints": keras.constraints.Constraint,
    "dtype_policies": keras.DTypePolicy,
    "quantizers": keras.Quantizer,
}
STRING_KINDS = (
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
)

# They run what is inside the file, so allow_list.py tells them apart.
EXECUTABLE = {"FlaxLayer", "JaxLayer", "Lambda", "TFSMLayer", "TorchModuleWrapper"}
# Not subclasses of the bases above, but saved with models.
FURTHER_CLASSES = {
    "dtype_policies": {"DTypePolicyMap"},
    "quantizers": {
        "AWQConfig",
        "Float8QuantizationConfig",
        "GPTQConfig",
        "Int4QuantizationConfig",
        "Int8QuantizationConfig",
        "QuantizationConfig",
    },
    "layers": {"Cross", "Feature", "InputSpec"},
    "optimizers": {"OptimizerMap"},  # what a MultiOptimizer has its optimizers in
    "random": {"SeedGenerator"},
}
# Functions of every part of Keras that make objects out of configurations.
READERS = {"deserialize", "get", "serialize"}
# Functions of keras.ops that make tensors from a size, or call what they are given: no model saves them.
NO_FUNCTIONS = {
    "arange", "array", "associative_scan", "blackman", "bartlett", "cond", "convert_to_numpy",
    "convert_to_tensor", "custom_gradient", "empty", "empty_like", "eye", "fori_loop", "full", "geomspace",
    "hamming", "hanning", "identity", "indices", "kaiser", "linspace", "logspace", "map", "meshgrid", "ones",
    "rearrange", "repeat", "scan", "switch", "tile", "tri", "vander", "vectorize", "vectorized_map",
    "view_as_complex", "view_as_real", "while_loop", "zeros",
}  # fmt: skip


def modules() -> Iterator[ModuleType]:
    """Every module of the packages above, tests left out."""
    for name in PACKAGES:
        package = importlib.import_module(f"keras.src.{name}")
        yield package
        paths = getattr(package, "__path__", [])
        for info in pkgutil.walk_packages(paths, prefix=f"keras.src.{name}."):
            if not info.name.endswith("_test"):
                yield importlib.import_module(info.name)
    yield importlib.import_module("keras.src.layers.preprocessing.feature_space")


def classes() -> dict[str, set[str]]:
    """Names of classes by kind; a class is of the first kind in BASES that it derives from."""
    found: dict[str, set[str]] = {kind: set() for kind in BASES}
    for module in modules():
        for name, member in vars(module).items():
            saved = inspect.isclass(member) and member.__module__.startswith("keras.src.")
            if not saved or name.startswith("_") or name != member.__name__ or name in EXECUTABLE:
                continue
            for kind, base in BASES.items():
                if issubclass(member, base):
                    # A config names a class as it is exported: GroupQueryAttention, not its own name.
                    exported = get_name_from_symbol(member)
                    found[kind] |= {name, exported.rpartition(".")[2]} if exported else {name}
                    break
            else:
                known = any(name in names for names in FURTHER_CLASSES.values())
                if issubclass(member, KerasSaveable) and member is not KerasSaveable and not known:
                    raise SystemExit(f"{module.__name__}.{name} is saved with models and of no known kind")
    for kind, names in FURTHER_CLASSES.items():
        found.setdefault(kind, set()).update(names)
    return {**found, "applications": of_applications()}


def of_applications() -> set[str]:
    """Names of the layers that keras.applications has to itself: a file names them with their module."""
    found = set()
    for info in pkgutil.iter_modules(importlib.import_module("keras.src.applications").__path__):
        if info.name.endswith("_test"):
            continue
        module = importlib.import_module(f"keras.src.applications.{info.name}")
        members = (one for one in vars(module).values() if inspect.isclass(one))
        found |= {one.__name__ for one in members if one.__module__ == module.__name__}
    return found


def strings() -> dict[str, set[str]]:
    """What a config may name by a plain text, by kind (`"relu"`, `"glorot_uniform"`)."""
    found = {}
    for kind in STRING_KINDS:
        package = importlib.import_module(f"keras.src.{kind}")
        found[kind] = {name for name in package.ALL_OBJECTS_DICT if not name.startswith("_")}
    found["metrics"] |= {"acc", "accuracy", "ce", "crossentropy"}
    return found


def functions() -> dict[str, set[str]]:
    """Names of plain functions by kind; those of `keras.ops` are a kind of their own."""
    found: dict[str, set[str]] = {}
    for kind in STRING_KINDS:
        table = importlib.import_module(f"keras.src.{kind}").ALL_OBJECTS_DICT
        known = {**table, **vars(getattr(keras, kind))}  # get() knows some of them, and a file may name them all
        given = {name: one for name, one in known.items() if isinstance(one, FunctionType)}
        found[kind] = {*given, *(one.__name__ for one in given.values())} - READERS
    operations = {name for name, one in vars(keras.ops).items() if isinstance(one, FunctionType)}
    found["ops"] = operations - NO_FUNCTIONS
    return {kind: names for kind, names in found.items() if names}


def in_order(table: dict[str, set[str]]) -> dict[str, list[str]]:
    """A table as JSON has it: kinds and names in the order of the alphabet."""
    return {kind: sorted(table[kind]) for kind in sorted(table)}


def main() -> None:
    """Write the file."""
    told = {
        "keras_version": keras.__version__,
        "classes": in_order(classes()),
        "strings": in_order(strings()),
        "functions": in_order(functions()),
    }
    TARGET.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
