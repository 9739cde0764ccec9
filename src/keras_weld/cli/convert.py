"""`weld convert`: a saved model in another format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, notes, unsafe_option

if TYPE_CHECKING:
    from keras_weld.recipes.convert import Converted


@click.command("convert", cls=Command)
@click.argument("source", cls=Argument, metavar="IN", help="A saved model in any format.")
@click.argument(
    "out",
    cls=Argument,
    metavar="OUT",
    help="What to write: a name ending in .keras, .h5, .weights.h5, .weights.json, .json, .yaml or .savedmodel.",
)
@click.option("--architecture", type=Path, metavar="FILE", help="The architecture, for weights that come without one.")
@custom_option
@unsafe_option
@json_option
@limit_option
def command(
    source: str,
    out: str,
    architecture: Path | None,
    custom: tuple[str, ...],
    unsafe: bool,
    as_json: bool,
    limit: tuple[str, ...],
) -> None:
    """Write a saved model in another format, old models of Keras 2 among them.

    The name of the output tells the format. The optimizer's state goes along where both formats have it; what is
    left out is told. A model of Keras 2 is said anew in the words of Keras 3. If tf_keras is installed, the original
    and what became of it then answer the same made-up inputs, the original in a sandbox; if they differ, nothing is
    written. Without tf_keras, it is told that they were not compared.

    Example:
        weld convert old.h5 new.keras
        weld convert weights.h5 model.keras --architecture model.json
        weld convert model.keras model.savedmodel
    """
    from keras_weld.cli.backend import start_backend

    start_backend()
    from keras_weld.core.importing import current_folder_importable
    from keras_weld.io.limits import Limits
    from keras_weld.recipes.convert import convert

    with current_folder_importable():
        done = convert(
            source,
            out,
            architecture=architecture,
            custom_objects=list(custom) or None,
            unsafe=unsafe,
            limits=Limits.parse(limit),
        )
    if as_json:
        emit_json(done)
        return
    _show(done)


def _show(done: Converted) -> None:
    by = f", written by Keras {done.keras_version}" if done.keras_version else ""
    click.echo(f"Wrote {done.path} ({done.kind}) from {done.source} ({done.source_kind}{by}).")
    if done.difference is not None:
        click.echo(
            f"The original, computed with tf_keras, answers the same: outputs differ by {done.difference:.2g} at most. "
            f"It ran with {', '.join(done.guards)}."
        )
    notes(done.notes)
