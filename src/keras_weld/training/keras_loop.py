"""What `model.fit` has and tells no callback: the list of its callbacks, and where its batches come from."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType
from typing import Any

import keras

from keras_weld.core.state import Array
from keras_weld.errors import UsageError
from keras_weld.training.conductor import Place
from keras_weld.training.packing import pack, unpack
from keras_weld.training.random_state import random_state, set_random_state

_NEEDED = ("_enumerate_iterator", "_get_iterator", "_current_iterator", "_steps_seen", "data_adapter", "num_batches")


@dataclass(frozen=True, slots=True)
class Loop:
    """A running `model.fit`.

    Attributes:
        callbacks: Keras's list of them.
        epochs: the number of the last epoch, counted from 1.
        shuffle: as it was given.
        batches: where its batches come from.
        validation_data: as it was given, or as it was split off; None without any.
    """

    callbacks: keras.callbacks.CallbackList
    epochs: int
    shuffle: Any
    batches: Any
    validation_data: Any

    @property
    def source(self) -> str:
        """The class by which Keras reads the data."""
        return type(self.batches.data_adapter).__name__


def running_loop() -> Loop:
    """The `model.fit` that is about to begin, seen from `set_model` of a callback.

    Keras hands a callback neither the list that it is in nor the data: both are looked up in the calls under way.

    Raises:
        UsageError: if there is none, or this version of Keras does it in another way.
    """
    frame: FrameType | None = sys._getframe(1)
    callbacks = None
    while frame is not None:
        values = frame.f_locals
        if callbacks is None and isinstance(values.get("self"), keras.callbacks.CallbackList):
            callbacks = values["self"]
        if callbacks is not None and frame.f_code.co_name == "fit" and "epoch_iterator" in values:
            batches = values["epoch_iterator"]
            if all(hasattr(batches, name) for name in _NEEDED):
                return Loop(callbacks, values["epochs"], values["shuffle"], batches, values["validation_data"])
        frame = frame.f_back
    raise UsageError(
        "Resume is called by something else than model.fit.",
        expected="model.fit(..., callbacks=[..., Resume(run)]), with the callbacks in a list, on the Keras versions "
        "that keras-weld is tested with",
        found=f"Keras {keras.__version__}",
        remedy="Give it to model.fit alone; with another version of Keras, use weld.fit.",
    )


def known_names(model: Any) -> list[str] | None:
    """The names that the logs of the running `model.fit` will have; None where they are not known before.

    They are not if a training step or a callback of the user's own may put others into the logs.
    """
    try:
        loop = running_loop()
    except UsageError:
        return None
    led = [inner for one in loop.callbacks.callbacks for inner in (one, *getattr(one, "callbacks", ()))]
    own = any(not type(one).__module__.startswith(("keras.", "keras_weld.")) for one in led)
    if own or type(model).train_step is not keras.Model.train_step:
        return None
    try:
        names = list(model.get_metrics_result())
    except Exception:  # metrics that have not seen a batch yet, or a class of the user's own
        return None
    return [*names, *(f"val_{name}" for name in names if loop.validation_data is not None)]


class Batches:
    """Counts the batches of a `model.fit`, and passes over those that were trained before an interruption.

    Where a pass over the data begins, the random state is noted: it is put back before the same pass is read again.
    A `tf.data.Dataset` that shuffles counts its passes; so they are begun again, and left.

    Args:
        loop: what is running; its source of batches is changed.
    """

    def __init__(self, loop: Loop) -> None:
        self._inner, self._source = loop.batches, loop.source
        self._steps, self._get = self._inner._enumerate_iterator, self._inner._get_iterator
        self._inner._enumerate_iterator, self._inner._get_iterator = self._epoch, self._begin
        self._eager = keras.backend.backend() == "tensorflow"  # elsewhere, a pass begins with its first batch
        self._passes, self._taken, self._iterator, self._random = 0, 0, None, random_state()
        self._reach: dict[str, Any] | None = None

    def place(self, place: Place, arrays: dict[str, Array]) -> dict[str, Any]:
        """Where the row of batches is, as plain JSON; `reach` takes it.

        Args:
            place: where the run is.
            arrays: takes the arrays.
        """
        inner, batch = self._inner, place.batch
        over = inner.steps_per_epoch is not None and inner._current_iterator is not None
        goes_on = over and inner._current_iterator is self._iterator
        used = batch > 0 or goes_on or (over and self._eager)
        return {
            "passes": self._passes - 1 if used else self._passes,
            "taken": self._taken if batch or goes_on else 0,
            "batch": batch,
            "random": pack(self._random, arrays, "data"),
        }

    def reach(self, place: dict[str, Any], arrays: dict[str, Array], epochs: int) -> None:
        """Have the first epoch go on from a place, once it begins.

        Args:
            place: as `place` gave it.
            arrays: its arrays.
            epochs: how many are finished: a `PyDataset` is told their ends again.
        """
        self._reach = {**place, "random": unpack(place["random"], arrays), "epochs": epochs}

    def _begin(self) -> Any:
        self._passes += self._eager
        return self._get()

    def _epoch(self) -> Iterator[tuple[int, int, Any]]:
        """What Keras's own method yields, from the place that is to be reached."""
        inner, reach, self._reach = self._inner, self._reach, None
        after = random_state()
        if reach is not None:
            self._skip_passes(reach["passes"], reach["epochs"])
        if reach is not None and reach["taken"]:
            set_random_state(reach["random"])
        if inner.steps_per_epoch is None or self._iterator is None or inner._current_iterator is not self._iterator:
            self._random = random_state()
        steps = self._steps()
        if reach is not None and reach["taken"]:
            self._pass_over(steps, reach)
            set_random_state(after)
        for first, last, iterator in steps:
            if iterator is not self._iterator:
                self._iterator, self._taken = iterator, 0
                self._passes += not self._eager
            self._taken += last + 1 - first
            yield first, last, iterator

    def _skip_passes(self, count: int, epochs: int) -> None:
        if self._source == "TFDatasetAdapter":
            data = self._inner.data_adapter.get_tf_dataset()
            for _ in range(count):
                iter(data)
        if self._source == "PyDatasetAdapter":
            for _ in range(epochs):
                self._inner.data_adapter.py_dataset.on_epoch_end()
        self._passes = count

    def _pass_over(self, steps: Iterator[Any], reach: dict[str, Any]) -> None:
        inner, taken, batch = self._inner, reach["taken"], reach["batch"]
        done = -(-batch // inner.steps_per_execution)
        if inner.steps_per_epoch is None:
            _, _, iterator = next(steps)
            done -= 1
        else:
            iterator = inner._current_iterator = iter(inner._get_iterator())
            inner._steps_seen = taken - batch
        for _ in range(taken):
            next(iterator)
        for _ in range(done):
            next(steps)
        self._iterator, self._taken = iterator, taken
        self._passes += not self._eager
