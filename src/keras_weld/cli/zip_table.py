"""The table of a zip: the merged networks beside what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_weld.cli.frame import console, notes, show_table

if TYPE_CHECKING:
    from keras_weld.recipes.zip_study import Study
    from keras_weld.zipping.frontier import Figures, Frontier, Speedup, TaskFigures


def show(found: Frontier, out: Path) -> None:
    """Print what a zip gave.

    Args:
        found: the merged networks and their baselines.
        out: the folder that they are in.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=f"{found.blocks} blocks, {found.merge}, share {found.share}", title_justify="left", box=SIMPLE_HEAD
    )
    everyone = [*found.baselines, *found.rounds]
    peaks, in_onnx = any(one.peak for one in everyone), any(one.onnx for one in everyone)
    table.add_column("blocks")
    optional = {"measured": peaks, "in ONNX Runtime": in_onnx}
    for name in ("compression", "memory", "measured", "speedup", "in ONNX Runtime"):
        if optional.get(name, True):
            table.add_column(name, justify="right")
    for task in found.tasks:
        table.add_column(task, justify="right")
    for base in found.baselines:
        table.add_row(base.name, *_cells(base, peaks, in_onnx), *_tasks(base, found.tasks))
    if found.baselines:
        table.add_section()
    for one in found.rounds:
        mark = "*" if one.merged_blocks == found.chosen else ""
        table.add_row(f"{mark}{one.merged_blocks}", *_cells(one, peaks, in_onnx), *_tasks(one, found.tasks))
    show_table(table)
    notes(found.notes)
    if found.chosen is None:
        console().print(f"No network is within the limits; all are in {out}.", style="bold")
    else:
        console().print(f"Chosen: {found.chosen} blocks merged, {out / 'chosen.keras'}.", style="bold")


def show_study(found: Study, out: Path) -> None:
    """Print what a study of starts found.

    Args:
        found: the networks by their starts.
        out: the folder that they are in.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    for task in found.tasks:
        curves = {start: dict(found.curve(start, task)) for start in found.starts}
        depths = sorted({depth for curve in curves.values() for depth in curve})
        if not depths:
            continue
        table = Table(title=f"{task}, by merged blocks", title_justify="left", box=SIMPLE_HEAD)
        table.add_column("start")
        for depth in depths:
            table.add_column(str(depth), justify="right")
        for start, curve in curves.items():
            table.add_row(start, *(f"{curve[depth].value:.2f}" if depth in curve else "" for depth in depths))
        show_table(table)
    console().print("Wrote " + ", ".join(str(out / file) for file in found.files) + ".", style="bold")


def _cells(one: Figures, peaks: bool, in_onnx: bool) -> list[str]:
    cells = [f"{one.compression:.3f}", f"{one.memory:.2f}"]
    if peaks:
        cells.append("" if one.peak is None else f"{one.peak.ratio:.2f}")
    cells.append(_speeds(one.speedup))
    return [*cells, _speeds(one.onnx)] if in_onnx else cells


def _speeds(found: Sequence[Speedup]) -> str:
    return " / ".join(f"{each.value:.2f}" for each in found)


def _tasks(one: Figures, tasks: Sequence[str]) -> list[str]:
    return [_task(one.tasks[task]) if task in one.tasks else "" for task in tasks]


def _task(found: TaskFigures) -> str:
    if not found.verdict:
        return f"{found.value:.2f}"
    return f"{found.value:.2f} (drop {found.drop:+.2f}, {found.low:+.2f} to {found.high:+.2f}: {found.verdict})"
