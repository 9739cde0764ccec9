"""Run a script on a file that is not trusted, in a process that can do little harm.

The process has an environment and a working folder of its own, limits on time, memory and the size of files, and,
where the system can, no network and no files but Python's, the system's and those of its folder. docs/safety.md
says what that protects from, and what not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_weld.core import sandbox_child

_SECONDS = 600
_BYTES = 8 << 30
_GIVEN = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "LD_LIBRARY_PATH")


@dataclass(frozen=True, slots=True)
class Sandboxed:
    """What came of a script.

    Attributes:
        finished: whether it ended well.
        said: what it wrote to standard error.
        guards: what could be closed, in words.
    """

    finished: bool
    said: str
    guards: tuple[str, ...]


def run_sandboxed(script: Path, folder: Path, *, seconds: int = _SECONDS, memory: int = _BYTES) -> Sandboxed:
    """Run a script with nothing but a folder to write to.

    Args:
        script: a Python file that needs no arguments; it runs in `folder`.
        folder: its working folder, home and place for temporary files. What it needs is put there before, and what
            it makes is found there after.
        seconds: how long it may run.
        memory: how many bytes it may ask for.
    """
    place = os.path.realpath(folder)
    environment = {name: os.environ[name] for name in _GIVEN if name in os.environ}
    environment |= {"HOME": place, "TMPDIR": place, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-I", str(sandbox_child.__file__), str(script), place, str(seconds), str(memory)]
    try:
        done = subprocess.run(
            command,
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
            start_new_session=True,
        )
    except subprocess.TimeoutExpired:
        return Sandboxed(False, f"It was ended after {seconds} seconds.", ())
    return Sandboxed(done.returncode == 0, done.stderr, _guards(done.stdout))


def _guards(said: str) -> tuple[str, ...]:
    """What could be closed: it stands in the first line, which was written before the script began."""
    told: dict[str, Any] = {}
    with suppress(ValueError):
        told = json.loads(said.partition("\n")[0])
    found = ["a process of its own"]
    if told.get("limits"):
        found.append("limits on " + ", ".join(told["limits"]))
    found.append("no network" if told.get("network") else "no network from Python code")
    if told.get("files"):
        found.append("no files of the user's")
    return tuple(found)
