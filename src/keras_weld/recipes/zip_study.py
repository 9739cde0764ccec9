"""`weld zip --study init`: how much the starting values matter, over depths and steps.

After figures 3 to 5 of "On Merging MobileNets for Efficient Multitask Inference" (Wu, Chan, Chen; 2019): the tasks'
figures over the merged blocks for each start, and how the losses of the deepest networks come down.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_weld.errors import UsageError
from keras_weld.io.atomic import atomic_path
from keras_weld.recipes.drawing import figure_class, picture_at, write_picture
from keras_weld.recipes.member_names import member_names
from keras_weld.recipes.zip import zipper

if TYPE_CHECKING:
    from keras_weld.zipping.frontier import Frontier, TaskFigures

CSV, PICTURES = "study.csv", ("study.png", "study.svg")
_PANEL = (8.0, 3.0)  # inches


@dataclass(frozen=True, slots=True)
class Study:
    """What a study of starts found.

    Attributes:
        tasks: names of what is judged: of tasks, or of outputs where a task has several.
        starts: by start, the networks that began with it.
        files: what was written.
    """

    tasks: tuple[str, ...]
    starts: Mapping[str, Frontier]
    files: tuple[str, ...]

    def curve(self, start: str, task: str) -> list[tuple[int, TaskFigures]]:
        """How a task does over the merged blocks."""
        rounds = self.starts[start].rounds
        return [(one.merged_blocks, one.tasks[task]) for one in rounds if task in one.tasks]

    def convergence(self, start: str) -> tuple[tuple[int, float], ...]:
        """Pairs of step and loss of the deepest network."""
        return self.starts[start].rounds[-1].losses


def study(
    models: Sequence[Any],
    *,
    out: str | os.PathLike[str],
    data: Mapping[str, Any] | None,
    starts: Sequence[str] | None = None,
    rounds: str | Sequence[int] | None = None,
    names: Sequence[str] | None = None,
    tell: Callable[[str], None] | None = None,
    **options: Any,
) -> Study:
    """Zip once with each start, and draw what comes out.

    Each zip is in a folder of its own under `out`, and goes on where it was interrupted as any zip does. Each network
    begins from the source models, not from a shallower one.

    Args:
        models: the models, as `zipper` takes them.
        out: a folder for the zips, `study.csv`, `study.png` and `study.svg`.
        data: by task, as `zipper` takes it.
        starts: the starts that are compared; by default "mean", "from:TASK" for each task, and "random".
        rounds: which depths; by default all.
        names: of the tasks; by default after the files.
        tell: called with what a person should know.
        **options: further ones of `zipper`.

    Raises:
        UsageError: without data, for a start that is chosen by a trial, or if there is nothing to draw.
        MissingExtraError: if Matplotlib is not installed.
        WeldError: as `zipper` does.
    """
    tasks = member_names(models, names)
    compared = list(starts or ["mean", *(f"from:{task}" for task in tasks), "random"])
    if data is None or "auto" in compared:
        raise UsageError(
            "Starts are compared by how the tasks do with each of them.",
            expected="data for each task, and starts by name",
            found="no data" if data is None else "auto, which is one of the others",
            remedy="Give --data TASK:DATA for each task (data={'A': 'a.npz', 'B': 'b.npz'}).",
        )
    figure_class()
    settings = {**options, "names": names, "tell": tell, "max_drop": None, "baselines": "none", "carry": False}
    folder = Path(out)
    found = {
        start: zipper(
            models,
            out=folder / start.replace(":", "-"),
            data=data,
            start=start,
            rounds="all" if rounds in (None, "auto") else rounds,
            **settings,
        )
        for start in compared
    }
    made = Study(found[compared[0]].tasks, found, (CSV, *PICTURES))
    with atomic_path(folder / CSV) as part:
        _write_csv(made, part)
    figure = _drawn(made)
    for name in PICTURES:
        write_picture(figure, picture_at(folder / name))
    return made


def _write_csv(made: Study, path: Path) -> None:
    figures = ("value", "value_low", "value_high", "source", "drop", "low", "high")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["start", "merged_blocks", "steps", "loss", "task", "metric", *figures])
        for start, frontier in made.starts.items():
            for one in frontier.rounds:
                loss = one.losses[-1][1] if one.losses else ""
                for task, how in one.tasks.items():
                    values = [getattr(how, name) for name in figures]
                    writer.writerow([start, one.merged_blocks, one.steps, loss, task, how.metric, *values])


def _drawn(made: Study) -> Any:
    """A panel for each task, and one for the losses of the deepest networks where they were trained."""
    judged = [task for task in made.tasks if any(made.curve(start, task) for start in made.starts)]
    trained = [start for start in made.starts if made.convergence(start)]
    panels = len(judged) + bool(trained)
    if not panels:
        raise UsageError(
            "There is nothing to draw: no task has targets, and nothing was trained.",
            remedy="Give targets with the data, or more steps: --steps 400 (steps=400).",
        )
    figure = figure_class()((_PANEL[0], 0.6 + _PANEL[1] * panels), layout="constrained")
    axes = figure.subplots(panels, squeeze=False)[:, 0]
    for axis, task in zip(axes, judged, strict=False):
        _draw_task(axis, made, task)
    if trained:
        axis = axes[-1]
        for start in trained:
            steps, losses = zip(*made.convergence(start), strict=True)
            axis.plot(steps, losses, marker=".", label=start)
        blocks = next(iter(made.starts.values())).rounds[-1].merged_blocks
        axis.set(xlabel=f"steps, {blocks} blocks merged", ylabel="loss")
        _finish(axis)
    return figure


def _draw_task(axis: Any, made: Study, task: str) -> None:
    count = len(made.starts)
    for number, start in enumerate(made.starts):
        curve = made.curve(start, task)
        aside = 0.06 * (number - (count - 1) / 2)  # intervals beside one another, not on top
        values = [how.value for _, how in curve]
        ends = [[how.value - how.value_low for _, how in curve], [how.value_high - how.value for _, how in curve]]
        axis.errorbar([blocks + aside for blocks, _ in curve], values, ends, marker=".", capsize=2, label=start)
    how = made.curve(next(iter(made.starts)), task)[0][1]
    axis.axhline(how.source, color="0.5", linestyle="--", linewidth=1, label="source model")
    axis.set(xlabel="merged blocks", ylabel=f"{task}: {how.metric}")
    axis.xaxis.get_major_locator().set_params(integer=True)
    _finish(axis)


def _finish(axis: Any) -> None:
    axis.grid(alpha=0.3)
    axis.legend(fontsize="small")
