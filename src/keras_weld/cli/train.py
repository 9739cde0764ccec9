"""`weld train`: train what a recipe says, so that it can be interrupted anywhere."""

from __future__ import annotations

from pathlib import Path

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import json_option, progress
from keras_weld.cli.run import going_on, resumed_by, show_trained


@click.command("train", cls=Command)
@click.argument("recipe", cls=Argument, type=Path, metavar="RECIPE.yaml", help="What to train, on what, and how.")
@click.option("--run", required=True, type=Path, help="The folder of the run; started again, it is gone on with.")
@json_option
def command(recipe: Path, run: Path, as_json: bool) -> None:
    """Train what a recipe says; interrupted anywhere and started again, it ends with the same bits.

    The recipe is YAML or JSON with the names of weld.fit. Needed are model (a .keras file, or MODULE:FUNCTION that
    builds one), data and epochs; there can be validation_data, batch_size, optimizer, loss, metrics, callbacks,
    every, seed, steps, deterministic, changes, keep, best, pixels and custom. Its paths and modules are looked for in
    its own folder. The run keeps a copy, for `weld resume`.

    Example:
        weld train recipe.yaml --run run/     with this in recipe.yaml:

        model: {name: "my_models:small", width: 32}
        data: digits.npz
        epochs: 20
        optimizer: {name: adam, learning_rate: 1e-3}
        loss: sparse_categorical_crossentropy
        metrics: [accuracy]
        callbacks: [{name: EarlyStopping, patience: 3}]
        every: 500 steps
    """
    from keras_weld.cli.backend import start_backend
    from keras_weld.recipes.train_recipe import read_recipe

    read_recipe(recipe)  # refused before a backend takes its time to start
    with progress("Starting Keras", quiet=as_json) as report, going_on(resumed_by(run)):
        start_backend()
        from keras_weld.recipes.train import train

        told: list[str] = []
        train(recipe, run=run, verbose=0, tell=told.append, progress=report)
    show_trained(run, told, as_json)
