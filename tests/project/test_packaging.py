"""The wheel, in an environment that holds nothing else of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def run(command: list[object], folder: Path) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder], ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_its_types_and_its_licence_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "keras_weld/py.typed" in names
    assert "keras_weld/cli/main.py" in names
    assert "keras_weld/io/allowed_names.json" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"keras_weld"}
    assert not [name for name in names if "/test" in name or name.endswith((".pyc", ".part"))]


def test_the_installed_wheel_runs(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "environment"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / "python"
    run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", "--no-index", wheel],
        tmp_path,
    )
    # The packages it needs are borrowed. A path named in a .pth file is not searched for .pth files of its
    # own, so the editable install of this checkout stays out of sight.
    site = Path(run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], tmp_path).strip())
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")

    assert "average" in run([scripts / "weld", "--help"], tmp_path)
    version = wheel.name.split("-")[1]
    assert run([scripts / "weld", "--version"], tmp_path) == f"keras-weld {version}\n"
    assert run([python, "-m", "keras_weld", "--version"], tmp_path) == f"keras-weld {version}\n"
    where = run([python, "-c", "import keras_weld; print(keras_weld.__path__[0])"], tmp_path).strip()
    assert Path(where).is_relative_to(home)
