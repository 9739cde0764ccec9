"""What a run has on the disk: its checkpoints, its history, and what it is; nothing of it changes before it begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from keras_weld.errors import TrainingError
from keras_weld.training.background import Background, all_done
from keras_weld.training.checkpoints import Checkpoints, Snapshot
from keras_weld.training.conductor import Place
from keras_weld.training.run_architecture import write_architecture
from keras_weld.training.run_folder import CHECKPOINTS, RUN, read_run, write_run
from keras_weld.training.run_history import JSON as HISTORY
from keras_weld.training.run_history import read_history, write_history
from keras_weld.training.starts import note_end, start_of


class RunStore(AbstractContextManager["RunStore"]):
    """The folder of a run. As a context, it waits at the end for the checkpoint that is being written.

    Args:
        folder: the folder; it is made with the first thing that is written.
        keep: how many of the newest checkpoints are kept.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self.folder = folder
        self._checkpoints, self._background = Checkpoints(folder / CHECKPOINTS, keep), Background()
        self._known: dict[str, Any] = {"changes": [], "starts": []}
        self._begun = False

    def newest(self, tell: Callable[[str], None]) -> tuple[Snapshot, Mapping[str, Any]] | None:
        """The newest whole checkpoint with what the run was; None if there is nothing to go on from.

        Args:
            tell: called with what is wrong with newer ones.

        Raises:
            TrainingError: if nothing tells what run they are of.
            DamagedFileError: if there are checkpoints and none is whole.
        """
        all_done()
        newest, told = self._checkpoints.newest()
        for text in told:
            tell(text)
        if newest is None:
            epochs = len(read_history(self.folder))
            if epochs:
                tell(
                    f"The checkpoints of the run are gone, and {epochs} finished epoch{'s' * (epochs > 1)} with them: "
                    f"it begins anew, and its history ({self.folder / HISTORY}) with it."
                )
            return None
        if not (self.folder / RUN).is_file():
            raise TrainingError(
                "The folder has checkpoints and does not tell what run they are of.",
                file=self.folder / RUN,
                remedy="Bring the file back from a copy, or begin another run.",
            )
        self._known = read_run(self.folder)
        return newest, self._known["identity"]

    @property
    def untouched(self) -> bool:
        """Whether the run is at its end, and was not gone on with since it was opened."""
        starts = self._known["starts"]
        return bool(not self._begun and starts and starts[-1].get("finished"))

    def begin(
        self,
        identity: Mapping[str, Any],
        place: Place,
        epochs: int,
        rate: float,
        *,
        notes: Sequence[str] = (),
        change: Mapping[str, Any] | None = None,
        best: str | None = None,
        architecture: str | None = None,
    ) -> None:
        """Note what the run is and that this process trains it from here on; all but the first call do nothing.

        Args:
            identity: what the run is now.
            place: where it is, epochs counted over all of the run.
            epochs: how many it is to have in the end.
            rate: the learning rate of the first step.
            notes: what was told of this start.
            change: what was changed, if something was.
            best: what makes the best checkpoint, in words, if that is told.
            architecture: how the model is built and compiled, as JSON, if it can tell.
        """
        if self._begun:
            return
        self._begun = True
        start = start_of(self.folder, identity, epoch=place.epoch, step=place.step, epochs=epochs, rate=rate)
        changes = [*self._known["changes"], *([] if change is None else [change])]
        self.folder.mkdir(parents=True, exist_ok=True)
        write_architecture(self.folder, architecture)
        told = {
            "identity": identity,
            "changes": changes,
            "starts": [*self._known["starts"], {**start, "notes": list(notes)}],
        }
        write_run(self.folder, {**self._known, **told, **({} if best is None else {"best": best})})

    def keep(self, checkpoint: Snapshot, history: Sequence[Mapping[str, Any]], spare: int | None = None) -> None:
        """Have a checkpoint and the history written in the background, once the one before is written.

        Args:
            checkpoint: what to keep.
            history: the finished epochs.
            spare: the step of an older checkpoint that is kept besides.

        Raises:
            WriteError: if the one before could not be written.
        """

        def write() -> None:
            self._checkpoints.write(checkpoint, spare)
            write_history(self.folder, history)

        self._background.do(write)

    def end(self) -> None:
        """Note that the run is at its end, unless that is noted already."""
        if not self.untouched:
            note_end(self.folder)

    def wait(self) -> None:
        """Wait until all is written.

        Raises:
            WriteError: if it could not be.
        """
        self._background.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.__exit__(kind, error, trace)
