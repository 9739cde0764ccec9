"""The list of allowed names has everything that the installed Keras can save."""

from __future__ import annotations

import pytest

from keras_weld.io.allow_list import EXECUTABLE, is_known_class, is_known_function, is_known_text

pytestmark = pytest.mark.keras


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
