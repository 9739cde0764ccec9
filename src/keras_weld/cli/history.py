"""`weld history`: the epochs of a run over all interruptions, as a table, JSON, CSV or curves."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import emit_json, json_option, notes
from keras_weld.cli.rows import print_columns


@click.command("history", cls=Command)
@click.argument("run", cls=Argument, type=Path, metavar="RUN", help="The folder of the run.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the epochs as CSV.")
@click.option(
    "--plot",
    is_flag=False,
    flag_value="",
    type=str,
    metavar="[FILE]",
    help="Draw the curves, interruptions marked, into a .png, .svg or .pdf; by default history.png in the run.",
)
@json_option
def command(run: Path, as_csv: bool, plot: str | None, as_json: bool) -> None:
    """Show the epochs of a run over all interruptions; epochs are counted from 1, in JSON and CSV from 0.

    Below the table is where the run was taken up again, and what was changed there. JSON has every start too: when, at
    which step, versions, hardware, git commit, seed, batch size, learning rate and the fingerprint of the data.

    Example:
        weld history run/
        weld history run/ --plot curves.png
        weld history run/ --csv > run.csv
    """
    from keras_weld.recipes.run_record import run_record
    from keras_weld.training.run_history import csv_of

    record = run_record(run)
    if plot is not None:
        from keras_weld.recipes.run_plot import plot as draw

        drawn = draw(record, plot or run / "history.png")
        click.echo(f"Wrote {drawn}.", err=as_json or as_csv)
    if as_json:
        emit_json(record)
    elif as_csv:
        sys.stdout.write(csv_of(record.epochs))
    elif plot is None:
        names = list(dict.fromkeys(name for entry in record.epochs for name in entry if name != "epoch"))
        rows = [["epoch", *names]]
        for entry in record.epochs:
            cells = [f"{entry[name]:.6g}" if isinstance(entry.get(name), float | int) else "" for name in names]
            rows.append([str(entry["epoch"] + 1), *cells])
        print_columns(rows, right=range(len(names) + 1))
        notes(record.told)
