"""What all tests share: the backend they run on, and ways to run code and commands in this process or a fresh one.

`KERAS_BACKEND` names the backend; `none` runs the tests that need none and makes every import of one fail, so
that a test without the marker `keras` is known to do without. `make test` runs none, tensorflow and jax.
"""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType

BACKEND = os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Before anything imports a backend: no greetings, no graphics card, nothing that differs from run to run.
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["PYTHONHASHSEED"] = "0"  # for the processes that tests start
if BACKEND == "jax" and "PYTEST_XDIST_WORKER" not in os.environ:
    # What one test, worker or process has compiled, the others take from here. It goes with the end of this process.
    COMPILED = tempfile.TemporaryDirectory(prefix="keras-weld-jax-", ignore_cleanup_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = COMPILED.name
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ.pop("WELD_DEBUG", None)
os.environ.pop("COLUMNS", None)

import pytest  # noqa: E402 - after the environment is set

BACKENDS = ("keras", "tensorflow", "jax", "torch")
Completed = subprocess.CompletedProcess[str]


class NoBackend(MetaPathFinder):
    """Refuses to import a backend; an ImportError could be mistaken for a missing extra, so it is none."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name in BACKENDS:
            raise RuntimeError(
                f"This test imports {name} but is not marked: add @pytest.mark.keras (or, for the whole "
                "file, pytestmark = pytest.mark.keras), and import it there, not at the top of the file."
            )


def pytest_configure(config: pytest.Config) -> None:
    if BACKEND == "none":
        sys.meta_path.insert(0, NoBackend())


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Do not even import a file that is marked as a whole: it may import a backend at its top."""
    if BACKEND == "none" and collection_path.suffix == ".py":
        marked = re.search(
            r"^pytestmark\b[^\n]*(\n[^\n]+)*?\bmark\.keras\b",
            collection_path.read_text("utf-8"),
            re.MULTILINE,
        )
        return True if marked else None
    return None


def pytest_report_header() -> str:
    return f"backend: {BACKEND}"


def _environment(backend: str | None) -> dict[str, str]:
    chosen = backend or ("tensorflow" if BACKEND == "none" else BACKEND)
    return os.environ | {"KERAS_BACKEND": chosen}


@pytest.fixture(scope="session")
def run_python() -> Callable[..., Completed]:
    """Run a piece of Python in a fresh process.

    `run_python(code, *arguments, backend=None, check=True, timeout=120)` gives the finished process, with its
    output as text. With `check`, a process that fails fails the test and shows what it said.
    """

    def run(
        code: str,
        *arguments: object,
        backend: str | None = None,
        check: bool = True,
        timeout: float = 120,
    ) -> Completed:
        command = [sys.executable, "-W", "error::ResourceWarning", "-c", code, *map(str, arguments)]
        return _run(command, backend, check, timeout)

    return run


@pytest.fixture(scope="session")
def run_weld() -> Callable[..., Completed]:
    """Run the command `weld` in a fresh process.

    `run_weld(*arguments, backend=None, check=False, timeout=120)` gives the finished process; look at its
    `returncode`, `stdout` and `stderr`.
    """

    def run(*arguments: object, backend: str | None = None, check: bool = False, timeout: float = 120) -> Completed:
        return _run([sys.executable, "-m", "keras_weld", *map(str, arguments)], backend, check, timeout)

    return run


@pytest.fixture(scope="session")
def weld_here() -> Callable[..., Completed]:
    """Run the command `weld` in this process, where the backend has started already; as `run_weld` otherwise."""

    def run(*arguments: object, check: bool = False) -> Completed:
        from click.testing import CliRunner

        from keras_weld.cli.main import app

        words = [str(one) for one in arguments]
        done = CliRunner().invoke(app, words)
        if check and done.exit_code != 0:
            pytest.fail(f"weld ended with {done.exit_code}.\n{done.stdout}\n{done.stderr}", pytrace=False)
        return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)

    return run


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail a test that leaves this process otherwise than it found it: another test would fail for it."""
    before = _state_of_the_process()
    yield
    after = _state_of_the_process()
    left = [f"{name}: {was} before, {after.get(name)} after" for name, was in before.items() if after.get(name) != was]
    if left:
        pytest.fail("The test has left behind:\n" + "\n".join(left), pytrace=False)


def _state_of_the_process() -> dict[str, object]:
    """What tests can change for each other: of Keras only where it is imported.

    New variables of the environment do not count: libraries set some when they are imported.
    """
    variables = {f"variable {name}": value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    found: dict[str, object] = {
        **variables,
        "folder": os.getcwd(),
        "import path": list(sys.path),
        "interrupts": signal.getsignal(signal.SIGINT),
    }
    if "keras" in sys.modules:
        import keras

        found |= {
            "precision": keras.config.dtype_policy().name,
            "floats": keras.config.floatx(),
            "order of dimensions": keras.config.image_data_format(),
            "registered classes": sorted(keras.saving.get_custom_objects()),
            "short tracebacks": keras.config.is_traceback_filtering_enabled(),
            "devices": keras.distribution.distribution(),
        }
    return found


@pytest.fixture(scope="session", autouse=True)
def proofs_here() -> Iterator[Callable[..., Completed] | None]:
    """Prove composed models in this process: a new one imports the backend again, which takes seconds."""
    if BACKEND == "none":
        yield None
        return
    from keras_weld.recipes import proof

    with pytest.MonkeyPatch.context() as patch:
        real = proof.in_fresh_process
        patch.setattr(proof, "in_fresh_process", _in_this_process)
        yield real


@pytest.fixture
def fresh_process(proofs_here: Callable[..., Completed], monkeypatch: pytest.MonkeyPatch) -> None:
    """Prove composed models in a process of its own, as weld does: for tests that need one, or are about it."""
    monkeypatch.setattr("keras_weld.recipes.proof.in_fresh_process", proofs_here)


def _in_this_process(script: str, given: str) -> Completed:
    """Run a piece of Python here, with paths and warnings as a new process would have them."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setattr(sys, "stdin", io.StringIO(given))
        patch.setattr(sys, "path", list(sys.path))
        try:
            exec(compile(script, "<proof>", "exec"), {"__name__": "__main__"})
        except Exception:
            return subprocess.CompletedProcess([], 1, "", traceback.format_exc())
    return subprocess.CompletedProcess([], 0, "", "")


def _run(command: list[str], backend: str | None, check: bool, timeout: float) -> Completed:
    done = subprocess.run(
        command, env=_environment(backend), capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and done.returncode != 0:
        pytest.fail(f"The process ended with {done.returncode}.\n{done.stdout}\n{done.stderr}", pytrace=False)
    return done
