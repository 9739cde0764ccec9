"""keras-weld turns several trained Keras models into one, and shows whether the one is better.

Importing it imports no Keras backend; names load on first use.
"""

from __future__ import annotations

TYPE_CHECKING = False  # checkers know the name; importing it takes longer than the rest of this file
if TYPE_CHECKING:
    from typing import Any

    from keras_weld.core.state import LazyTensor, ModelState
    from keras_weld.core.tensor import Role, TensorSpec
    from keras_weld.core.version import __version__
    from keras_weld.errors import WeldError
    from keras_weld.io.limits import Limits
    from keras_weld.io.read import open_model
    from keras_weld.models.load import load
    from keras_weld.models.save import save
    from keras_weld.recipes.average import average
    from keras_weld.recipes.branch import branch
    from keras_weld.recipes.check import check
    from keras_weld.recipes.convert import convert
    from keras_weld.recipes.demo import demo
    from keras_weld.recipes.ensemble import ensemble
    from keras_weld.recipes.evaluate import evaluate
    from keras_weld.recipes.fuse import fuse
    from keras_weld.recipes.inspect import inspect
    from keras_weld.recipes.provenance import lineage
    from keras_weld.recipes.train import train
    from keras_weld.recipes.tune import tune
    from keras_weld.recipes.zip import zipper
    from keras_weld.training.fit import fit
    from keras_weld.training.plan import Stage
    from keras_weld.training.resume import Resume
    from keras_weld.training.saving import Checkpoint

__all__ = [
    "Checkpoint",
    "LazyTensor",
    "Limits",
    "ModelState",
    "Resume",
    "Role",
    "Stage",
    "TensorSpec",
    "WeldError",
    "__version__",
    "average",
    "branch",
    "check",
    "convert",
    "demo",
    "ensemble",
    "evaluate",
    "fit",
    "fuse",
    "inspect",
    "lineage",
    "load",
    "open_model",
    "save",
    "train",
    "tune",
    "zipper",
]

_HOMES = {
    "Checkpoint": "training.saving",
    "LazyTensor": "core.state",
    "Limits": "io.limits",
    "ModelState": "core.state",
    "Resume": "training.resume",
    "Role": "core.tensor",
    "Stage": "training.plan",
    "TensorSpec": "core.tensor",
    "WeldError": "errors",
    "__version__": "core.version",
    "average": "recipes.average",
    "branch": "recipes.branch",
    "check": "recipes.check",
    "convert": "recipes.convert",
    "demo": "recipes.demo",
    "ensemble": "recipes.ensemble",
    "evaluate": "recipes.evaluate",
    "fit": "training.fit",
    "fuse": "recipes.fuse",
    "inspect": "recipes.inspect",
    "lineage": "recipes.provenance",
    "load": "models.load",
    "open_model": "io.read",
    "save": "models.save",
    "train": "recipes.train",
    "tune": "recipes.tune",
    "zipper": "recipes.zip",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
