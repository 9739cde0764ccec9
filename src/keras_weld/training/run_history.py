"""The history of a run for people and other programs: JSON and CSV, over all interruptions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_weld.errors import DamagedFileError
from keras_weld.io.atomic import atomic_path
from keras_weld.training.run_folder import read_json

JSON, CSV = "history.json", "history.csv"
_PLACE = ("epoch", "step", "rate")


def write_history(folder: Path, history: Sequence[Mapping[str, Any]]) -> None:
    """Write one entry for each finished epoch into both files.

    Args:
        folder: the run's folder.
        history: the entries, with `epoch`, `step`, `rate` and what was measured.

    Raises:
        WriteError: if it cannot be written.
    """
    with atomic_path(folder / JSON) as temporary:
        temporary.write_text(json.dumps(list(history), indent=1))
    with atomic_path(folder / CSV) as temporary:
        temporary.write_text(csv_of(history))


def csv_of(history: Sequence[Mapping[str, Any]]) -> str:
    """The entries as CSV, a line for each."""
    columns = list(dict.fromkeys(name for entry in history for name in entry))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or ["epoch"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    return text.getvalue()


def read_history(folder: Path) -> list[dict[str, Any]]:
    """One entry for each finished epoch of a run; none if none is finished.

    Raises:
        DamagedFileError: if the file cannot be read.
    """
    path = folder / JSON
    found = read_json(path) if path.is_file() else []
    if not isinstance(found, list) or not all(isinstance(entry, dict) and "epoch" in entry for entry in found):
        raise DamagedFileError("The file is no history of a run.", file=path, expected="a list of epochs")
    return found


def measured(entry: Mapping[str, Any]) -> dict[str, Any]:
    """What was measured in an epoch, without its place."""
    return {name: value for name, value in entry.items() if name not in _PLACE}


def as_keras(history: Sequence[Mapping[str, Any]]) -> tuple[list[int], dict[str, list[Any]]]:
    """The numbers of the epochs, and what was measured in each, as `keras.callbacks.History` has them."""
    found: dict[str, list[Any]] = {}
    for entry in history:
        for name, value in measured(entry).items():
            found.setdefault(name, []).append(value)
    return [entry["epoch"] for entry in history], found
