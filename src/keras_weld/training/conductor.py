"""The one callback that Keras sees in a run that can be resumed: it leads the user's and keeps checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from keras_weld.core.state import Array
from keras_weld.training.callback_state import lost_among, params_for, prepare, put_back, settle, states_of
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.every import Every
from keras_weld.training.further_optimizers import OPTIMIZERS, trained_by_each
from keras_weld.training.packing import pack, unpack
from keras_weld.training.random_state import random_state, set_random_state
from keras_weld.training.rehearsal import STEP, moment, note_callbacks
from keras_weld.training.variables import (
    HELD,
    METRICS,
    MODEL,
    OPTIMIZER,
    check_variables,
    paths_of,
    read_variables,
    set_variables,
)

Keep = Callable[[Snapshot], None]
"""Called with every checkpoint that is due."""


@dataclass(slots=True)
class Place:
    """Where a run is.

    Attributes:
        epoch: number of the epoch, from 0.
        batch: batches of it that were trained.
        step: batches trained since the beginning.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0


Where = Callable[[Place, dict[str, Array]], Any]
"""Tells where the data is at a place of the run, as plain JSON; arrays are set aside."""


class Conductor(keras.callbacks.Callback):  # type: ignore[misc]
    """Leads the callbacks of a run, records its history, and takes a checkpoint whenever one is due.

    On a resume, callbacks get their `on_train_begin`, in which some reset themselves, and then what they knew.
    An epoch that was begun before is gone on with: its beginning is not told again, batches are counted on, and
    the metrics go on from where they were.

    Args:
        callbacks: the user's callbacks.
        steps: batches of an epoch; None if it is not known before the end. Then a checkpoint inside an epoch is handed
            on once another batch has come: an epoch that has no more cannot be gone on with.
        total: batches in all, where the last epoch has fewer than the others.
        every: when to take a checkpoint besides every epoch's end.
        keep: takes the checkpoints; None for a training that is not kept.
        resumed: the checkpoint to go on from.
        rate: the learning rate to go on with, instead of the one that was kept.
        file: the run, for messages.
        where: tells where the data is, for the checkpoint.
        counted: whether Keras counts the batches of an epoch on by itself; by default it is made to begin at 0.
        begun: called once all is as it was, and there is something left to train.

    Attributes:
        place: where the run is.
        history: one entry for each finished epoch.
        stopped: whether a callback has ended the training.
        seconds: time spent on taking checkpoints.
    """

    def __init__(
        self,
        callbacks: Sequence[Any],
        steps: int | None,
        every: Every,
        keep: Keep | None,
        resumed: Snapshot | None = None,
        *,
        rate: float | None = None,
        file: str = "",
        where: Where | None = None,
        counted: bool = False,
        begun: Callable[[], None] | None = None,
        total: int | None = None,
    ) -> None:
        super().__init__()
        self.callbacks = list(callbacks)
        self.place, self.history, self.stopped, self.seconds = Place(), [], False, 0.0
        self._steps, self._total, self._every, self._keep, self._resumed = steps, total, every, keep, resumed
        self._rate, self._file, self._where, self._begun = rate, file, where, begun
        self._first, self._inside, self._cut = 0, False, False
        self._waiting: Snapshot | None = None
        self._last_kept = time.monotonic()
        if resumed is not None:
            facts = resumed.facts
            self.place = place_of(resumed)
            self.history = list(facts["history"])
            self.stopped = facts["stopped"]
            self._inside = facts["batch"] > 0
            self._first = 0 if counted else facts["batch"]

    @property
    def lost(self) -> list[str]:
        """The classes of callbacks whose state cannot be kept."""
        return lost_among(self.callbacks)

    def set_params(self, params: Any) -> None:
        """Hand them on, with the epoch's own number of steps."""
        super().set_params(params)
        for callback in self.callbacks:
            callback.set_params(params_for(callback, params))

    def set_model(self, model: Any) -> None:
        """Hand it on."""
        super().set_model(model)
        for callback in self.callbacks:
            callback.set_model(model)

    def on_train_begin(self, logs: Any = None) -> None:
        """Begin, or put everything back as it was."""
        resumed = self._resumed
        if resumed is not None:
            check_variables(self._model, resumed.arrays, self._groups(resumed, measured=True), self._file)
            prepare(self.callbacks, resumed.facts["callbacks"], resumed.arrays)
        self._tell("on_train_begin", logs)
        if resumed is not None:
            set_variables(self._model, resumed.arrays, self._groups(resumed, measured=False), self._file)
            put_back(self.callbacks, resumed.facts["callbacks"], resumed.arrays)
            if self._rate is not None:
                self._model.optimizer.learning_rate = self._rate
            set_random_state(unpack(resumed.facts["random"], resumed.arrays))
            self._settle()
        if self._keep is not None:
            states_of(self.callbacks, {})  # what cannot be kept is refused before the first step
        if self._begun is not None and self.place.epoch < self.params["epochs"] and not self.stopped:
            self._begun()
        self._last_kept = time.monotonic()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Tell of it, unless it began before the interruption."""
        if self._inside and self._resumed is not None:
            if METRICS in self._groups(self._resumed, measured=True):
                set_variables(self._model, self._resumed.arrays, (METRICS,), self._file)
            set_random_state(unpack(self._resumed.facts["random"], self._resumed.arrays))
            return
        self.place.epoch, self.place.batch = epoch, 0
        self._tell("on_epoch_begin", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hand it on, counted on."""
        moment(STEP, self.place.step)
        self._tell("on_train_batch_begin", self._first + batch, logs)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hand it on, count, and take a checkpoint if one is due."""
        number = self._first + batch
        self._tell("on_train_batch_end", number, logs)
        self.place.step += number + 1 - self.place.batch
        self.place.batch = number + 1
        model = self._model  # self.model would have JAX hand over its state at every batch
        if self._waiting is not None and self._keep is not None:
            self._keep(self._waiting)
            self._waiting = None
        if self._ended():
            if (self._first or self.place.step == self._total) and not model.stop_training:
                # The rest of an epoch, or the last one, has fewer batches than Keras was told: end it here.
                model.stop_training = self._cut = True
        elif self._every.due(self.place.step, time.monotonic() - self._last_kept):
            self._take()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Hand it on, record it, and take a checkpoint."""
        model = self._model
        if self._cut:
            model.stop_training = self._cut = False
        self._first, self._inside, self._waiting = 0, False, None
        self._tell("on_epoch_end", epoch, logs)
        self.history.append({"epoch": epoch, "step": self.place.step, "rate": rate_of(model), **_plain(logs)})
        self.place = Place(epoch + 1, 0, self.place.step)
        self.stopped = bool(model.stop_training)
        self._take()
        self._settle()

    def on_train_end(self, logs: Any = None) -> None:
        """Hand it on."""
        self._tell("on_train_end", logs)

    def on_test_begin(self, logs: Any = None) -> None:
        """Hand it on."""
        self._tell("on_test_begin", logs)

    def on_test_end(self, logs: Any = None) -> None:
        """Hand it on."""
        self._tell("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Hand it on."""
        self._tell("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Hand it on."""
        self._tell("on_test_batch_end", batch, logs)

    def _ended(self) -> bool:
        """Whether the epoch has had its last batch."""
        return self.place.step == self._total or (self._steps is not None and self.place.batch >= self._steps)

    def _groups(self, resumed: Snapshot, *, measured: bool) -> tuple[str, ...]:
        """The groups of variables that are put back.

        Metrics are inside an epoch alone, and unless others are meant; the optimizer's unless it begins anew.
        """
        there = {name.partition("/")[0] for name in resumed.arrays}
        always = (MODEL, OPTIMIZER, HELD)
        wanted = (*always, METRICS) if measured and self._inside else always
        return tuple(group for group in wanted if group in there)

    def _settle(self) -> None:
        if self.place.epoch >= self.params["epochs"]:
            settle(self.callbacks)

    def _tell(self, hook: str, *given: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, hook)(*given)

    def _take(self) -> None:
        if self._keep is None:
            return
        began = time.monotonic()
        model = self.model  # on JAX, this hands over the state of now
        arrays = read_variables(model)
        if self.place.batch == 0:
            arrays = {name: value for name, value in arrays.items() if not name.startswith(f"{METRICS}/")}
        random = pack(random_state(), arrays, "random")
        states = states_of(self.callbacks, arrays)
        data = None if self._where is None else self._where(self.place, arrays)
        facts = {
            "epoch": self.place.epoch,
            "batch": self.place.batch,
            "stopped": self.stopped,
            "rate": rate_of(model),
            "random": random,
            "data": data,
            "callbacks": states,
            "history": list(self.history),
            "variables": paths_of(model),
            OPTIMIZERS: trained_by_each(model),
        }
        note_callbacks(self.callbacks, self.place.step)
        checkpoint = Snapshot(self.place.step, facts, arrays)
        if self._steps is None and self.place.batch:
            self._waiting = checkpoint
        else:
            self._keep(checkpoint)
        self._last_kept = time.monotonic()
        self.seconds += self._last_kept - began


def place_of(checkpoint: Snapshot | None) -> Place:
    """Where a run goes on; its beginning if there is no checkpoint."""
    if checkpoint is None:
        return Place()
    return Place(checkpoint.facts["epoch"], checkpoint.facts["batch"], checkpoint.step)


def say_what_is_lost(conductor: Conductor, say: Callable[[str], None]) -> None:
    """Name the callbacks whose state cannot be kept."""
    for name in conductor.lost:
        say(
            f"What {name} knows is not kept over an interruption: give the class get_state() and set_state(state), "
            "which return and take numbers, texts and arrays."
        )


def say_what_is_beyond(conductor: Conductor, epochs: int, say: Callable[[str], None]) -> None:
    """Tell that a run has had more epochs than are asked for now."""
    had = conductor.place.epoch
    if had > epochs:
        say(f"The run has had {had} epochs already, more than the {epochs} asked for: its model is that of all {had}.")


def rate_of(model: keras.Model) -> float:
    """The learning rate that the next step is taken with."""
    optimizer = model.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return float(keras.ops.convert_to_numpy(inner.learning_rate))


def _plain(logs: Mapping[str, Any] | None) -> dict[str, Any]:
    found = {}
    for name, value in (logs or {}).items():
        array = np.asarray(value)
        if array.ndim == 0:
            found[name] = float(array)
        else:
            found[name] = array.tolist()
    return found
