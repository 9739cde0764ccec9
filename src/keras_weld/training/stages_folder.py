"""The folder of a training in stages that can be gone on with: what it is of, and where it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import keras

from keras_weld.core.state import Array
from keras_weld.errors import TrainingError
from keras_weld.training.callback_state import names_of
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.comparing import GO_ON
from keras_weld.training.conductor import Place
from keras_weld.training.every import Every
from keras_weld.training.exact_folder import ExactFolder
from keras_weld.training.keeping import Epoch
from keras_weld.training.packing import unpack
from keras_weld.training.plan import Stage
from keras_weld.training.result import StageRun
from keras_weld.training.run_history import measured

_REST = "rest"
_STAGES = "stages"


class Ledger(keras.callbacks.Callback):  # type: ignore[misc]
    """What was before the stage that is under way, for its checkpoints.

    Args:
        number: number of the stage, from 1.
        earlier: the stages before it, as they went.
        notes: what was to be told before it began.
    """

    def __init__(self, number: int, earlier: Sequence[StageRun], notes: Sequence[str]) -> None:
        super().__init__()
        self.number, self.earlier, self.notes = number, list(earlier), list(notes)

    @property
    def epochs(self) -> int:
        """The epochs that were run before."""
        return sum(len(run.history) for run in self.earlier)

    def get_state(self) -> dict[str, Any]:
        """All of it, as values that a checkpoint takes."""
        return {"number": self.number, "earlier": [asdict(run) for run in self.earlier], "notes": self.notes}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Become what `get_state` gave."""
        self.number, self.notes = state["number"], state["notes"]
        self.earlier = [_stage_run(one) for one in state["earlier"]]


class StagesFolder(AbstractContextManager["StagesFolder"]):
    """The folder of one training in stages. As a context, it waits at the end for what is being written.

    Args:
        folder: the folder; it is made if it is missing.
        identity: what the training is, as plain JSON: all of it has to be as it was, but versions and script.
        every: when to take a checkpoint besides every epoch's end.
        tell: called with what a person should know.
        steps: batches of an epoch.
        epochs: epochs of all stages, if none ends early.
        architecture: how the model is built, as JSON, if it can tell.
        rest: what the model has besides the variables that are trained or computed with, in their order.

    Attributes:
        every: when to take a checkpoint besides every epoch's end.
        resumed: the checkpoint to go on from; None for a training that begins.
        ledger: what was before the stage that it is in.

    Raises:
        TrainingError: if the folder is that of another training; names old and new.
        DamagedFileError: if there are checkpoints and none is whole.
    """

    def __init__(
        self,
        folder: Path,
        identity: Mapping[str, Any],
        every: Every,
        tell: Callable[[str], None],
        *,
        steps: int,
        epochs: int,
        architecture: str | None = None,
        rest: Sequence[Array] = (),
    ) -> None:
        self._folder = ExactFolder(folder, identity, tell, epochs=epochs)
        self._steps, self._architecture = steps, architecture
        self._rest = {f"{_REST}/{number:05}": value for number, value in enumerate(rest)}
        self.every, self.ledger, self.resumed = every, Ledger(1, (), ()), self._folder.resumed
        if self.resumed is not None:
            state = self.resumed.facts["callbacks"][0]["state"]
            self.ledger.set_state(unpack(state, self.resumed.arrays))

    def resumed_in(self, number: int, callbacks: Sequence[Any]) -> Snapshot | None:
        """The checkpoint to go on from, if it is one of this stage.

        Args:
            number: number of the stage.
            callbacks: the stage's callbacks, its ledger first.

        Raises:
            TrainingError: if they are others than those that were kept.
        """
        if self.resumed is None or self.ledger.number != number:
            return None
        then, now = names_of(callbacks, self.resumed.facts["callbacks"])
        if now != then:
            raise TrainingError(
                "The folder is that of a training with other callbacks.",
                file=self._folder.folder,
                expected=then,
                found=now,
                remedy=GO_ON,
            )
        return self.resumed

    def begin(self, ledger: Ledger, place: Place, rate: float) -> None:
        """Note what the training is, and that this process trains it from here on, once.

        Args:
            ledger: what was before the stage.
            place: the place in it.
            rate: the learning rate of the first step.
        """
        whole = replace(place, epoch=ledger.epochs + place.epoch)
        self._folder.begin(whole, rate, architecture=self._architecture)

    def end(self) -> None:
        """Note that all stages are done."""
        self._folder.end()

    def keep(self, checkpoint: Snapshot, ledger: Ledger) -> None:
        """Have a checkpoint and the history of all stages written in the background, once the one before is written.

        Raises:
            WriteError: if the one before could not be written.
        """
        entries = [
            {"stage": number, "rate": one.rate, **one.training, **_named(one.validation)}
            for number, run in enumerate(ledger.earlier, 1)
            for one in run.history
        ]
        entries += [
            {"stage": ledger.number, **measured(one), "rate": one["rate"]} for one in checkpoint.facts["history"]
        ]
        history = [{"epoch": number, "step": (number + 1) * self._steps, **one} for number, one in enumerate(entries)]
        self._folder.keep(replace(checkpoint, arrays={**checkpoint.arrays, **self._rest}), history)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._folder.__exit__(kind, error, trace)


def is_in_stages(identity: Mapping[str, Any]) -> bool:
    """Whether a run is a training in stages, by what it is."""
    return _STAGES in identity


def best_in(checkpoint: Snapshot) -> dict[str, Any]:
    """The best weights up to a checkpoint, as `BestWeights.state` gives them."""
    found: dict[str, Any] = unpack(checkpoint.facts["callbacks"][1]["state"]["best"], checkpoint.arrays)
    return found


def rest_in(checkpoint: Snapshot) -> list[Array]:
    """What the model has besides the variables that are trained or computed with, in their order."""
    return [value for name, value in checkpoint.arrays.items() if name.startswith(f"{_REST}/")]


def _named(validation: Mapping[str, float]) -> dict[str, float]:
    return {f"val_{name}": value for name, value in validation.items()}


def _stage_run(told: Mapping[str, Any]) -> StageRun:
    history = tuple(Epoch(**one) for one in told["history"])
    return StageRun(**{**told, "stage": Stage(**told["stage"]), "history": history})
