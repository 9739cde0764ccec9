"""A run of one training: how it is found again, what may have changed since, and how it is kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import keras

from keras_weld.models.provenance import lineage_of
from keras_weld.training.best import Criterion
from keras_weld.training.callback_state import matched, names_of
from keras_weld.training.changes import require_change
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.comparing import compare
from keras_weld.training.conductor import place_of, rate_of
from keras_weld.training.fresh_optimizer import (
    about_fresh,
    about_merged,
    has_optimizer,
    of_another_class,
    without_optimizer,
)
from keras_weld.training.further_optimizers import fitted_to_held
from keras_weld.training.identity import FURTHER
from keras_weld.training.keras_loop import known_names
from keras_weld.training.run_architecture import told_architecture
from keras_weld.training.run_history import write_history
from keras_weld.training.run_store import RunStore
from keras_weld.training.variables import METRICS, MODEL, OPTIMIZER, misfit

Tell = Callable[[str], None]
"""Called with what a person should know, a sentence at a time."""

_JUMP = 3.0  # a learning rate that changes by more than this factor on a resume is told


class KeptRun(AbstractContextManager["KeptRun"]):
    """The folder of a run. As a context, it waits at the end for the checkpoint that is being written.

    Args:
        folder: the folder; it is made if it is missing.
        keep: how many of the newest checkpoints are kept.
        best: what makes the one that is kept besides.
    """

    def __init__(self, folder: Path, keep: int, best: Criterion) -> None:
        self.folder, self._store, self._best = folder, RunStore(folder, keep), best
        self._identity: Mapping[str, Any] = {}
        self._change: dict[str, Any] | None = None
        self._resumed: Snapshot | None = None
        self._model: keras.Model = None
        self._say: Tell = to_stderr
        self._notes: list[str] = []

    def resume(
        self,
        identity: Mapping[str, Any],
        changes: Collection[str],
        callbacks: Sequence[Any],
        model: keras.Model,
        say: Tell,
    ) -> tuple[Snapshot | None, float | None]:
        """The checkpoint to go on from, and a learning rate if another one is meant. Nothing is written.

        Args:
            identity: what the run is now, as `identity_of` tells.
            changes: the differences to what it was that are meant.
            callbacks: the user's callbacks.
            model: compiled and built.
            say: called with what a person should know.

        Raises:
            TrainingError: for a difference that is not meant, and for one that cannot be.
            DamagedFileError: if there are checkpoints and none is whole.
        """
        for name in changes:
            require_change(name)
        self._identity, self._model, self._say = identity, model, say
        found = self._store.newest(say)
        if found is None:
            self._tell_merged()
            return None, None
        newest, known = found
        rate = newest.facts["rate"]
        newest, notes, meant = self._compared(newest, known, changes, callbacks)
        others = known["optimizer"].get(FURTHER) != identity["optimizer"].get(FURTHER)
        newest, about = fitted_to_held(newest, model, meant, others, str(self.folder))
        notes += about
        anew = not has_optimizer(newest)
        if "callbacks" in meant:
            states = matched(callbacks, newest.facts["callbacks"])
            newest = replace(newest, facts={**newest.facts, "callbacks": states})
        untold = set(changes) - set(known)  # by an older version of keras-weld
        if newest.facts["batch"] and {"loss", "metrics"} & {*meant, *untold}:
            newest = replace(newest, arrays={key: one for key, one in newest.arrays.items() if not _is_metric(key)})
            notes.append("Loss and metrics of the epoch that was interrupted are of the rest of it alone.")
        for text in notes:
            say(text)
        if meant or anew:
            place = {"step": newest.step, "epoch": newest.facts["epoch"], "batch": newest.facts["batch"]}
            self._change = {**place, "changed": meant, "notes": notes}
        self._resumed = newest
        if self._scheduled:
            return newest, None
        return newest, rate_of(model) if "learning_rate" in meant else rate if anew else None

    @property
    def _scheduled(self) -> bool:
        """Whether the learning rate is no number that could be set."""
        return not isinstance(self._identity["learning_rate"], int | float)

    def _compared(
        self, newest: Snapshot, known: Mapping[str, Any], changes: Collection[str], callbacks: Sequence[Any]
    ) -> tuple[Snapshot, list[str], list[str]]:
        """What of the checkpoint is gone on with, what is to be told of differences, and their names."""
        model, file, now = self._model, str(self.folder), self._identity
        before, after = known["optimizer"], now["optimizer"]
        unfit = misfit(model, newest.arrays, OPTIMIZER, file) or of_another_class(before, after, file)
        old, new = names_of(callbacks, newest.facts["callbacks"])
        then = {**known, "callbacks": old}
        misfitting = misfit(model, newest.arrays, MODEL, file)
        notes, meant = compare(then, {**now, "callbacks": new}, changes, file, misfitting, unfit)
        if unfit is None:
            return newest, notes, meant
        return without_optimizer(newest), [*notes, about_fresh(before, self._scheduled)], meant

    def keep(self, checkpoint: Snapshot) -> None:
        """Have a checkpoint and the history written in the background, once the one before is written.

        Raises:
            WriteError: if the one before could not be written.
            UsageError: if what shall make the best one is not measured.
        """
        history = checkpoint.facts["history"]
        if history:
            self._best.check(history[-1])
        self._store.keep(checkpoint, history, self._best.step(history))

    def begin(self, epochs: int) -> None:
        """Note what the run is now, what was changed, and the start; to be called once its state was put back.

        Args:
            epochs: how many it is to have in the end.

        Raises:
            UsageError: if what shall make the best checkpoint will not be measured, where that is known already.
        """
        names = known_names(self._model) if self._best.metric is not None else None
        if names is not None:
            self._best.check(dict.fromkeys(names))
        rate = rate_of(self._model)
        self._tell_jump(rate)
        self._store.begin(
            self._identity,
            place_of(self._resumed),
            epochs,
            rate,
            notes=self._notes,
            change=self._change,
            best=self._best.text,
            architecture=told_architecture(self._model),
        )

    def _tell_merged(self) -> None:
        """Tell of an optimizer that is fresh because the model was made of others."""
        lineage = lineage_of(self._model)
        if lineage is not None and not int(self._model.optimizer.iterations):
            self._notes = [about_merged(lineage)]
            self._say(self._notes[0])

    def _tell_jump(self, rate: float) -> None:
        """Tell of a learning rate that jumps, and note it with the change that it comes of."""
        kept = None if self._resumed is None else self._resumed.facts["rate"]
        if not kept or 1 / _JUMP <= rate / kept <= _JUMP:
            return
        text = f"The learning rate jumps from {kept:g} to {rate:g}."
        self._say(text)
        if self._change is not None:
            self._change["notes"].append(text)

    def end(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Note the end. The history is written again: a kill may have come between the last checkpoint and its own."""
        if not self._store.untouched:
            write_history(self.folder, history)
            self._store.end()

    @property
    def untouched(self) -> bool:
        """Whether the run was at its end when it was opened, and nothing was trained since."""
        return self._store.untouched

    def wait(self) -> None:
        """Wait until all is written.

        Raises:
            WriteError: if it could not be.
        """
        self._store.wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store.__exit__(kind, error, trace)


def _is_metric(name: str) -> bool:
    return name.startswith(f"{METRICS}/")


def to_stderr(text: str) -> None:
    """Tell it on the standard error."""
    sys.stderr.write(f"Note: {text}\n")
