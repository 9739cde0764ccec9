"""The calibrations of a zip: a merged network built, its start chosen, trained, and gone on with after a break."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import keras

from keras_weld.recipes.zip_asked import TURNS, Asked
from keras_weld.recipes.zip_data import TaskData
from keras_weld.recipes.zip_folder import ZipFolder
from keras_weld.recipes.zip_plan import Plan
from keras_weld.recipes.zip_progress import Told
from keras_weld.recipes.zip_start import TRIAL, examples_for_start, started, starts_to_try
from keras_weld.training.conducted import Batches
from keras_weld.training.exact_folder import ExactFolder
from keras_weld.training.trainer import compiles_well, scaling_for
from keras_weld.zipping.calibrating import Pace, calibrate
from keras_weld.zipping.calibration import Aims, Calibration
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.mixing import Examples, Mixed
from keras_weld.zipping.optimizing import optimizer_of, schedule_of
from keras_weld.zipping.places import places_of
from keras_weld.zipping.sharing import everything
from keras_weld.zipping.start import FROM, set_start
from keras_weld.zipping.turns import Turns
from keras_weld.zipping.walk import Zipped, zipped

_PARTS = 20  # means of the loss in a round


class Calibrating:
    """Builds the networks of a zip, and trains them.

    What a network comes to is a function of what was asked for and of the students' values alone: before each, the
    random state is set anew.

    Args:
        plan: what is decided.
        data: by task; empty for none.
        aims: by output, what it is trained for.
        asked: how to zip.
        folder: keeps every calibration.
        told: told of every step.
    """

    def __init__(
        self,
        plan: Plan,
        data: Mapping[str, TaskData],
        aims: Mapping[str, Aims],
        asked: Asked,
        folder: ZipFolder,
        told: Told,
    ) -> None:
        self.plan, self.data, self.aims, self.asked, self.folder, self.told = plan, data, aims, asked, folder, told

    def steps(self, depth: int) -> int:
        """Steps of a round; none without data, and where nothing is merged, so that there is nothing to mend."""
        return self.asked.steps if self.data and depth else 0

    def trials(self, depth: int) -> Sequence[str]:
        """The starts that are tried for a round."""
        starts = self._starts
        return starts if len(starts) > 1 and self.steps(depth) >= TRIAL else []

    def planned(self, depth: int) -> int:
        """All steps of a round, those of trials too."""
        return self.steps(depth) + len(self.trials(depth)) * (self.asked.steps // TRIAL)

    def built(self, depth: int, students: Trunk, start: str | None) -> Zipped:
        """A merged network of a round, with its starting values; without, where others are put in their place."""
        plan, asked = self.plan, self.asked
        keras.utils.set_random_seed(asked.seed)
        build = partial(
            zipped, students, plan.tasks, until=plan.until(depth), merge=asked.merge, separate=plan.separate
        )
        if start is None:
            return build(rule=plan.rule)
        examples = examples_for_start(start, self.data, asked.start_examples, asked.seed)
        network, notes = started(build, plan.rule, start, students, examples, self.told.tell)
        self.folder.note(notes)
        return network

    def start(self, depth: int, students: Trunk) -> str:
        """The start that was asked for, or the one that gave the lowest loss on held-out examples after a trial."""
        known = self.folder.start_of(depth)
        if known is not None:
            self.told.pass_over(self.planned(depth) - self.steps(depth))
            return known
        losses = {start: self._tried(depth, students, start) for start in self.trials(depth)}
        if losses:
            return min(losses, key=lambda start: losses[start])
        return self._starts[0]

    def _tried(self, depth: int, students: Trunk, start: str) -> float:
        """The loss on held-out examples after the trial of a start."""
        pace = Pace(self.asked.steps // TRIAL, 1, self.asked.every)
        folder = self.folder.run(depth, start, pace.epochs, trial=True)
        network = self.built(depth, students, _unless(folder, start))
        history = self._calibrated(network, pace, folder, f"start {start}", self._held())
        return float(history[-1]["val_loss"])

    def trained(self, depth: int, students: Trunk, start: str) -> tuple[Zipped, tuple[tuple[int, float], ...]]:
        """A merged network of a round, calibrated; and pairs of step and mean loss up to there."""
        if not self.steps(depth):
            return self.built(depth, students, start), ()
        pace = Pace(self.asked.steps, _PARTS, self.asked.every)
        folder = self.folder.run(depth, start, pace.epochs)
        network = self.built(depth, students, _unless(folder, start))
        history = self._calibrated(network, pace, folder, f"{depth} of {len(self.plan.blocks)} blocks")
        return network, _losses(history)

    def branched(self, students: Trunk, backbone: str | None) -> Zipped:
        """One backbone under every head, as `weld branch` makes it; without values, where others are put in."""
        keras.utils.set_random_seed(self.asked.seed)
        network = zipped(students, self.plan.tasks, until=students.length, rule=everything)
        if backbone is not None:
            set_start(network, f"{FROM}{backbone}", self.plan.tasks)
        return network

    def trained_branch(self, students: Trunk, backbone: str) -> tuple[Zipped, tuple[tuple[int, float], ...]]:
        """One backbone under every head, trained as a round is; and pairs of step and mean loss up to there."""
        pace = Pace(self.asked.steps, _PARTS, self.asked.every)
        folder = self.folder.branch(backbone, pace.epochs)
        network = self.branched(students, _unless(folder, backbone))
        return network, _losses(self._calibrated(network, pace, folder, f"branch on {backbone}"))

    def _calibrated(
        self, network: Zipped, pace: Pace, folder: ExactFolder, what: str, held: Mixed | None = None
    ) -> list[dict[str, Any]]:
        asked = self.asked
        places = places_of(self.plan.trunk, self.plan.blocks, asked.layers_at) if asked.shares.layers else ()
        made = Calibration(network, self._teachers, self.aims, asked.shares, places, separate=self.plan.separate)
        schedule = schedule_of(asked.schedule, asked.rate, pace.steps, self._epoch)
        optimizer = scaling_for(network.model, optimizer_of(asked.optimizer, schedule))
        made.compile(optimizer, jit_compile="auto" if compiles_well() else False)
        keras.utils.set_random_seed(asked.seed)  # the teachers are made once, and draw seeds of their own
        with self.told.calibration(what, pace.steps, folder.resumed) as tell:
            return calibrate(made, self._feed, pace, folder, held=held, tell=tell, callbacks=asked.callbacks)

    def _feed(self, length: int, start: int) -> Batches:
        examples = {task: Examples(one.split, one.targets) for task, one in self.data.items()}
        mixed = self._mixed(examples, length, seed=self.asked.seed, start=start)
        return Turns(mixed, self.plan.tasks, self.asked.batch_size) if self.asked.mixing == TURNS else mixed

    def _epoch(self) -> int:
        """Steps in which as many examples count as the tasks have together."""
        examples = sum(one.split.counted() for one in self.data.values())
        counting = 1 if self.asked.mixing == TURNS else len(self.data)
        return max(1, -(-examples // (counting * self.asked.batch_size)))

    def _held(self) -> Mixed:
        """As many batches of what was held out as there are of the task with the fewest examples."""
        held = {task: Examples(one.held, one.targets) for task, one in self.data.items()}
        steps = max(1, min(one.split.counted() for one in held.values()) // self.asked.batch_size)
        return self._mixed(held, steps)

    def _mixed(self, examples: Mapping[str, Examples], steps: int, **place: int) -> Mixed:
        return Mixed(examples, self.asked.batch_size, steps, separate=self.plan.separate, **place)

    @cached_property
    def _starts(self) -> list[str]:
        """Those among which a trial decides."""
        return starts_to_try(self.asked, self.plan.tasks, self.data)

    @cached_property
    def _teachers(self) -> Zipped:
        plan = self.plan
        return zipped(plan.trunk, plan.tasks, until=0, rule=plan.rule, separate=plan.separate, name="teachers")


def _unless(folder: ExactFolder, start: str) -> str | None:
    """The start of a calibration that begins; None for one that goes on, whose checkpoint has all values."""
    return start if folder.resumed is None else None


def _losses(history: Sequence[Mapping[str, Any]]) -> tuple[tuple[int, float], ...]:
    """Pairs of step and mean loss up to there."""
    return tuple((int(one["step"]), float(one["loss"])) for one in history)
