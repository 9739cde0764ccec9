"""`weld convert`: a saved model in another format."""

from __future__ import annotations

from typing import Any

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.converting import OUT, convert_and_tell, converting_options


@click.command("convert", cls=Command)
@click.argument("source", cls=Argument, metavar="IN", help="A saved model in any format, or the folder of a run.")
@click.argument("out", cls=Argument, metavar="OUT", help=OUT)
@converting_options
def command(source: str, out: str, **options: Any) -> None:
    """Write a saved model in another format, old models of Keras 2 among them.

    The name of the output tells the format. The optimizer's state goes along where both formats have it; what is
    left out is told. A whole model is loaded again before it gets its name, and has to answer as the one that was
    written. A model of Keras 2 is said anew in the words of Keras 3. If tf_keras is installed, the original
    and what became of it then answer the same made-up inputs, the original in a sandbox; if they differ, nothing is
    written. Without tf_keras, it is told that they were not compared. `weld save IN -o OUT` is the same.

    Example:
        weld convert old.h5 new.keras
        weld convert weights.h5 model.keras --architecture model.json
        weld convert model.keras model.savedmodel
    """
    convert_and_tell(source, out, **options)
