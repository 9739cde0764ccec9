"""How networks are to be zipped."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from keras_weld.training.every import Every
    from keras_weld.zipping.calibration import Shares
    from keras_weld.zipping.optimizing import Schedule
    from keras_weld.zipping.walk import Merge

AUTO = "auto"
"""Start and rounds that are chosen by what comes out."""

NONE, UNTRAINED, TRAINED = BASELINES = ("none", "untrained", "trained")
"""No baselines; the separate models and the branched ones as they are; one of these trained as a round is, too."""

JOINT, TURNS = MIXING = ("joint", "turns")
"""All tasks count in each step, or one after the other."""

Progress = Callable[[int, int | None, str], None]
"""Called with steps done, steps in all if known, and what is being done."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked for, in the words of `zipper`.

    Attributes:
        share: the sharing rule.
        merge: by features or by weights.
        start: starting values of shared layers.
        rounds: "all", "auto", or numbers of merged blocks.
        steps: steps of calibration in each round.
        batch_size: examples of each task in a step.
        rate: the learning rate at the start.
        shares: how much each part of the loss counts.
        max_drop: how much a task may lose in the chosen network; None for any amount.
        min_speedup: how many times as fast it has to be; None for no matter.
        separate: whether each task gets an input of its own even where the models take the same.
        blocks: a regular expression that tells the blocks; None for those of the graph.
        seed: what everything random is drawn by.
        start_examples: how many examples of each task a start may look at.
        every: when to take a checkpoint inside a round, besides twenty of them.
        deterministic: whether operations of TensorFlow are made to give the same bits each time.
        baselines: what the merged networks are compared with.
        carry: whether a round begins from what the one before has learnt.
        mixing: whether the tasks count in each step, or take turns.
        optimizer: its name, or one of Keras.
        schedule: how the learning rate falls.
        layers_at: where the feature maps are compared.
        callbacks: of Keras, told of every calibration.
    """

    share: Any
    merge: Merge
    start: str
    rounds: str | Sequence[int]
    steps: int
    batch_size: int
    rate: float
    shares: Shares
    max_drop: float | None
    min_speedup: float | None
    separate: bool
    blocks: str | None
    seed: int
    start_examples: int
    every: Every
    deterministic: bool
    baselines: str
    carry: bool
    mixing: str
    optimizer: Any
    schedule: Schedule
    layers_at: str
    callbacks: Sequence[Any]
