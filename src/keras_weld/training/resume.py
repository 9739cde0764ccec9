"""`weld.Resume`: training that goes on exactly, as one callback of an ordinary `model.fit`."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from functools import partial
from typing import Any

import keras

from keras_weld.core.arguments import require_whole_number
from keras_weld.errors import UsageError
from keras_weld.models.keras_private import begin_at, build_for, random_seed
from keras_weld.training.best import Criterion, parse_best
from keras_weld.training.conductor import Conductor, say_what_is_beyond, say_what_is_lost
from keras_weld.training.data_words import words_of_look
from keras_weld.training.every import Every, parse_every
from keras_weld.training.holding import hold, release
from keras_weld.training.identity import identity_of
from keras_weld.training.kept_run import KeptRun, Tell, to_stderr
from keras_weld.training.keras_loop import Batches, Loop, running_loop
from keras_weld.training.loop_facts import data_of_loop, validation_of_loop
from keras_weld.training.older_building import refuse_older_settings
from keras_weld.training.rehearsal import placed
from keras_weld.training.run_history import as_keras
from keras_weld.training.variables import unshare

_ALWAYS_THERE = (keras.callbacks.History, keras.callbacks.ProgbarLogger)
_AGAIN = "On a resume, batches of an epoch that were trained are read again and passed over"


class Resume(keras.callbacks.Callback):  # type: ignore[misc]
    """Makes `model.fit` go on where an earlier one with the same folder was interrupted.

    It keeps what `weld.fit` keeps, and leads the other callbacks; its own place among them does not matter. The order
    of the examples is Keras's or the data's own: how exact a resume is depends on it, and is told at the start.

    Args:
        run: the folder of the run; it is made if it is missing.
        every: when to take a checkpoint besides every epoch's end: "epoch" for then alone, "500 steps", "10 minutes".
        changes: what may differ from the run so far, as in `weld.fit`.
        keep: how many of the newest checkpoints are kept.
        best: what makes the one that is kept besides, as in `weld.fit`.
        tell: called with what a person should know; by default it is written to the standard error.

    Raises:
        UsageError: for options that make no sense, and if something else than `model.fit` is given it.
        TrainingError: if the run cannot be gone on with: another model, data or setting than it was begun with.
        DamagedFileError: if no checkpoint of the run is whole.
        WriteError: if a checkpoint could not be written.

    Example:
        >>> import keras_weld as weld
        >>> model.fit(x, y, epochs=10, callbacks=[weld.Resume("run")])  # doctest: +SKIP
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        *,
        every: str | Every = "epoch",
        changes: Collection[str] = (),
        keep: int = 2,
        best: str | Criterion = "loss",
        tell: Tell | None = None,
    ) -> None:
        super().__init__()
        require_whole_number("keep", keep, 1)
        folder, options = placed(run)
        self._folder = KeptRun(folder, options.get("keep", keep), parse_best(best))
        self._every, self._changes, self._tell = parse_every(every), changes, tell or to_stderr

    def set_model(self, model: Any) -> None:
        """Take over from the list of callbacks that this one is in."""
        super().set_model(model)
        loop = running_loop()
        hold(self._folder.folder)
        try:
            self._take_over(model, loop)
        except BaseException:
            release(self._folder.folder)
            raise

    def _take_over(self, model: keras.Model, loop: Loop) -> None:
        given = [one for one in loop.callbacks.callbacks if one is not self]
        refuse_among(given)
        led = [one for one in given if type(one) not in _ALWAYS_THERE]
        refuse_older_settings(model)
        _build(model, loop)
        unshare(model)
        data, batch_size = data_of_loop(loop)
        identity = identity_of(model, data, validation_of_loop(loop), batch_size, None)
        resumed, rate = self._folder.resume(identity, self._changes, led, model, self._tell)
        batches = Batches(loop)
        conductor = Conductor(
            led,
            loop.batches.num_batches,
            self._every,
            self._folder.keep,
            resumed,
            rate=rate,
            file=str(self._folder.folder),
            where=batches.place,
            counted=True,
            begun=partial(self._folder.begin, loop.epochs),
        )
        look = words_of_look(data)
        self._tell(_exactness(loop) if look is None else f"{_exactness(loop)} {look}")
        say_what_is_lost(conductor, self._tell)
        say_what_is_beyond(conductor, loop.epochs, self._tell)
        if resumed is not None:
            batches.reach(resumed.facts["data"], dict(resumed.arrays), resumed.facts["epoch"])
            begin_at(model, loop.epochs if conductor.stopped else conductor.place.epoch)
        keras.callbacks.Callback.set_model(conductor, model)  # Keras itself tells those that it leads
        last = [one for one in given if type(one) in _ALWAYS_THERE]
        loop.callbacks.callbacks = [conductor, *last, _Joined(conductor, self._folder)]
        loop.callbacks._configure_async_dispatch([conductor])
        loop.callbacks.callbacks[-1].set_model(model)


