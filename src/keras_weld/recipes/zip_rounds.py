"""The rounds of a zip: each depth built, calibrated, measured, proved and written before the next one begins."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras

from keras_weld.compose.member import Composed
from keras_weld.data.split import Dataset
from keras_weld.errors import TrainingError, UsageError
from keras_weld.io.atomic import atomic_path
from keras_weld.judging.latency import as_given, compiled, speedup
from keras_weld.judging.run import input_shapes
from keras_weld.models.copying import copy_of
from keras_weld.recipes.composing import deliver, note_lineage
from keras_weld.recipes.contest import Contestant, contest
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.sources import Sources
from keras_weld.recipes.zip_asked import AUTO, Asked, Progress
from keras_weld.recipes.zip_data import to_learn_from
from keras_weld.recipes.zip_plan import depths_of, notes_of, require_shared, separate_inputs
from keras_weld.recipes.zip_report import report
from keras_weld.recipes.zip_tasks import aims_of, classes_of, figures_of
from keras_weld.training.trainer import compiles_well
from keras_weld.zipping.blocks import blocks_of
from keras_weld.zipping.calibration import Aims, Calibration
from keras_weld.zipping.costs import costs_of
from keras_weld.zipping.frontier import Frontier, Round, Speedup, deepest_within
from keras_weld.zipping.lockstep import Trunk, trunk_of
from keras_weld.zipping.mixing import Mixed
from keras_weld.zipping.sharing import Rule, rule_of
from keras_weld.zipping.start import FROM, MEAN, set_start
from keras_weld.zipping.trace import Slot, trace
from keras_weld.zipping.walk import Zipped, zipped

BATCHES = (1, 8)
_TRIAL = 20  # a start is tried for one step in so many
_PARTS = 20  # means of the loss in a round


class Zipping:
    """One zip from its sources to its frontier.

    Args:
        sources: the models, loaded.
        data: by task; empty for none.
        asked: how to zip.
        folder: where everything is written.
        loading: what the files need to be loaded again.
        progress: called after each step.

    Raises:
        IncompatibleModelsError: if there is nothing to share.
        UsageError: for depths that there are not, or features of inputs that differ.
        DataError: if a task's data does not fit its model.
    """

    def __init__(
        self,
        sources: Sources,
        data: Mapping[str, Dataset],
        asked: Asked,
        folder: Path,
        loading: Loading,
        progress: Progress | None,
    ) -> None:
        self.sources, self.asked, self.folder, self.loading, self.progress = sources, asked, folder, loading, progress
        self.tasks = [member.name for member in sources.members]
        if len(self.tasks) < 2:
            raise UsageError("There is nothing to zip.", expected="two models or more", found=len(self.tasks))
        self.models = [member.model for member in sources.members]
        self.teachers = trunk_of([trace(model) for model in self.models])
        self.blocks = blocks_of(self.teachers, asked.blocks)
        self.rule: Rule = rule_of(asked.share)
        self.notes = list(notes_of(self.teachers, self.blocks, sources))
        self.separate = separate_inputs(self.models, asked)
        require_shared(self.teachers, self.blocks, self.rule, asked.share, sources)
        self.depths = depths_of(asked.rounds, len(self.blocks))
        classes = [classes_of(known) for known in sources.candidates]
        self.data = {
            task: to_learn_from(data[task], input_shapes(model), count)
            for task, model, count in zip(self.tasks, self.models, classes, strict=True)
            if task in data
        }
        self.done = 0
        self.losses: list[tuple[int, float]] = []

    def run(self) -> Frontier:
        """Make every round; what is done is on the disk before the next begins."""
        self.folder.mkdir(parents=True, exist_ok=True)
        keras.utils.set_random_seed(self.asked.seed)
        found: list[Round] = []
        carried: Trunk | None = None
        for depth in self.depths:
            carried = self._students() if carried is None or self.asked.rounds == AUTO else carried
            one, network = self._round(depth, carried)
            found.append(one)
            network.give_back()
            frontier = self._frontier(found)
            self._write(frontier)
            if self.asked.rounds == AUTO and one.within(self.asked.max_drop, None):
                break
        return frontier

    def _round(self, depth: int, students: Trunk) -> tuple[Round, Zipped]:
        until = self.blocks[depth - 1].end if depth else 0
        start = self._start(until, students)
        network, self.losses = self._built(until, students, start), []
        steps = self.asked.steps if self.data and depth else 0  # where nothing is merged, there is nothing to mend
        if steps:
            self._calibrate(network, steps, f"{depth} of {len(self.blocks)} blocks")
        costs = costs_of(students, network)
        file = f"merged-{depth:02d}.keras"
        evaluations = {task: self._judged(network, task) for task in self.tasks if self._judgeable(task)}
        one = Round(
            depth,
            file,
            costs.compression,
            costs.memory,
            costs.activations,
            self._speedups(network),
            start,
            steps,
            {task: figures_of(evaluation) for task, evaluation in evaluations.items()},
            tuple(self.losses),
        )
        self._deliver(network, one, evaluations)
        return one, network

    def _students(self) -> Trunk:
        """Copies of the sources, which take on what the rounds learn."""
        return trunk_of([trace(copy_of(model, self.loading.custom_objects)) for model in self.models])

    def _built(self, until: int, students: Trunk, start: str) -> Zipped:
        asked = self.asked
        network = zipped(students, self.tasks, until=until, rule=self.rule, merge=asked.merge, separate=self.separate)
        set_start(network, start, self.tasks)
        return network

    def _start(self, until: int, students: Trunk) -> str:
        """The start that was asked for, or the one that gave the lowest loss on held-out examples after a trial."""
        if self.asked.start != AUTO:
            return self.asked.start
        trial = self.asked.steps // _TRIAL
        if not self.data or not trial or not until:
            return MEAN
        losses = {}
        for start in (MEAN, *(f"{FROM}{task}" for task in self.tasks)):
            network = self._built(until, students, start)
            calibration = self._calibrate(network, trial, f"start {start}")
            losses[start] = self._held_out_loss(calibration)
        return min(losses, key=lambda start: losses[start])

    @cached_property
    def _reference(self) -> Zipped:
        return zipped(self.teachers, self.tasks, until=0, rule=self.rule, separate=self.separate, name="teachers")

    def _calibrate(self, network: Zipped, steps: int, what: str) -> Calibration:
        asked = self.asked
        places = [Slot(block.end - 1) for block in self.blocks]
        calibration = Calibration(network, self._reference, self._aims(), asked.shares, places, separate=self.separate)
        schedule = keras.optimizers.schedules.CosineDecay(asked.rate, steps)
        calibration.compile(keras.optimizers.Adam(schedule), jit_compile="auto" if compiles_well() else False)
        self.losses = []
        examples = {task: (one.x, one.y) for task, one in self.data.items()}
        length, callback = max(1, -(-steps // _PARTS)), _Told(self, what)
        for start in range(0, steps, length):
            count = min(length, steps - start)
            feed = Mixed(examples, asked.batch_size, count, seed=asked.seed, start=start)
            told = calibration.fit(feed, epochs=1, verbose=0, callbacks=[callback])
            self.losses.append((start + count, float(told.history["loss"][-1])))
        return calibration

    def _held_out_loss(self, calibration: Calibration) -> float:
        held = {}
        for task, model in zip(self.tasks, self.models, strict=True):
            split = self.data[task].dataset.splits.get("validation")
            data = self.data[task] if split is None else to_learn_from(_only(split), input_shapes(model), None)
            held[task] = (data.x, data.y)
        steps = max(1, min(len(x) for x, _ in held.values()) // self.asked.batch_size)
        told = calibration.evaluate(Mixed(held, self.asked.batch_size, steps), verbose=0, return_dict=True)
        return float(told["loss"])

    def _aims(self) -> dict[str, Aims]:
        return {
            task: aims_of(known, self.data[task])
            for task, known in zip(self.tasks, self.sources.candidates, strict=True)
        }

    def _judgeable(self, task: str) -> bool:
        return task in self.data and self.data[task].y is not None

    def _judged(self, network: Zipped, task: str) -> Evaluation:
        source = self.models[self.tasks.index(task)]
        merged = network.for_task(task)
        contestants = [Contestant("merged", lambda: merged), Contestant(task, lambda: source)]
        return contest(contestants, self.data[task].dataset)

    def _speedups(self, network: Zipped) -> tuple[Speedup, ...]:
        merged, separate = compiled(network.model), [compiled(model) for model in self.models]
        found = []
        for batch in BATCHES:
            own = [partial(one, as_given(model, batch)) for one, model in zip(separate, self.models, strict=True)]
            ratio = speedup(own, partial(merged, as_given(network.model, batch)))
            found.append(Speedup(batch, ratio.value, ratio.low, ratio.high))
        return tuple(found)

    def _deliver(self, network: Zipped, one: Round, evaluations: Mapping[str, Evaluation]) -> None:
        from keras_weld.recipes.judged import as_lineage

        asked = self.asked
        parameters = {
            "share": asked.share if isinstance(asked.share, str) else getattr(asked.share, "__name__", "a rule"),
            "merge": asked.merge,
            "start": one.start,
            "merged_blocks": one.merged_blocks,
            "steps": one.steps,
            "batch_size": asked.batch_size,
            "rate": asked.rate,
            "seed": asked.seed,
        }
        composed = Composed(network.model, list(self.notes), parameters)
        note_lineage(composed, "zip", self.sources.lineage, evaluations=as_lineage(list(evaluations.values())))
        target = self.folder / one.file
        deliver(network.model, target, self.loading.custom_objects, unsafe=self.loading.unsafe)

    def _frontier(self, found: Sequence[Round]) -> Frontier:
        rounds = tuple(sorted(found, key=lambda one: one.merged_blocks))
        chosen = deepest_within(rounds, self.asked.max_drop, self.asked.min_speedup)
        share = self.asked.share if isinstance(self.asked.share, str) else getattr(self.asked.share, "__name__", "rule")
        notes = tuple(self.notes)
        return Frontier(tuple(self.tasks), len(self.blocks), share, self.asked.merge, rounds, chosen, notes)

    def _write(self, frontier: Frontier) -> None:
        texts = {
            "frontier.json": frontier.as_json(),
            "frontier.csv": frontier.as_csv(),
            "report.html": report(frontier),
        }
        for name, text in texts.items():
            with atomic_path(self.folder / name) as part:
                part.write_text(text, "utf-8")
        if frontier.chosen is not None:
            file = next(one.file for one in frontier.rounds if one.merged_blocks == frontier.chosen)
            with atomic_path(self.folder / "chosen.keras") as part:
                shutil.copyfile(self.folder / file, part)


class _Told(keras.callbacks.Callback):  # type: ignore[misc]
    """Tells the progress, and stops where the loss is no number."""

    def __init__(self, zipping: Zipping, what: str) -> None:
        super().__init__()
        self.zipping, self.what, self.steps = zipping, what, 0

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After each step."""
        self.steps += 1
        self.zipping.done += 1
        if not math.isfinite(float((logs or {}).get("loss", 0.0))):
            raise TrainingError(
                f"The loss is no number any more ({self.what}); the rounds before are kept.",
                file=self.zipping.folder,
                layer=_first_broken(self.model),
                expected="a finite loss",
                found=f"{logs['loss']} at step {self.steps}",
                remedy="Take a lower rate: --rate 3e-4 (rate=3e-4).",
            )
        if self.zipping.progress is not None:
            self.zipping.progress(self.zipping.done, None, self.what)


def _first_broken(model: keras.Model) -> str | None:
    """The first variable that holds what is no number."""
    for variable in model.network.trainable_variables:
        if not bool(keras.ops.all(keras.ops.isfinite(variable))):
            return str(variable.path)
    return None


def _only(split: Any) -> Dataset:
    return Dataset({"all": split}, split.origin)
