"""`weld runs`: the runs below a folder, and how far they are."""

from __future__ import annotations

from pathlib import Path

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import emit_json, json_option
from keras_weld.cli.rows import print_columns


@click.command("runs", cls=Command)
@click.argument(
    "folders",
    cls=Argument,
    nargs=-1,
    type=Path,
    metavar="FOLDER",
    help="Where to look, below it too; the current folder by default.",
)
@json_option
def command(folders: tuple[Path, ...], as_json: bool) -> None:
    """List runs: epochs, loss, best metric, learning rate, whether they are finished; no weight is read.

    A run is running if a live process of this machine holds it.

    Example:
        weld runs
        weld runs experiments/ --json
    """
    from keras_weld.recipes.runs import runs

    found = runs(folders or (Path(),))
    if as_json:
        emit_json(found)
        return
    if not found:
        click.echo("There are no runs here.")
        return
    rows = [("run", "state", "epochs", "training loss", "best", "rate", "written")]
    for row in found:
        best = "" if row.best is None else f"{row.best.metric} {row.best.value:.4g} ({row.best.examples})"
        epochs = f"{row.epochs_done} of {'?' if row.epochs is None else row.epochs}"
        figures = ["" if one is None else f"{one:.4g}" for one in (row.loss, row.learning_rate)]
        written = (row.written or "").replace("T", " ").removesuffix("+00:00")
        rows.append((row.path, row.error or row.state.value, epochs, figures[0], best, figures[1], written))
    print_columns(rows, right=(2, 3, 5))
