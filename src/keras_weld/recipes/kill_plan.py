"""When a rehearsal is killed: at random steps, and while checkpoints are written, each some way into it."""

from __future__ import annotations

import random
from collections.abc import Sequence

from keras_weld.recipes.trace import RunTrace
from keras_weld.training.rehearsal import CHECKPOINT, STEP, Kill


def kill_plan(runs: Sequence[RunTrace], kills: int, seed: int) -> list[Kill]:
    """Draw kills from what was seen of an uninterrupted training, in the order in which they will come.

    Every other one is aimed at a checkpoint that is being written, the rest at the course of a step; how far into
    it is drawn too, up to the time that it usually takes.

    Args:
        runs: the runs in their order.
        kills: how many.
        seed: what they are drawn by.
    """
    chance = random.Random(seed)
    moments = {
        STEP: [(number, step) for number, run in enumerate(runs) for step in range(run.steps)],
        CHECKPOINT: [(number, step) for number, run in enumerate(runs) for step in run.checkpoints],
    }
    drawn = []
    for number in range(kills):
        kind = CHECKPOINT if number % 2 and moments[CHECKPOINT] else STEP
        run, step = chance.choice(moments[kind])
        drawn.append((run, step, kind, chance.random() * runs[run].seconds[kind]))
    return [Kill(runs[run].name, kind, step, delay) for run, step, kind, delay in sorted(drawn)]
