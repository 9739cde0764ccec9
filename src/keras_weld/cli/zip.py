"""`weld zip`: several trained networks into one multi-task network, layer by layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.exceptions import Exit

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.composing import loading_options, parse_names
from keras_weld.cli.frame import emit_json, progress
from keras_weld.cli.ranges import IntegerRange, NumberRange
from keras_weld.cli.run import going_on
from keras_weld.cli.zip_options import preset_options
from keras_weld.cli.zip_table import show, show_study
from keras_weld.errors import UsageError


@click.command("zip", cls=Command)
@click.argument(
    "models",
    cls=Argument,
    nargs=-1,
    required=True,
    metavar="A B…",
    help="Saved models of one architecture up to their heads, one for each task.",
)
@click.option("-o", "--out", required=True, type=Path, help="The folder to write into.")
@click.option(
    "--data",
    multiple=True,
    metavar="A:DATA",
    help="What task A learns from and is judged on: A:FILE.npz, A:FOLDER or A:MODULE:FUNCTION. One for each task, or "
    "none: then nothing is calibrated, and everything but accuracy is measured.",
)
@preset_options
@click.option(
    "--start-examples", type=IntegerRange(min=1), default=512, help="Examples of each task that lsq looks at."
)
@click.option(
    "--max-drop", type=NumberRange(min=0.0), default=1.0, help="How many points a task may lose in the chosen network."
)
@click.option(
    "--min-speedup", type=NumberRange(min=0.0), help="How many times as fast as the sources the chosen one has to be."
)
@click.option("--blocks", metavar="REGEX", help="Layers' names with the same match are one block.")
@click.option("--names", metavar="N,N,…", help="What the tasks are called, instead of their files.")
@click.option("--pixels", default="0..255", help="For images as data, the range of the models: 0..255, 0..1 or -1..1.")
@click.option("--seed", type=IntegerRange(min=0), default=0, help="What everything random is drawn by.")
@click.option(
    "--every",
    default="5 minutes",
    metavar='"500 steps"|"10 minutes"',
    help="When to take a checkpoint inside a round, besides twenty of them.",
)
@click.option(
    "--deterministic/--no-deterministic",
    default=True,
    help="Whether operations of TensorFlow are made to give the same bits each time, which some do more slowly.",
)
@click.option("--fresh", is_flag=True, help="Begin anew in a folder that another zip, or this one, has begun in.")
@click.option(
    "--baselines",
    type=click.Choice(["trained", "untrained", "none"]),
    default="trained",
    help="What the merged networks are compared with: the separate models and one backbone under every head, as weld "
    "branch makes it; trained as long as a round, too, or not.",
)
@click.option(
    "--study",
    type=click.Choice(["init"]),
    help="Compare starts instead: zip once with each, at all depths, and draw how the tasks do over the merged blocks "
    "and how the losses come down.",
)
@click.option(
    "--starts",
    metavar="START,START,…",
    help="The starts that --study init compares; by default mean, from:A for each model, and random.",
)
@loading_options
def command(
    models: tuple[str, ...],
    out: Path,
    data: tuple[str, ...],
    rounds: str | None,
    names: str | None,
    study: str | None,
    starts: str | None,
    loading: dict[str, Any],
    as_json: bool,
    **settings: Any,
) -> None:
    """Zip trained networks of one architecture into one multi-task network, layer by layer from the input.

    The networks are walked in lock-step; the layers of the first blocks are shared, and what comes out is calibrated
    so that every task keeps its answers. Writes merged-NN.keras for each depth, chosen.keras (the deepest within
    --max-drop and --min-speedup), the table as frontier.json and frontier.csv, and report.html, the page that shows
    it all. The exit code is 1 if none is within the limits. Interrupted at any moment, the same command goes on where
    it was, inside a round too.

    Example:
        weld zip clothing.keras objects.keras --data clothing:clothing.npz --data objects:objects.npz -o out/
        weld zip a.keras b.keras --data a:a.npz --data b:b.npz -o out/ --share pointwise --rounds all
        weld zip a.keras b.keras --data a:a.npz --data b:b.npz -o out/ --init lsq --steps 0
        weld zip a.keras b.keras --data a:a.npz --data b:b.npz -o out/ --preset paper --rounds 4,10,13
        weld zip a.keras b.keras --data a:a.npz --data b:b.npz -o study/ --study init --starts mean,random
        weld zip a.keras b.keras -o out/ --steps 0
    """
    from keras_weld.cli.backend import start_backend
    from keras_weld.training.every import parse_every

    told, depths = _tasks_data(data), _depths(rounds)
    parse_every(settings["every"])
    _require_study(study, starts, settings["start"])
    with progress("Zipping", quiet=as_json) as report, going_on("The zip goes on where it was with the same command."):
        start_backend()
        given = {
            "out": out,
            "data": told,
            "rounds": depths,
            "names": parse_names(names),
            "progress": report,
            **loading,
            **settings,
        }
        if study is not None:
            from keras_weld.recipes.zip_study import study as study_of

            del given["start"]
            studied = study_of(models, starts=starts and [one.strip() for one in starts.split(",")], **given)
        else:
            from keras_weld.recipes.zip import zipper

            found = zipper(models, **given)
    if study is not None:
        if as_json:
            emit_json(studied)
        else:
            show_study(studied, out)
        return
    if as_json:
        emit_json(found)
    else:
        show(found, out)
    if found.chosen is None:
        raise Exit(1)


def _require_study(study: str | None, starts: str | None, start: str | None) -> None:
    if study is None and starts is not None:
        raise UsageError(
            "--starts is for a study.", found=starts, remedy="Add --study init, or give one start: --init."
        )
    if study is not None and start is not None:
        raise UsageError(
            "A study compares several starts.",
            expected="--starts A,B",
            found=f"--init {start}",
            remedy="Take --starts.",
        )


def _tasks_data(given: tuple[str, ...]) -> dict[str, str] | None:
    found: dict[str, str] = {}
    for text in given:
        task, colon, what = text.partition(":")
        if not colon or not task or not what or task in found:
            raise UsageError(
                "--data names a task and, after a colon, its data; each task once.",
                expected="such as clothing:clothing.npz",
                found=text,
            )
        found[task] = what
    return found or None


def _depths(text: str | None) -> str | list[int] | None:
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",")]
    return [int(part) for part in parts] if all(part.isdecimal() for part in parts) else text
