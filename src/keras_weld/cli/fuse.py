"""`weld fuse`: the features of several models under a new head."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_weld.cli.command import Command
from keras_weld.cli.composing import (
    Report,
    at_option,
    compose,
    input_options,
    loading_options,
    models_to,
    pairs,
)
from keras_weld.cli.ranges import IntegerRange
from keras_weld.cli.training import training_options
from keras_weld.errors import UsageError

if TYPE_CHECKING:
    import keras


@click.command("fuse", cls=Command)
@models_to("Saved models of any architecture.")
@click.option(
    "--classes",
    type=IntegerRange(min=1),
    help="How many numbers come out; by default as many as every model tells apart, else as the data asks for.",
)
@click.option("--head", metavar="N[,N…]", help="Width of a hidden layer in the head, or of several.")
@click.option(
    "--activation",
    type=click.Choice(["softmax", "sigmoid", "linear"]),
    default="softmax",
    help="Of what comes out: softmax for one class of several, sigmoid for yes or no to each, linear for values.",
)
@at_option
@click.option(
    "--output",
    multiple=True,
    metavar="A:NAME",
    help="Of model A with several outputs, the one whose features are taken. May be repeated.",
)
@click.option("--project", type=IntegerRange(min=1), help="Bring the features of every model to this width first.")
@input_options
@training_options(required=False)
@loading_options
def command(
    models: tuple[str, ...],
    out: Path,
    classes: int | None,
    head: str | None,
    activation: str,
    at: tuple[str, ...],
    output: tuple[str, ...],
    project: int | None,
    joining: dict[str, Any],
    training: dict[str, Any],
    loading: dict[str, Any],
    as_json: bool,
) -> None:
    """Join the features of several models under a new head.

    The models may have any architecture. The features of each are what goes into its last layer before the
    outputs, found from its graph; models that take images of other sizes or channels get an adapter in front,
    which is told. With --data the new head is trained at once, and then the last layers, as weld tune does, and
    the result is judged against its best source; the exit code stays 0 even if it is worse, the words say so. The
    file is loaded in a fresh process with plain Keras before it gets its name.

    Example:
        weld fuse cnn.keras resnet.keras -o fused.keras --classes 10 --head 128
        weld fuse cnn.keras resnet.keras -o fused.keras --data photos/
        weld fuse a.keras b.keras -o fused.keras --at a:backbone/avg_pool --project 256
        weld fuse image.keras sensor.keras -o fused.keras --classes 4 --inputs separate
    """
    from keras_weld.recipes.fuse import fuse
    from keras_weld.recipes.named import require_named
    from keras_weld.recipes.steps import begin

    places, outputs = pairs(at, "--at", "such as A:avg_pool"), pairs(output, "--output", "such as A:digit")
    widths = parse_widths(head)
    begin(models, out, training["data"], training["validation"])
    limits = loading["limits"]
    require_named(models, **joining, at=places, output=outputs, limits=limits)

    def make(report: Report) -> keras.Model:
        return fuse(
            models,
            classes=classes,
            head=widths,
            activation=activation,
            at=places,
            output=outputs,
            project=project,
            progress=report,
            out=out,
            **joining,
            **training,
            **loading,
        )

    compose(out, make, doing="Fusing", what="the features", as_json=as_json)


def parse_widths(text: str | None) -> list[int]:
    """Widths of layers out of `128` or `256,64`.

    Raises:
        UsageError: if one is not a number of 1 or more.
    """
    parts = [] if text is None else text.split(",")
    if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
        raise UsageError(
            "The head is given as widths of its hidden layers, with commas between them.",
            expected="such as 128, or 256,64",
            found=text,
        )
    return [int(part) for part in parts]
