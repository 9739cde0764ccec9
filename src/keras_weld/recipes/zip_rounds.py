"""The rounds of a zip: each depth built, calibrated, measured, proved and written before the next one begins."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import keras

from keras_weld.checks.candidate import Candidate
from keras_weld.checks.meaning import LOGITS, PROBABILITIES, Kind
from keras_weld.compose.member import Composed
from keras_weld.data.split import Dataset
from keras_weld.errors import IncompatibleModelsError, TrainingError, UsageError
from keras_weld.io.atomic import atomic_path
from keras_weld.judging.latency import as_given, compiled, speedup
from keras_weld.judging.run import input_shapes
from keras_weld.models.copying import copy_of
from keras_weld.recipes.composing import deliver, note_lineage
from keras_weld.recipes.contest import Contestant, contest
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.sources import Sources
from keras_weld.recipes.zip_asked import Asked, Progress
from keras_weld.recipes.zip_data import TaskData, to_learn_from
from keras_weld.recipes.zip_report import report
from keras_weld.training.trainer import compiles_well
from keras_weld.zipping import aims
from keras_weld.zipping.blocks import Block, blocks_of
from keras_weld.zipping.calibration import Aims, Calibration
from keras_weld.zipping.costs import costs_of
from keras_weld.zipping.frontier import Frontier, Round, Speedup, TaskFigures, deepest_within
from keras_weld.zipping.lockstep import Trunk, trunk_of
from keras_weld.zipping.mixing import Mixed
from keras_weld.zipping.sharing import Rule, facts_of, rule_of
from keras_weld.zipping.start import FROM, MEAN, set_start
from keras_weld.zipping.trace import Slot, trace
from keras_weld.zipping.walk import Zipped, zipped

AUTO = "auto"
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
        self.notes = list(_notes(self.teachers, self.blocks, sources))
        self.separate = self._inputs()
        self._require_shared()
        self.depths = self._depths()
        classes = [_classes(known) for known in sources.candidates]
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
            {task: _figures(evaluation) for task, evaluation in evaluations.items()},
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
            task: _aims_of(known, self.data[task])
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

    def _inputs(self) -> bool:
        """Whether each task has an input of its own."""
        forms = [[(tuple(one.shape), one.dtype) for one in model.inputs] for model in self.models]
        alike = all(form == forms[0] for form in forms)
        if self.asked.merge == "features" and (self.asked.separate or not alike):
            raise UsageError(
                "Features can be shared only where all tasks look at the same input.",
                expected=str(forms[0]),
                found="an input for each task" if alike else str(next(form for form in forms if form != forms[0])),
                remedy="Share weights: --merge weights (merge='weights').",
            )
        return self.asked.separate or not alike

    def _require_shared(self) -> None:
        parting = self.teachers.parting
        if self.blocks:
            if not any(self.rule(facts) for facts in map(facts_of, self.teachers.steps)):
                raise UsageError(
                    "The sharing rule shares none of the layers that the models have in common.",
                    expected="all, kernels, or a pattern that matches some of them",
                    found=str(self.asked.share),
                )
            return
        told = (
            {}
            if parting is None
            else {
                "layer": parting.difference.layer,
                "expected": parting.difference.expected,
                "found": parting.difference.found,
            }
        )
        file = self.sources.members[1 if parting is None else parting.model].source
        raise IncompatibleModelsError(
            "The models part before their first block: there is nothing to share.",
            file=file,
            remedy="Zip models that were built from one backbone; weld check --for zip tells where they part.",
            **told,
        )

    def _depths(self) -> list[int]:
        rounds, count = self.asked.rounds, len(self.blocks)
        if rounds == "all":
            return list(range(count + 1))
        if rounds == AUTO:
            step = max(1, math.ceil(count / 6))
            return [*range(count, 0, -step)]
        wrong = [one for one in rounds if not isinstance(one, int) or not 0 <= one <= count]
        if wrong or not rounds:
            raise UsageError(
                "There are not so many blocks.", expected=f"numbers from 0 to {count}", found=wrong or "no round"
            )
        return sorted({int(one) for one in rounds})


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


def _notes(trunk: Trunk, blocks: Sequence[Block], sources: Sources) -> Iterator[str]:
    names = [member.name for member in sources.members]
    for step, difference in trunk.unlike.items():
        yield (
            f"{trunk.steps[step].name} calculates otherwise in {names[0]} ({difference.expected}) than in others "
            f"({difference.found}): each task keeps its own."
        )
    if trunk.parting is not None:
        parting = trunk.parting
        yield (
            f"{names[parting.model]} parts from {names[0]} at {parting.difference.layer}: {parting.difference.text} "
            f"The {len(blocks)} blocks before it can be shared."
        )


def _classes(known: Candidate) -> int | None:
    outputs = known.summary.outputs
    if len(outputs) != 1:
        return None
    meaning = outputs[0].meaning
    return meaning.classes if meaning is not None and meaning.kind in (Kind.CLASSES, Kind.CLASS_LOGITS) else None


def _aims_of(known: Candidate, data: TaskData) -> Aims:
    """The losses of a task by what its file says of its output; whole numbers say that open outputs are logits."""
    if len(known.summary.outputs) != 1:
        raise IncompatibleModelsError(
            "A model with several outputs cannot be calibrated.",
            found=f"{len(known.summary.outputs)} outputs",
            expected="one output",
            remedy="Zip without data (steps=0).",
        )
    meaning, labelled = known.summary.outputs[0].meaning, data.y is not None
    kind = Kind.UNKNOWN if meaning is None else meaning.kind
    whole = data.y is not None and data.y.ndim == 1 and data.y.dtype.kind in "iu"
    if kind in (Kind.CLASSES, Kind.CLASS_LOGITS) or (kind is Kind.OPEN and whole):
        return aims.classes(logits=kind not in PROBABILITIES, labelled=labelled)
    if kind in (Kind.INDEPENDENT, Kind.INDEPENDENT_LOGITS):
        return aims.independent(logits=kind in LOGITS, labelled=labelled)
    return aims.values(labelled=labelled)


def _only(split: Any) -> Dataset:
    return Dataset({"all": split}, split.origin)


def _figures(evaluation: Evaluation) -> TaskFigures:
    merged, source = evaluation.splits[-1].rows[:2]
    sign = -1.0 if evaluation.higher_is_better else 1.0
    ends = sorted(sign * (value or 0.0) for value in (merged.difference_low, merged.difference_high))
    return TaskFigures(
        evaluation.metric,
        merged.value,
        source.value,
        sign * (merged.difference or 0.0),
        ends[0],
        ends[1],
        merged.verdict or "",
        evaluation.splits[-1].count,
    )
