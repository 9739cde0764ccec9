"""`weld resume`: go on with a run that `weld train` began."""

from __future__ import annotations

from pathlib import Path

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import json_option, progress
from keras_weld.cli.run import going_on, resumed_by, show_trained


@click.command("resume", cls=Command)
@click.argument("run", cls=Argument, type=Path, metavar="RUN", help="The folder of the run.")
@click.option("--epochs", metavar="N|+N", help="Epochs in all; +20 for 20 more than the run was to have.")
@click.option("--data", metavar="FILE.npz|FOLDER|MODULE:FUNCTION", help="Other data to go on with; the run notes it.")
@json_option
def command(run: Path, epochs: str | None, data: str | None, as_json: bool) -> None:
    """Go on with a run where it was interrupted, by the recipe that it keeps.

    A run that was begun by a script goes on when the script is started again; which one, this command says.

    Example:
        weld resume run/
        weld resume run/ --epochs +20
        weld resume run/ --epochs +10 --data new.npz
    """
    from keras_weld.cli.backend import start_backend
    from keras_weld.recipes.kept_recipe import epochs_of, kept_recipe

    epochs_of(epochs, kept_recipe(run)[0].recipe.epochs)  # refused before a backend takes its time to start
    with progress("Starting Keras", quiet=as_json) as report, going_on(resumed_by(run)):
        start_backend()
        from keras_weld.recipes.train import resume

        told: list[str] = []
        resume(run, epochs=epochs, data=data, verbose=0, tell=told.append, progress=report)
    show_trained(run, told, as_json)
