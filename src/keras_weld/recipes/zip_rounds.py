"""The rounds of a zip: each depth built, calibrated, measured, proved and written before the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from keras_weld.checks.candidate import Candidate
from keras_weld.compose.member import Composed
from keras_weld.data.split import Dataset
from keras_weld.judging.run import input_shapes
from keras_weld.models.copying import copy_of
from keras_weld.models.load import load
from keras_weld.recipes.composing import deliver, note_lineage
from keras_weld.recipes.judgement import Evaluation
from keras_weld.recipes.loading import Loading
from keras_weld.recipes.sources import Sources
from keras_weld.recipes.zip_asked import AUTO, Asked, Progress
from keras_weld.recipes.zip_baselines import Baselines
from keras_weld.recipes.zip_calibrating import Calibrating
from keras_weld.recipes.zip_data import Output, to_learn_from
from keras_weld.recipes.zip_folder import ZipFolder
from keras_weld.recipes.zip_identity import identity_of
from keras_weld.recipes.zip_judging import judged
from keras_weld.recipes.zip_measuring import Meter
from keras_weld.recipes.zip_plan import plan_of
from keras_weld.recipes.zip_progress import Told
from keras_weld.recipes.zip_start import require_start_data
from keras_weld.recipes.zip_tasks import aims_of, classes_of, figures_of
from keras_weld.training.conducted import make_deterministic
from keras_weld.zipping.frontier import Baseline, Frontier, Round, deepest_within
from keras_weld.zipping.lockstep import Trunk, trunk_of
from keras_weld.zipping.trace import trace
from keras_weld.zipping.walk import Zipped

_STREAM = (
    "The examples of {task} come as a stream, in the order of their source: to go on, it is read again, and what was "
    "seen is passed over. It has to give the same each time."
)


class Zipping:
    """One zip from its sources to its frontier.

    Args:
        sources: the models, loaded.
        data: by task; empty for none.
        asked: how to zip.
        loading: what the files need to be loaded again.

    Raises:
        IncompatibleModelsError: if there is nothing to share.
        UsageError: for depths that there are not, or features of inputs that differ.
        DataError: if a task's data does not fit its model.
    """

    def __init__(self, sources: Sources, data: Mapping[str, Dataset], asked: Asked, loading: Loading) -> None:
        self.sources, self.asked, self.loading = sources, asked, loading
        self.plan = plan_of(sources, asked)
        known = dict(zip(self.plan.tasks, sources.candidates, strict=True))
        self.data = {
            task: to_learn_from(data[task], input_shapes(model), self._outputs(number, known[task]))
            for number, (task, model) in enumerate(zip(self.plan.tasks, self.plan.models, strict=True))
            if task in data
        }
        require_start_data(asked, self.data)
        self.aims = {
            output: aim
            for task, one in self.data.items()
            for output, aim in aims_of(known[task], self.plan.outputs[task], one).items()
        }

    def _outputs(self, number: int, known: Candidate) -> list[Output]:
        """The outputs of a task's model."""
        called, names = self.plan.outputs[self.plan.tasks[number]], self.plan.trunk.traces[number].graph.output_names
        return [Output(*one) for one in zip(called, names, classes_of(known), strict=True)]

    def run(self, folder: Path, progress: Progress | None, tell: Callable[[str], None], *, fresh: bool) -> Frontier:
        """Make every round, or those that are not finished; what is done is on the disk before the next begins.

        Args:
            folder: where everything is written.
            progress: called after each step.
            tell: called with what a person should know.
            fresh: whether to begin anew, whatever is in the folder.
        """
        if self.asked.deterministic and self.data and self.asked.steps:
            make_deterministic()
        for task, one in self.data.items():
            if not one.split.positioned:
                tell(_STREAM.format(task=task))
        told = Told(progress, tell)
        with ZipFolder(folder, identity_of(self.sources, self.data, self.asked), tell, fresh=fresh) as kept:
            calibrating = Calibrating(self.plan, self.data, self.aims, self.asked, kept, told)
            return _Rounds(self, calibrating, kept, told).run()


