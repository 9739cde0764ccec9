"""Makes the virtual environment when it is missing or stale; does nothing in a moment when it is ready.

`python scripts/make_venv.py FOLDER`. It is ready when the record in it, written last, says that it was made
of these exact constraints and this pyproject.toml, by this Python, for a checkout that lies here. An
environment whose making was interrupted has no record, and is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONSTRAINTS = ROOT / "constraints.txt"
PROJECT = ROOT / "pyproject.toml"
RECORD = "made-of.json"


def wanted() -> dict[str, str]:
    """What a ready environment was made of."""
    return {
        "python": sys.version.split(" ", 1)[0],
        "checkout": str(ROOT),
        "constraints": hashlib.sha256(CONSTRAINTS.read_bytes()).hexdigest(),
        "project": hashlib.sha256(PROJECT.read_bytes()).hexdigest(),
    }


def recorded(folder: Path) -> dict[str, str]:
    """What the environment in `folder` was made of, or nothing if that is not known."""
    try:
        found = json.loads((folder / RECORD).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and python_of(folder).exists() else {}


def python_of(folder: Path) -> Path:
    """The interpreter of the environment in `folder`."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def pip_install(folder: Path, *arguments: str) -> None:
    """Run pip in the environment; it says nothing unless something is wrong."""
    quiet = ("--quiet", "--quiet", "--disable-pip-version-check", "--no-input")  # errors only
    subprocess.run([python_of(folder), "-m", "pip", "install", *quiet, *arguments], cwd=ROOT, check=True)


def make(folder: Path) -> None:
    """Make the environment in `folder`, or only what of it is stale."""
    want, have = wanted(), recorded(folder)
    if have == want:
        return
    half_way = want | {"project": ""}
    if have | {"project": ""} != half_way:
        (folder / RECORD).unlink(missing_ok=True)
        print(f"Making {folder} with Python {want['python']}; this takes about a minute.", flush=True)
        venv.create(folder, clear=True, with_pip=True, symlinks=os.name != "nt")
        pip_install(folder, "--require-hashes", "--requirement", str(CONSTRAINTS))
    record(folder, half_way)
    pip_install(folder, "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    record(folder, want)


def record(folder: Path, made_of: dict[str, str]) -> None:
    """Note what the environment in `folder` is made of, in one step."""
    temporary = folder / (RECORD + ".part")
    temporary.write_text(json.dumps(made_of, indent=2) + "\n", "utf-8")
    temporary.replace(folder / RECORD)


def main() -> int:
    """Make the environment named on the command line; says what failed and what to do."""
    folder = Path(sys.argv[1])
    try:
        make(folder)
    except subprocess.CalledProcessError as error:
        print(f"pip failed (exit code {error.returncode}); {folder} is not ready.", file=sys.stderr)
        print("See its message above, and run the same make command again.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"Interrupted; {folder} will be finished by the next make.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
