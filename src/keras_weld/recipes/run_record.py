"""`weld history`: the epochs of a run over all interruptions, with its starts; no backend is needed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_weld.recipes.runs import RunRow, row_of
from keras_weld.training.run_folder import read_run
from keras_weld.training.run_history import read_history


@dataclass(frozen=True, slots=True)
class RunRecord:
    """What a run tells of itself.

    Attributes:
        run: where it stands.
        epochs: one entry for each finished epoch: `epoch` from 0, `step`, `rate`, and what was measured.
        starts: one entry for each start: time, place, versions, hardware, git commit, seed, batch size, learning
            rate, fingerprint of the data.
        changes: what was changed on the way, where, with old and new values.
    """

    run: RunRow
    epochs: list[dict[str, Any]]
    starts: list[dict[str, Any]]
    changes: list[dict[str, Any]]

    @property
    def resumed(self) -> list[tuple[float, str]]:
        """Where the run was taken up again, in epochs, and whether it had been interrupted or was finished."""
        return [
            (self._place(start), "gone on with" if before.get("finished") else "interrupted")
            for before, start in zip(self.starts, self.starts[1:], strict=False)
        ]

    @property
    def told(self) -> list[str]:
        """What was told at a start, where the run was taken up again, and what was changed there, in their order."""
        found = [(self._place(start), note) for start in self.starts for note in start.get("notes", ())]
        found += [(place, f"Taken up again after {place:.4g} epochs ({how}).") for place, how in self.resumed]
        for change in self.changes:
            place = self._place(change)
            found += [(place, f"Changed after {place:.4g} epochs: {note}") for note in change["notes"]]
        return [text for _, text in sorted(found, key=lambda one: one[0])]

    def _place(self, entry: Mapping[str, Any]) -> float:
        """Where an entry with an epoch and a step lies, in epochs."""
        ends = [0, *(epoch["step"] for epoch in self.epochs)]
        begun = entry["epoch"]
        length = ends[begun + 1] - ends[begun] if begun + 1 < len(ends) else 0
        return float(begun + ((entry["step"] - ends[begun]) / length if length else 0.0))


def run_record(run: str | os.PathLike[str]) -> RunRecord:
    """Read what a run tells of itself.

    Args:
        run: the folder of the run.

    Raises:
        MissingFileError: if it is none.
        DamagedFileError: if a file of it cannot be read.
    """
    folder = Path(run)
    told = read_run(folder)
    return RunRecord(row_of(folder), read_history(folder), told["starts"], told["changes"])