class _Rounds:
    """The rounds in their order."""

    def __init__(self, zipping: Zipping, calibrating: Calibrating, folder: ZipFolder, told: Told) -> None:
        self.plan, self.asked, self.data = zipping.plan, zipping.asked, zipping.data
        self.sources, self.loading = zipping.sources, zipping.loading
        self.calibrating, self.folder, self.told = calibrating, folder, told
        self.meter = Meter(self.plan.models)
        self.baselines = Baselines(calibrating, self.meter, self.data, lambda: self._students(None))
        self.alone = self.asked.rounds == AUTO or not self.asked.carry
        """Whether each round begins from the sources, or from what the one before has learnt."""
        self.searching = self.asked.rounds == AUTO
        """Whether the first round within the limits is the last."""

    def run(self) -> Frontier:
        """Make those that are not finished."""
        planned = [self.calibrating.planned(depth) for depth in self.plan.depths]
        self.told.plan(0 if self.searching else sum(planned))
        students: Trunk | None = None
        last: int | None = None
        for depth, steps in zip(self.plan.depths, planned, strict=True):
            self.told.plan(steps if self.searching else 0)
            one = self.folder.finished.get(depth)
            if one is None:
                students = self._students(last) if students is None or self.alone else students
                one = self._round(depth, students)
                self.folder.write(self._frontier(one))
            else:
                self.told.pass_over(steps)
                last = depth
            if self.searching and one.within(self.asked.max_drop, None):
                break
        self.told.plan(self.baselines.steps)
        made: list[Baseline] = []
        for base in self.baselines.made(self._rounds(), self.folder.baselines):
            made.append(base)
            if base.name not in self.folder.baselines:
                self.folder.write(self._frontier(baselines=made))
        frontier = self._frontier(baselines=made)
        self.folder.write(frontier)
        return frontier

    def _students(self, last: int | None) -> Trunk:
        """Copies of the sources, which take on what the rounds learn, with what the last finished one has learnt."""
        custom = self.loading.custom_objects
        students = trunk_of([trace(copy_of(model, custom)) for model in self.plan.models])
        if last is not None and not self.alone:
            network = self.calibrating.built(last, students, None)
            file = self.folder.folder / self.folder.finished[last].file
            network.take(load(file, custom_objects=custom, compile=False, unsafe=self.loading.unsafe))
            network.give_back()
        return students

    def _round(self, depth: int, students: Trunk) -> Round:
        start = self.calibrating.start(depth, students)
        network, losses = self.calibrating.trained(depth, students, start)
        self.folder.begin()
        evaluations = judged(network, self.plan, self.data)
        one = Round(
            merged_blocks=depth,
            file=f"merged-{depth:02d}.keras",
            start=start,
            steps=self.calibrating.steps(depth),
            tasks={task: figures_of(evaluation) for task, evaluation in evaluations.items()},
            losses=losses,
            **self.meter.costs(network, students),
        )
        self._deliver(network, one, evaluations)
        network.give_back()
        return one

    def _deliver(self, network: Zipped, one: Round, evaluations: Mapping[str, Evaluation]) -> None:
        from keras_weld.recipes.judged import as_lineage

        asked = self.asked
        parameters = {
            "share": _called(asked.share, "a rule"),
            "merge": asked.merge,
            "start": one.start,
            "merged_blocks": one.merged_blocks,
            "steps": one.steps,
            "batch_size": asked.batch_size,
            "rate": asked.rate,
            "mixing": asked.mixing,
            "schedule": _called(asked.schedule, "a schedule"),
            "optimizer": _called(asked.optimizer, type(asked.optimizer).__name__),
            "seed": asked.seed,
        }
        composed = Composed(network.model, [*self.plan.notes, *self.folder.notes], parameters)
        note_lineage(composed, "zip", self.sources.lineage, evaluations=as_lineage(list(evaluations.values())))
        target = self.folder.folder / one.file
        deliver(network.model, target, self.loading.custom_objects, unsafe=self.loading.unsafe)

    def _rounds(self, *new: Round) -> tuple[Round, ...]:
        """All rounds that are finished, and new ones."""
        found = {**self.folder.finished, **{one.merged_blocks: one for one in new}}
        return tuple(found[depth] for depth in sorted(found))

    def _frontier(self, *new: Round, baselines: Sequence[Baseline] | None = None) -> Frontier:
        """What the rounds, new ones among them, have come to, beside those baselines, or those of before."""
        rounds, asked = self._rounds(*new), self.asked
        missing = [self.baselines.missing] if self.baselines.missing else []
        return Frontier(
            tasks=tuple(output for task in self.plan.tasks for output in self.plan.outputs[task]),
            blocks=len(self.plan.blocks),
            share=_called(asked.share, "rule"),
            merge=asked.merge,
            rounds=rounds,
            chosen=deepest_within(rounds, asked.max_drop, asked.min_speedup),
            max_drop=asked.max_drop,
            min_speedup=asked.min_speedup,
            notes=(*self.plan.notes, *self.folder.notes, *self.meter.notes, *missing),
            baselines=tuple(self.folder.baselines.values() if baselines is None else baselines),
        )


def _called(share: object, otherwise: str) -> str:
    return share if isinstance(share, str) else getattr(share, "__name__", otherwise)