def refuse_among(callbacks: Iterable[Any]) -> None:
    """Refuse a `Resume` among the callbacks of a training that is kept already.

    Raises:
        UsageError: if there is one.
    """
    if any(isinstance(one, Resume) for one in callbacks):
        raise UsageError(
            "A training is kept in one run.",
            expected="weld.fit alone, or one Resume in model.fit",
            found="a Resume besides",
            remedy="Take the Resume out of callbacks.",
        )


class _Joined(keras.callbacks.Callback):  # type: ignore[misc]
    """Puts earlier epochs into the history that Keras returns, and waits at the end for what is being written."""

    def __init__(self, conductor: Conductor, folder: KeptRun) -> None:
        super().__init__()
        self._conductor, self._folder = conductor, folder

    def on_train_begin(self, logs: Any = None) -> None:
        history = self._model.history
        history.epoch, history.history = as_keras(self._conductor.history)

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        begin_at(self._model, None)  # or a later fit would begin there too

    def on_train_end(self, logs: Any = None) -> None:
        begin_at(self._model, None)
        unshare(self._model)
        self._folder.wait()
        self._folder.end(self._conductor.history)
        release(self._folder.folder)


def _build(model: keras.Model, loop: Loop) -> None:
    """Have all variables there: on TensorFlow, those of metrics come with the first batch otherwise."""
    if keras.backend.backend() == "tensorflow":
        build_for(model, loop.batches._get_iterator().element_spec)
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


def _exactness(loop: Loop) -> str:
    """What a resume gives with this data."""
    if loop.source == "ArrayDataAdapter":
        if loop.shuffle and keras.backend.backend() == "tensorflow":
            return f"{_AGAIN}; {_order_of_tensorflow(random_seed())}"
        return f"{_AGAIN}, in the same order: it goes on with the same bits."
    if loop.source == "PyDatasetAdapter" and loop.batches.data_adapter.enqueuer is not None:
        return (
            "The PyDataset is read by several workers, for whom Keras keeps batches from one epoch for the next: a "
            "resume does not go on with the same bits. Use workers=1, or weld.fit."
        )
    if loop.source == "PyDatasetAdapter":
        return (
            f"{_AGAIN}, once its on_epoch_end() was called for the epochs before: it goes on with the same bits if a "
            "batch of the PyDataset depends on its number and on what on_epoch_end() draws from a seed of its own."
        )
    if loop.source == "GeneratorDataAdapter":
        return (
            "The data is a generator, which begins anew in another process: a resume does not go on with the same "
            "bits. Give it as a PyDataset, or use weld.fit."
        )
    return f"{_AGAIN}: it goes on with the same bits if the data gives them in the same order in another process."


def _order_of_tensorflow(seed: int | None) -> str:
    """What a resume gives with an order that TensorFlow draws."""
    if seed is None:
        return (
            "the order of the examples is drawn by TensorFlow, and no seed was set: a resume does not go on with the "
            "same bits. Call keras.utils.set_random_seed(seed) before the model is built."
        )
    return (
        f"the order of the examples is drawn by TensorFlow from the seed {seed}: it goes on with the same bits if "
        f"keras.utils.set_random_seed({seed}) is called before each start."
    )
