"""What merged networks are compared with: the separate models, and one backbone under every head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from keras_weld.recipes.zip_asked import NONE, TRAINED
from keras_weld.recipes.zip_calibrating import Calibrating
from keras_weld.recipes.zip_data import TaskData
from keras_weld.recipes.zip_judging import judged
from keras_weld.recipes.zip_measuring import Meter
from keras_weld.recipes.zip_tasks import figures_of
from keras_weld.zipping.frontier import Baseline, Peak, Round, Speedup, TaskFigures
from keras_weld.zipping.lockstep import Trunk
from keras_weld.zipping.start import FROM
from keras_weld.zipping.walk import Zipped


class Baselines:
    """Makes what the rounds of a zip are compared with.

    Args:
        calibrating: builds and trains.
        meter: measures.
        data: by task, what it is judged on.
        students: gives new copies of the source models.
    """

    def __init__(
        self, calibrating: Calibrating, meter: Meter, data: Mapping[str, TaskData], students: Callable[[], Trunk]
    ) -> None:
        self.calibrating, self.meter, self.data, self.students = calibrating, meter, data, students
        self.plan, self.asked = calibrating.plan, calibrating.asked

    @property
    def missing(self) -> str | None:
        """Why there is no branch to compare with; None if there is one."""
        if self.asked.baselines == NONE or not (self.plan.separate or self.plan.trunk.parting):
            return None
        why = "take inputs of their own" if self.plan.separate else "part before their heads"
        return f"The models {why}: weld branch is not compared with."

    @property
    def steps(self) -> int:
        """Steps that a branch is trained for."""
        return self.asked.steps if self.data and self.asked.baselines == TRAINED and not self.missing else 0

    def made(self, rounds: Sequence[Round], kept: Mapping[str, Baseline]) -> Iterator[Baseline]:
        """The separate models; the branch on each backbone; and one of these trained, as the rounds were.

        Args:
            rounds: those that were made. The backbone that the last one began with is trained, else the first task's.
            kept: by name, those that were made before.
        """
        if self.asked.baselines == NONE:
            return
        yield separate_models(rounds[-1])
        if self.missing:
            return
        started = [one.start.removeprefix(FROM) for one in rounds if one.start.startswith(FROM)]
        for task in self.plan.tasks:
            name = f"branch on {task}"
            yield kept.get(f"{name}, not trained") or self._untrained(task, f"{name}, not trained")
            if self.steps and task == (started[-1] if started else self.plan.tasks[0]):
                yield kept.get(f"{name}, trained") or self._trained(task, f"{name}, trained")

    def _untrained(self, task: str, name: str) -> Baseline:
        students = self.students()
        network = self.calibrating.branched(students, task)
        return Baseline(name=name, tasks=self._figures(network), **self.meter.costs(network, students))

    def _trained(self, task: str, name: str) -> Baseline:
        students = self.students()
        network, losses = self.calibrating.trained_branch(students, task)
        costs = self.meter.costs(network, students)
        return Baseline(name=name, tasks=self._figures(network), steps=self.steps, losses=losses, **costs)

    def _figures(self, network: Zipped) -> dict[str, TaskFigures]:
        return {task: figures_of(found) for task, found in judged(network, self.plan, self.data).items()}


def separate_models(one: Round) -> Baseline:
    """The source models as they are, by what a round tells of them."""
    return Baseline(
        name="separate models",
        compression=1.0,
        memory=1.0,
        activations=1.0,
        speedup=_even(one.speedup),
        onnx=_even(one.onnx),
        peak=one.peak and Peak(one.peak.separate, one.peak.separate, 1.0),
        tasks={task: _as_source(found) for task, found in one.tasks.items()},
    )


def _even(found: Sequence[Speedup]) -> tuple[Speedup, ...]:
    return tuple(Speedup(one.batch, 1.0, 1.0, 1.0) for one in found)


def _as_source(found: TaskFigures) -> TaskFigures:
    return replace(
        found,
        value=found.source,
        value_low=found.source_low,
        value_high=found.source_high,
        drop=0.0,
        low=0.0,
        high=0.0,
        verdict="",
    )
