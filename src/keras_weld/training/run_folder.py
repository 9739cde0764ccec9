"""A run on the disk: what it is, its checkpoints and its history; how it is found again, and how it is kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import keras

from keras_weld.errors import TrainingError
from keras_weld.io.atomic import atomic_path
from keras_weld.training.background import Background, all_done
from keras_weld.training.best import Best
from keras_weld.training.callback_state import check_callbacks, states_of
from keras_weld.training.checkpoints import Checkpoint, Checkpoints
from keras_weld.training.conductor import rate_of
from keras_weld.training.identity import compare
from keras_weld.training.run_history import write_history

Tell = Callable[[str], None]
"""Called with what a person should know, a sentence at a time."""

RUN = "run.json"
_JUMP = 3.0  # a learning rate that changes by more than this factor on a resume is told


class RunFolder:
    """The folder of a run.

    As a context, it waits at the end for the checkpoint that is being written.

    Args:
        folder: the folder; it is made if it is missing.
        keep: how many of the newest checkpoints are kept.
        best: what makes the one that is kept besides.
    """

    def __init__(self, folder: Path, keep: int, best: Best) -> None:
        self.folder = folder
        self._checkpoints, self._best, self._background = Checkpoints(folder / "checkpoints", keep), best, Background()

    def resume(
        self,
        identity: Mapping[str, Any],
        changes: Collection[str],
        callbacks: Sequence[Any],
        model: keras.Model,
        say: Tell,
    ) -> tuple[Checkpoint | None, float | None]:
        """The checkpoint to go on from, and a learning rate if another one is meant; a new run is noted.

        Args:
            identity: what the run is now, as `identity_of` tells.
            changes: the differences to what it was that are meant.
            callbacks: the user's callbacks.
            model: compiled and built.
            say: called with what a person should know.

        Raises:
            TrainingError: for a difference that is not meant.
            DamagedFileError: if there are checkpoints and none is whole.
        """
        all_done()
        path, file = self.folder / RUN, str(self.folder)
        newest, told = self._checkpoints.newest()
        for text in told:
            say(text)
        if newest is None:
            compare(identity, identity, changes, file)
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_json(path, {"identity": identity, "changes": []})
            return None, None
        if not path.is_file():
            raise TrainingError(
                "The folder has checkpoints and does not tell what run they are of.",
                file=path,
                remedy="Bring the file back from a copy, or begin another run.",
            )
        known = json.loads(path.read_text())
        notes, meant = compare(known["identity"], identity, changes, file)
        if "callbacks" not in changes:
            check_callbacks(callbacks, newest.facts["callbacks"], file)
        else:
            newest.facts["callbacks"][:] = states_of(callbacks, {}).states
        for text in notes:
            say(text)
        rate = rate_of(model) if "learning_rate" in meant else None
        kept = newest.facts["rate"]
        if rate is not None and kept and not 1 / _JUMP <= rate / kept <= _JUMP:
            say(f"The learning rate jumps from {kept:g} to {rate:g}.")
        if meant:
            entry = {"step": newest.step, "epoch": newest.facts["epoch"], "changed": meant, "notes": notes}
            _write_json(path, {"identity": identity, "changes": [*known["changes"], entry]})
        return newest, rate

    def keep(self, checkpoint: Checkpoint) -> None:
        """Have a checkpoint and the history written in the background, once the one before is written.

        Raises:
            WriteError: if the one before could not be written.
            UsageError: if what shall make the best one is not measured.
        """
        history = checkpoint.facts["history"]
        if history:
            self._best.check(history[-1])
        spare = self._best.step(history)

        def write() -> None:
            self._checkpoints.write(checkpoint, spare)
            write_history(self.folder, history)

        self._background.do(write)

    def wait(self) -> None:
        """Wait until all is written.

        Raises:
            WriteError: if it could not be.
        """
        self._background.wait()

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.__exit__(kind, error, trace)


def to_stderr(text: str) -> None:
    """Tell it on the standard error."""
    sys.stderr.write(f"Note: {text}\n")


def _write_json(path: Path, value: Any) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1))
