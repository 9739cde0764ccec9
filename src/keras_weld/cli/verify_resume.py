"""`weld verify-resume`: prove that a training, killed again and again, ends with the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import emit_json, json_option, progress
from keras_weld.cli.ranges import IntegerRange
from keras_weld.cli.rows import print_rows

if TYPE_CHECKING:
    from keras_weld.recipes.verify_resume import RunVerdict


@click.command("verify-resume", cls=Command)
@click.argument(
    "target",
    cls=Argument,
    type=Path,
    metavar="SCRIPT.py|RECIPE.yaml",
    help="A script that calls weld.fit, or model.fit with weld.Resume; or a recipe.",
)
@click.argument(
    "arguments",
    cls=Argument,
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="ARGS",
    help="What the script is given, after --.",
)
@click.option("--kills", type=IntegerRange(min=1), default=5, help="How often the training is killed.")
@click.option("--seed", type=IntegerRange(min=0), default=0, help="What the moments of the kills are drawn by.")
@json_option
def command(target: Path, arguments: tuple[str, ...], kills: int, seed: int, as_json: bool) -> None:
    """Train it whole, train it again with SIGKILLs at random moments, and compare bit by bit.

    Both trainings run in folders of their own: the runs of the script are left alone. If a bit differs, the exit
    code is 1, and the earliest piece of state that does is named.

    Example:
        weld verify-resume train.py
        weld verify-resume recipe.yaml --kills 20 --seed 1
        weld verify-resume train.py --kills 3 -- --width 32
    """
    from keras_weld.recipes.verify_resume import verify_resume

    with progress("Training it whole", quiet=as_json) as report:
        found = verify_resume(
            target,
            arguments,
            kills=kills,
            seed=seed,
            progress=lambda done, total, what: report(done, total or None, what),
        )
    if as_json:
        emit_json(found)
    else:
        for run in found.runs:
            _show(run)
    if not found.exact:
        raise Exit(1)


def _show(run: RunVerdict) -> None:
    where = ", ".join(f"{kind} {step}" for kind, step in run.kills)
    seen = f"{run.steps} steps, {run.checkpoints} checkpoints compared, {len(run.kills)} kills ({where})"
    difference = run.difference
    if difference is None:
        click.echo(f"{run.run}: the same bits. {seen}.")
        return
    click.echo(f"{run.run}: other bits. {seen}.")
    rows = [
        ("first", f"{difference.piece} {difference.name}".strip()),
        ("at step", f"{difference.step}" + (f", epoch {difference.epoch}" if difference.epoch else ", at the end")),
        ("uninterrupted", difference.whole),
        ("interrupted", difference.interrupted),
        *(("also", text) for text in difference.others),
        *(("not kept", f"{name}, which a callback remembers") for name in difference.unkept),
    ]
    print_rows([(label, text) for label, text in rows if text])
    if difference.before_kills:
        click.echo("  It differs before anything was taken up again: it gives other numbers each time it is run.")
