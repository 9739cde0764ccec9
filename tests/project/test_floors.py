"""The floor plan holds, and the checker that says so can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

import check_floors
from check_floors import FLOORS, circles, forbidden, read_package


def tree(folder: Path, files: dict[str, str]) -> check_floors.Package:
    for name, text in files.items():
        file = folder / "keras_weld" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return read_package(folder)


def test_the_package_keeps_to_the_floor_plan() -> None:
    package = read_package(check_floors.SOURCE)
    assert len(package.files) > 5
    assert forbidden(package) == []


def test_no_modules_of_the_package_import_each_other_in_a_circle() -> None:
    assert circles(read_package(check_floors.SOURCE)) == []


def test_a_floor_never_may_import_a_higher_one() -> None:
    for name, floor in FLOORS.items():
        for target in floor.may_import - {""}:
            assert FLOORS[target].level <= floor.level, f"{name} may import {target}"


@pytest.mark.parametrize(
    "statement",
    [
        "from keras_weld.models import load",
        "from keras_weld.models.load import load_model",
        "import keras_weld.models.load",
        "from ..models import load",
        "from ..models.load import load_model",
        "def later():\n    from keras_weld.models import load",
        "if TYPE_CHECKING:\n    from keras_weld.models.load import load_model",
        "import importlib\nimportlib.import_module('keras_weld.models.load')",
    ],
)
def test_a_forbidden_arrow_names_both_files(tmp_path: Path, statement: str) -> None:
    package = tree(tmp_path, {"io/read.py": statement, "models/load.py": "", "models/__init__.py": ""})
    (line,) = forbidden(package)
    assert line.startswith(str(tmp_path / "keras_weld/io/read.py") + ":")
    assert str(tmp_path / "keras_weld/models") in line
    assert line.endswith("io (floor 2) may not import models (floor 3)")


def test_sideways_is_forbidden_unless_the_table_says_so(tmp_path: Path) -> None:
    package = tree(
        tmp_path,
        {
            "weights/mean.py": "from keras_weld.io import read",
            "judging/score.py": "from keras_weld.data import npz",
            "training/resume.py": "from keras_weld.stats import fisher",
            "io/read.py": "",
            "data/npz.py": "",
            "stats/fisher.py": "",
        },
    )
    assert [line.rpartition(": ")[2] for line in forbidden(package)] == [
        "training (floor 4) may not import stats (floor 4)",
        "weights (floor 2) may not import io (floor 2)",
    ]


def test_what_the_table_allows_is_allowed(tmp_path: Path) -> None:
    package = tree(
        tmp_path,
        {
            "__init__.py": "from keras_weld.cli import main",
            "errors.py": "import os",
            "core/state.py": "from keras_weld.errors import WeldError\nfrom keras_weld.core import tensor",
            "core/tensor.py": "import numpy",
            "models/load.py": "import keras\nfrom keras_weld.io import read",
            "io/read.py": "def variables():\n    import tensorflow",
            "recipes/average.py": "from keras_weld.models.load import load",
            "cli/main.py": "import click\ndef command():\n    from keras_weld.recipes import average",
        },
    )
    assert forbidden(package) == []
    assert circles(package) == []


def test_recipes_may_not_import_the_server(tmp_path: Path) -> None:
    package = tree(tmp_path, {"recipes/run.py": "from keras_weld.serve import rest", "serve/rest.py": ""})
    (line,) = forbidden(package)
    assert "recipes (floor 6) may not import serve (floor 5)" in line


@pytest.mark.parametrize(
    ("file", "statement", "reason"),
    [
        ("checks/compare.py", "def later():\n    import keras", "checks (floor 2) does without keras"),
        ("weights/mean.py", "from jax import numpy", "weights (floor 2) does without jax"),
        ("io/savedmodel.py", "import tensorflow as tf", "io imports tensorflow inside a function only"),
        ("io/read.py", "def later():\n    import torch", "io (floor 2) does without torch"),
        ("cli/average.py", "import numpy", "so that --help stays quick"),
        ("cli/average.py", "from keras_weld.recipes import average", "so that --help stays quick"),
        ("plugins/new.py", "import os", "the folder plugins has no floor"),
        ("io/read.py", "from keras_weld import load", "not from the package's own list of names"),
    ],
)
def test_other_arrows_that_are_refused(tmp_path: Path, file: str, statement: str, reason: str) -> None:
    package = tree(tmp_path, {"__init__.py": "", "recipes/average.py": "", file: statement})
    (line,) = forbidden(package)
    assert str(tmp_path / "keras_weld" / file) in line
    assert reason in line


def test_a_circle_names_its_files_in_order(tmp_path: Path) -> None:
    package = tree(
        tmp_path,
        {
            "io/a.py": "from keras_weld.io import b",
            "io/b.py": "from keras_weld.io.c import name",
            "io/c.py": "def later():\n    import keras_weld.io.a",
            "io/d.py": "from keras_weld.io import a",
        },
    )
    (line,) = circles(package)
    files = [str(tmp_path / "keras_weld" / "io" / name) for name in ("a.py", "b.py", "c.py", "a.py")]
    assert line == " imports ".join(files)


def test_a_folder_that_hands_on_a_name_which_its_own_module_takes_back_is_a_circle(tmp_path: Path) -> None:
    package = tree(
        tmp_path,
        {
            "io/__init__.py": "from keras_weld.io.read import read",
            "io/read.py": "from keras_weld.io import read_member",
        },
    )
    assert len(circles(package)) == 1


def test_the_script_ends_with_one_when_the_plan_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tree(tmp_path, {"core/state.py": "from keras_weld.io import read", "io/read.py": ""})
    monkeypatch.setattr(check_floors, "SOURCE", tmp_path)
    assert check_floors.main() == 1
    said = capsys.readouterr().out
    assert "core (floor 1) may not import io (floor 2)" in said
    assert "floors: 2 files, 1 imports, 1 against the plan" in said
