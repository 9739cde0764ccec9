"""The history of a run for people and other programs: JSON and CSV, over all interruptions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_weld.io.atomic import atomic_path

JSON, CSV = "history.json", "history.csv"


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
    columns = list(dict.fromkeys(name for entry in history for name in entry))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns or ["epoch"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    with atomic_path(folder / CSV) as temporary:
        temporary.write_text(text.getvalue())
