"""What all stages of a training share: the model as it is trained, its aims, and where examples come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras

from keras_weld.checks.meaning import Meaning, meaning_of
from keras_weld.core.graph import ModelGraph
from keras_weld.data.split import Shape, Split
from keras_weld.errors import UsageError
from keras_weld.training.answered import Answered
from keras_weld.training.checkpoints import Snapshot
from keras_weld.training.conductor import place_of
from keras_weld.training.feeding import Feed, steps_of
from keras_weld.training.keeping import BestWeights
from keras_weld.training.objective import Aim, Loss, aim_at, matched
from keras_weld.training.packing import unpack
from keras_weld.training.score import ACCURACY, LOSS, Score
from keras_weld.training.trainer import trainer_of


@dataclass(frozen=True, slots=True)
class Settings:
    """How to train.

    Attributes:
        optimizer: name of a Keras optimizer.
        batch_size: examples at a time.
        patience: a stage ends after so many epochs in which neither accuracy nor loss got better.
        seed: what the order of the examples and dropout are drawn by.
        steps: batches of an epoch; None for all examples.
        callbacks: further callbacks of Keras.
    """

    optimizer: str = "adam"
    batch_size: int = 32
    patience: int = 3
    seed: int = 0
    steps: int | None = None
    callbacks: Sequence[Any] = ()

    def __post_init__(self) -> None:
        for name in ("batch_size", "patience", "steps"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"{name} is a whole number of 1 or more.", expected="1 or more", found=value)
        if self.seed < 0:
            raise UsageError("A seed is a whole number of 0 or more.", expected="0 or more", found=self.seed)


@dataclass
class Course:
    """A training that is under way.

    Attributes:
        trainer: the model around the model, which Keras trains.
        aims: what each of its outputs is trained for.
        orders: for each output, which of the targets is its own: to learn from, and to decide by.
        train: the examples to learn from, fitted to the model.
        validation: the examples to decide by, likewise.
        settings: how to train.
        steps: batches of an epoch.
        best: the best weights so far; None before anything was measured.
        notes: what is to be told.
    """

    trainer: keras.Model
    aims: Sequence[Aim]
    orders: tuple[Sequence[int], Sequence[int]]
    train: Split
    validation: Split
    settings: Settings
    steps: int
    best: BestWeights | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def monitor(self) -> str:
        """What decides: the accuracy, where every output has one; else the loss."""
        return ACCURACY if all(aim.metric for aim in self.aims) else LOSS

    def feed(self, first: int, resumed: Snapshot | None) -> Feed:
        """The training examples of a stage.

        Args:
            first: number of the stage's first epoch, counted over all stages from 0.
            resumed: the checkpoint in it that they are to go on from.
        """
        place = place_of(resumed)
        settings = self.settings
        return Feed(
            self.train,
            settings.batch_size,
            partial(self.prepare, self.orders[0]),
            seed=settings.seed,
            shuffle=True,
            first=first + place.epoch,
            steps=self.steps,
            start=place.batch,
            placed=True,
            place=None if resumed is None else unpack(resumed.facts["data"], resumed.arrays),
        )

    def some(self) -> tuple[Any, Any]:
        """Inputs and targets of one batch, as the trainer takes them."""
        x, y = next(iter(self.train.batches(self.settings.batch_size)))
        return x, self.prepare(self.orders[0], y)

    def feed_validation(self) -> Feed:
        """The validation examples, in their order."""
        return Feed(self.validation, self.settings.batch_size, partial(self.prepare, self.orders[1]), evaluated=True)

    def measure(self) -> Score:
        """How good the weights of now are on the validation examples."""
        feed = self.feed_validation()
        try:
            found = self.trainer.evaluate(feed, verbose=0, return_dict=True)
        except Exception:
            feed.raise_refusal()
            raise
        return Score(self.monitor, {name: float(value) for name, value in found.items()})

    def prepare(self, order: Sequence[int], targets: Any) -> Any:
        """The targets of a batch as the trainer takes them, of which `order` tells the outputs' own."""
        values = _listed(targets)
        made = [aim.prepared(values[index]) for aim, index in zip(self.aims, order, strict=True)]
        return made[0] if len(made) == 1 else {aim.output: one for aim, one in zip(self.aims, made, strict=True)}


def course_of(
    answered: Answered,
    graph: ModelGraph,
    train: Split,
    validation: Split,
    settings: Settings,
    *,
    meanings: Sequence[Meaning | None] | None = None,
    loss: Loss | Mapping[str, Loss] | None = None,
) -> Course:
    """Set up a training; what does not fit is refused here, before its first step.

    Args:
        answered: the model's outputs, and which of them are trained.
        graph: its graph.
        train: the examples to learn from.
        validation: the examples to decide by.
        settings: how to train.
        meanings: what each of all outputs means; by default told from the graph.
        loss: a loss, or losses by output, instead of what would be chosen.

    Raises:
        DataError: if the examples do not fit the model.
        UsageError: if no loss can be chosen.
    """
    trainer, names = trainer_of(answered), answered.trained
    shapes = {one.name: tuple(one.shape[1:]) for one in trainer.inputs}
    train, validation = train.fitted(shapes), validation.fitted(shapes)
    targets = _some_targets(train, settings.batch_size)
    order = matched(names, train.target_names, len(targets), train.origin)
    losses = _by_output(loss, names)
    shown = [tuple(port.shape[1:]) for port in answered.outputs]
    meant = meanings if meanings is not None and len(meanings) == len(shown) else _meanings(graph, shown)
    aims = [
        aim_at(name, shown[number], meant[number], targets[index], losses.get(name), train.origin)
        for name, number, index in zip(names, answered.chosen, order, strict=True)
    ]
    held = _some_targets(validation, settings.batch_size)
    held_order = matched(names, validation.target_names, len(held), validation.origin)
    for aim, index in zip(aims, held_order, strict=True):
        aim.check(held[index], validation.origin)
    steps = steps_of(train, settings.batch_size, whole=True) if settings.steps is None else settings.steps
    notes = [*answered.told(), *(f"The loss of {aim.output} is {aim.name}: {aim.why}." for aim in aims)]
    return Course(trainer, aims, (order, held_order), train, validation, settings, steps, notes=notes)


def _some_targets(split: Split, batch_size: int) -> list[Any]:
    """All targets where they can be had at once; of a stream those of its first batch."""
    if not split.labelled:
        return []
    return list(split.targets) if split.positioned else _listed(next(iter(split.batches(batch_size)))[1])


def _listed(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def _meanings(graph: ModelGraph, shapes: Sequence[Shape]) -> list[Meaning | None]:
    if graph.opaque:
        return [None] * len(shapes)
    return [
        meaning_of(graph, edge, None, shape[-1] if shape else None)
        for edge, shape in zip(graph.outputs, shapes, strict=True)
    ]


def _by_output(loss: Any, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(loss, Mapping):
        return {} if loss is None else dict.fromkeys(names, loss)
    for name in loss:
        if name not in names:
            raise UsageError("There is no such output to give a loss for.", expected=", ".join(names), found=name)
    return dict(loss)
