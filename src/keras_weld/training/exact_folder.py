"""The folder of a training all of which has to be as it was when it goes on: nothing may differ, by whatever wish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.comparing import changed_versions, require_same
from keras_weld.training.conductor import Place
from keras_weld.training.holding import hold, release
from keras_weld.training.rehearsal import placed
from keras_weld.training.run_store import RunStore

_KEPT = 2  # checkpoints


class ExactFolder(AbstractContextManager["ExactFolder"]):
    """The folder of one training. As a context, it waits at the end for what is being written.

    Args:
        folder: the folder; it is made if it is missing.
        identity: what the training is, as plain JSON: all of it has to be as it was, but versions and script.
        tell: called with what a person should know.
        epochs: epochs that it is to have in all.

    Attributes:
        folder: where it is.
        resumed: the checkpoint to go on from; None for a training that begins.

    Raises:
        TrainingError: if the folder is that of another training, or another process has it; names old and new.
        DamagedFileError: if there are checkpoints and none is whole.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], tell: Callable[[str], None], *, epochs: int) -> None:
        self.folder, options = placed(folder)
        self.resumed: Snapshot | None = None
        self._store = RunStore(self.folder, options.get("keep", _KEPT))
        self._identity, self._epochs = identity, epochs
        hold(self.folder)
        try:
            self._open(tell)
        except BaseException:
            release(self.folder)
            raise

    def _open(self, tell: Callable[[str], None]) -> None:
        found = self._store.newest(tell)
        if found is None:
            return
        self.resumed, known = found
        require_same(known, self._identity, str(self.folder))
        for text in changed_versions(known, self._identity):
            tell(text)

    def begin(self, place: Place, rate: float, *, architecture: str | None = None) -> None:
        """Note what the training is, and that this process trains it from here on, once.

        Args:
            place: where it is, epochs counted over all of it.
            rate: the learning rate of the first step.
            architecture: how the model is built and compiled, as JSON, if that is kept.
        """
        self._store.begin(self._identity, place, self._epochs, rate, architecture=architecture)

    def keep(self, checkpoint: Snapshot, history: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Have a checkpoint and the history written in the background, once the one before is written.

        Args:
            checkpoint: what to keep.
            history: the finished epochs; by default those that the checkpoint tells.

        Raises:
            WriteError: if the one before could not be written.
        """
        self._store.keep(checkpoint, checkpoint.facts["history"] if history is None else history)

    def end(self) -> None:
        """Note that the training is done."""
        self._store.end()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._store.__exit__(kind, error, trace)
        finally:
            release(self.folder)
