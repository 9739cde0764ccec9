"""What came out of training in stages, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from keras_weld.training.keeping import Epoch
from keras_weld.training.plan import Stage


@dataclass(frozen=True, slots=True)
class StageRun:
    """One stage as it went.

    Attributes:
        stage: what was asked for.
        layers: paths of the layers that were trained.
        parameters: how many numbers were trained.
        history: the epochs that were run.
        best_epoch: the epoch whose weights were the best of this stage; 0 if none came to its end.
        before: the figure that decides, on validation, of the weights that the stage began with.
        after: the same of the best epoch; None if none came to its end.
        kept: whether the best epoch was better than all before, so that its weights were kept.
        broken: epoch and step at which the loss was no number any more.
        seconds: how long it took.
    """

    stage: Stage
    layers: tuple[str, ...]
    parameters: int
    history: tuple[Epoch, ...]
    best_epoch: int
    before: float
    after: float | None
    kept: bool
    broken: tuple[int, int] | None
    seconds: float


@dataclass(frozen=True, slots=True)
class StagesRun:
    """All stages as they went.

    Attributes:
        monitor: what decided which weights are better: `accuracy`, or `loss`.
        losses: the loss of each output, by the output's name.
        gives: what the outputs mean for this training, by their names, where it is known.
        optimizer: name of the optimizer.
        batch_size: examples at a time.
        seed: what the order of the examples was drawn by.
        before: all figures on the validation examples, before the first stage.
        after: the same of the weights that were kept.
        best: stage and epoch of these; (0, 0) if the model comes back as it was.
        stages: the stages that were run.
        notes: what a person should know, in sentences.
        seconds: how long it all took.
    """

    monitor: str
    losses: Mapping[str, str]
    gives: Mapping[str, str]
    optimizer: str
    batch_size: int
    seed: int
    before: Mapping[str, float]
    after: Mapping[str, float]
    best: tuple[int, int]
    stages: tuple[StageRun, ...]
    notes: tuple[str, ...]
    seconds: float

    @property
    def unchanged(self) -> bool:
        """Whether the model came back as it was."""
        return self.best == (0, 0)
