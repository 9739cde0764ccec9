"""`weld save`: a model, or that of a run, in the format that is wanted."""

from __future__ import annotations

from typing import Any

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.converting import OUT, convert_and_tell, converting_options


@click.command("save", cls=Command)
@click.argument(
    "source", cls=Argument, metavar="MODEL|RUN", help="A saved model in any format, or the folder of a run."
)
@click.option("-o", "--output", "out", required=True, metavar="OUT", help=OUT)
@converting_options
def command(source: str, out: str, **options: Any) -> None:
    """Save a model in another format, or take one out of a run.

    The name of the output tells the format. What is written is what `weld.save` writes in Python: under another name
    first, opened again and compared; a whole model also has to answer as the one that it was made from. What the
    format has no place for is told. Of a run, `best` is the epoch with the lowest loss, that of validation where
    there is one, unless the run's recipe says otherwise; of one in stages (`weld tune --run`), what these decide by.
    `weld convert MODEL OUT` is the same.

    Example:
        weld save run/ -o best.keras --which best
        weld save run/ -o at-7.h5 --which "epoch 7"
        weld save model.keras -o model.weights.json --shard-size 0.5
    """
    convert_and_tell(source, out, **options)
