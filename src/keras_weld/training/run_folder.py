"""The folder of a run: what its files are called, and what it tells of itself. Reading it needs no Keras."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_weld.errors import DamagedFileError, MissingFileError
from keras_weld.io.atomic import atomic_path

RUN, MODEL, CHECKPOINTS = "run.json", "model.keras", "checkpoints"
ARCHITECTURE = "architecture.json"
"""How the model is built and compiled, from the first start on; not there for one that cannot tell it."""
RECIPE, ASKED = "recipe.yaml", "recipe.json"
"""The recipe of a run that has one, and what is known of it besides its text."""


def read_run(folder: Path) -> dict[str, Any]:
    """What `run.json` tells: the run's identity, its starts, and what was changed on the way.

    Raises:
        MissingFileError: if the folder is none of a run.
        DamagedFileError: if the file cannot be read.
    """
    path = folder / RUN
    if not path.is_file():
        raise MissingFileError(
            "This is not the folder of a run.",
            file=folder,
            expected=f"a folder with the file {RUN}",
            found="no such folder" if not folder.exists() else f"no {RUN}",
            remedy="weld runs FOLDER lists the runs below a folder.",
        )
    found = read_json(path)
    if not isinstance(found, dict) or not isinstance(found.get("identity"), dict):
        raise DamagedFileError("The file does not tell what the run is.", file=path, expected="the entry identity")
    return {"changes": [], "starts": [], **found}


def recipe_folder(folder: Path) -> str | None:
    """The folder of the recipe that a run was begun by; None for a run that was begun by a script.

    Raises:
        DamagedFileError: if the file that tells it cannot be read.
    """
    path = folder / ASKED
    return str(read_json(path)["folder"]) if path.is_file() else None


def write_run(folder: Path, told: Mapping[str, Any]) -> None:
    """Write `run.json`.

    Raises:
        WriteError: if it cannot be written.
    """
    write_json(folder / RUN, told)


def write_json(path: Path, told: Mapping[str, Any]) -> None:
    """Write a JSON file of a run.

    Raises:
        WriteError: if it cannot be written.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(told, indent=1), "utf-8")


def read_json(path: Path) -> Any:
    """A JSON file of a run.

    Raises:
        DamagedFileError: if it is none.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise DamagedFileError(
            "A file of the run is not JSON.", file=path, found=str(error), remedy="Bring it back from a copy."
        ) from error
