"""What looks on while Keras trains a stage: keeps the best weights, stops in time, and tells how far it is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import keras

from keras_weld.training.conductor import rate_of
from keras_weld.training.score import LOSS, Score

Tell = Callable[[int, str], None]
"""Called with the number of steps done in this stage, and a few words."""

_VALIDATION = "val_"
_KEPT = ("reached_in", "broken", "seconds", "_epoch", "_done", "_lowest", "_lowest_in")


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of training.

    Attributes:
        stage: number of the stage, from 1.
        epoch: number of the epoch in it, from 1.
        rate: the learning rate that the optimizer had.
        training: loss and metrics on the training examples, while the weights were changing.
        validation: the same on the validation examples, at the epoch's end.
        seconds: how long it took.
    """

    stage: int
    epoch: int
    rate: float
    training: Mapping[str, float]
    validation: Mapping[str, float]
    seconds: float


class BestWeights:
    """The best weights so far, in memory: one copy of the model's, whatever the number of stages.

    Args:
        model: the model; its weights of now are the first to beat.
        score: what they reach.

    Attributes:
        start: the score to beat at first.
        score: the best score so far.
        place: stage and epoch of it, from 1; (0, 0) for the first weights.
    """

    def __init__(self, model: keras.Model, score: Score) -> None:
        self.start = self.score = score
        self.place = (0, 0)
        self._weights = model.get_weights()

    def offer(self, model: keras.Model, score: Score, place: tuple[int, int]) -> None:
        """Take the model's weights of now, if they are better."""
        if score.better_than(self.score):
            self.score, self.place, self._weights = score, place, model.get_weights()

    def put_back(self, model: keras.Model) -> None:
        """Give the model the best weights."""
        model.set_weights(self._weights)

    def state(self) -> dict[str, Any]:
        """All of it, as values that a checkpoint takes."""
        scores = {"start": dict(self.start.values), "score": dict(self.score.values)}
        return {**scores, "place": self.place, "weights": self._weights}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Become what `state` gave."""
        self.start, self.score = (Score(self.score.monitor, state[name]) for name in ("start", "score"))
        self.place, self._weights = state["place"], state["weights"]


class Keeper(keras.callbacks.Callback):  # type: ignore[misc]
    """Watches one stage.

    Args:
        number: number of the stage, from 1.
        monitor: what decides, as `Score` has it.
        best: the best weights of all stages.
        patience: end after so many epochs in a row in which nothing got better in this stage, neither the score
            nor the loss: with few validation examples the accuracy stands still while the loss still falls.
        tell: told of every step.

    Attributes:
        before: the best score of the stages before.
        history: the epochs.
        seconds: how long the stage has taken.
        reached: the best score in this stage, None before the first epoch's end.
        reached_in: the epoch of it.
        broken: epoch and step where the loss was no number any more, or None.
    """

    def __init__(self, number: int, monitor: str, best: BestWeights, patience: int, tell: Tell) -> None:
        super().__init__()
        self.history: list[Epoch] = []
        self.reached: Score | None = None
        self.reached_in = 0
        self.broken: tuple[int, int] | None = None
        self.before, self.seconds = best.score, 0.0
        self._number, self._monitor, self._best, self._patience, self._tell = number, monitor, best, patience, tell
        self._epoch = self._done = self._lowest_in = 0
        self._lowest = math.inf
        self._epoch_began = self._seen = time.perf_counter()

    def get_state(self) -> dict[str, Any]:
        """What it knows, the best weights of all stages among it."""
        self._clock()
        return {
            **{name: getattr(self, name) for name in _KEPT},
            "before": dict(self.before.values),
            "history": [asdict(one) for one in self.history],
            "reached": None if self.reached is None else dict(self.reached.values),
            "best": self._best.state(),
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` gave."""
        for name in _KEPT:
            setattr(self, name, state[name])
        reached = state["reached"]
        self.before = Score(self._monitor, state["before"])
        self.history = [Epoch(**one) for one in state["history"]]
        self.reached = None if reached is None else Score(self._monitor, reached)
        self._best.restore(state["best"])
        self._epoch_began = self._seen = time.perf_counter()

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Count it."""
        self._epoch = epoch + 1
        self._epoch_began = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Stop where the loss is no number; tell of the step."""
        loss = float((logs or {}).get(LOSS, 0.0))
        if not math.isfinite(loss):
            self.broken = (self._epoch, batch + 1)
            self.model.stop_training = True
        self._done += 1
        self._tell(self._done, f"epoch {self._epoch}, loss {loss:.3g}")

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Keep the weights if they are the best so far; stop if there was no better epoch for long."""
        if self.broken:
            return
        values = {name: float(value) for name, value in (logs or {}).items()}
        validation = {name.removeprefix(_VALIDATION): value for name, value in values.items() if _is_validation(name)}
        training = {name: value for name, value in values.items() if not _is_validation(name)}
        seconds = time.perf_counter() - self._epoch_began
        self.history.append(Epoch(self._number, self._epoch, rate_of(self.model), training, validation, seconds))
        figures = f"loss {training[LOSS]:.3g}, validation loss {validation[LOSS]:.3g}"
        self._tell(self._done, f"epoch {self._epoch}, {figures}")
        score = Score(self._monitor, validation)
        self._best.offer(self.model, score, (self._number, self._epoch))
        if score.better_than(self.reached):
            self.reached, self.reached_in = score, self._epoch
        if validation[LOSS] < self._lowest:
            self._lowest, self._lowest_in = validation[LOSS], self._epoch
        if self._epoch - max(self.reached_in, self._lowest_in) >= self._patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        """Look at the clock."""
        self._clock()

    def _clock(self) -> None:
        now = time.perf_counter()
        self.seconds += now - self._seen
        self._seen = now


def _is_validation(name: str) -> bool:
    return name.startswith(_VALIDATION)
