"""The list of allowed names has everything that the installed Keras can save."""

from __future__ import annotations

from types import FunctionType

import pytest

from keras_weld.io.allow_list import EXECUTABLE, is_known_class, is_known_function, is_known_text
from keras_weld.io.config_scan import require_safe, scan_config

pytestmark = pytest.mark.keras

SPACES = ["activations", "constraints", "initializers", "losses", "metrics", "regularizers"]


def test_everything_that_keras_ships_is_known_and_what_runs_code_is_not():
    import make_allow_list as script

    found = script.classes()
    assert sum(map(len, found.values())) > 500
    for kind, names in found.items():
        assert not {name for name in names if not is_known_class(name, (kind,))}
        assert not names & EXECUTABLE
    for kind, names in script.strings().items():
        assert not {name for name in names if not is_known_text(name, kind)}
    for kind, names in script.functions().items():
        module = "builtins" if kind != "ops" else "keras.ops"
        assert not {name for name in names if not is_known_function(name, module)}


@pytest.mark.parametrize("space", SPACES)
def test_every_function_in_a_public_namespace_passes_as_keras_writes_it(space):
    import keras

    public = vars(getattr(keras, space))
    functions = [one for name, one in public.items() if isinstance(one, FunctionType) and name not in READERS]
    assert functions or space in ("constraints", "initializers", "regularizers")  # these are classes
    for one in functions:
        written = keras.saving.serialize_keras_object(one)
        assert written["class_name"] == "function"
        texts = [one.__name__] if space in ("losses", "metrics") else []  # as `.h5` has them
        require_safe(scan_config({"loss": written, "metrics": [written, *texts]}, compiled=True))


@pytest.mark.parametrize("space", [*SPACES, "optimizers", "optimizers.schedules"])
def test_every_class_in_a_public_namespace_passes_under_its_own_module(space):
    import keras

    found = keras
    for part in space.split("."):
        found = getattr(found, part)
    classes = [one for one in vars(found).values() if hasattr(one, "get_config")]
    assert classes or space == "activations"
    for one in classes:
        told = {"module": f"keras.{space}", "class_name": one.__name__, "config": {}, "registered_name": None}
        require_safe(scan_config(told))


READERS = {"deserialize", "get", "serialize"}


@pytest.mark.parametrize("name", sorted(READERS))
def test_a_function_that_makes_objects_is_no_part_of_a_model(name):
    for space in SPACES:
        assert not is_known_function(name, f"keras.{space}")
    assert not is_known_function(name, "builtins")
