"""A run on the disk: what it is, its checkpoints and its history; how it is found again, and how it is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import keras

from keras_weld.errors import TrainingError
from keras_weld.training.background import Background, all_done
from keras_weld.training.best import Criterion
from keras_weld.training.callback_state import check_callbacks, states_of
from keras_weld.training.checkpoints import Checkpoints, Snapshot
from keras_weld.training.conductor import Conductor, rate_of
from keras_weld.training.identity import compare
from keras_weld.training.run_folder import CHECKPOINTS, RUN, read_run, write_run
from keras_weld.training.run_history import write_history
from keras_weld.training.starts import note_end, note_start

Tell = Callable[[str], None]
"""Called with what a person should know, a sentence at a time."""

_JUMP = 3.0  # a learning rate that changes by more than this factor on a resume is told


class KeptRun:
    """The folder of a run.

    As a context, it waits at the end for the checkpoint that is being written.

    Args:
        folder: the folder; it is made if it is missing.
        keep: how many of the newest checkpoints are kept.
        best: what makes the one that is kept besides.
    """

    def __init__(self, folder: Path, keep: int, best: Criterion) -> None:
        self.folder = folder
        self._checkpoints, self._best, self._background = Checkpoints(folder / CHECKPOINTS, keep), best, Background()

    def resume(
        self,
        identity: Mapping[str, Any],
        changes: Collection[str],
        callbacks: Sequence[Any],
        model: keras.Model,
        say: Tell,
    ) -> tuple[Snapshot | None, float | None]:
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
            write_run(self.folder, {"identity": identity, "changes": [], "starts": []})
            return None, None
        if not path.is_file():
            raise TrainingError(
                "The folder has checkpoints and does not tell what run they are of.",
                file=path,
                remedy="Bring the file back from a copy, or begin another run.",
            )
        known = read_run(self.folder)
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
            write_run(self.folder, {**known, "identity": identity, "changes": [*known["changes"], entry]})
        return newest, rate

    def keep(self, checkpoint: Snapshot) -> None:
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

    def begin(self, identity: Mapping[str, Any], conductor: Conductor, epochs: int, rate: float) -> None:
        """Note the start, unless the run is at its end.

        Args:
            identity: what the run is now.
            conductor: knows where it is.
            epochs: how many it is to have in the end.
            rate: the learning rate of the first step.
        """
        place = conductor.place
        if place.epoch < epochs and not conductor.stopped:
            note_start(self.folder, identity, epoch=place.epoch, step=place.step, epochs=epochs, rate=rate)

    def end(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Note the end. The history is written again: a kill may have come between the last checkpoint and its own."""
        write_history(self.folder, history)
        note_end(self.folder)

    def wait(self) -> None:
        """Wait until all is written.

        Raises:
            WriteError: if it could not be.
        """
        self._background.wait()

    def __enter__(self) -> KeptRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.__exit__(kind, error, trace)


def to_stderr(text: str) -> None:
    """Tell it on the standard error."""
    sys.stderr.write(f"Note: {text}\n")
