"""`weld fuse`: the features of several models under a new head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.composing import input_options, input_settings, pairs, show_composed
from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, progress, unsafe_option
from keras_weld.cli.ranges import IntegerRange
from keras_weld.cli.training import asked_for, show_training, training_options
from keras_weld.errors import UsageError


@click.command("fuse", cls=Command)
@click.argument(
    "models",
    cls=Argument,
    nargs=-1,
    required=True,
    metavar="A B…",
    help="Saved models of any architecture.",
)
@click.option("-o", "--out", required=True, type=Path, help="The file to write: .keras.")
@click.option(
    "--classes",
    type=IntegerRange(min=1),
    help="How many numbers come out; by default as many as every model tells apart.",
)
@click.option("--head", metavar="N[,N…]", help="Width of a hidden layer in the head, or of several.")
@click.option(
    "--activation",
    type=click.Choice(["softmax", "sigmoid", "linear"]),
    default="softmax",
    help="Of what comes out: softmax for one class of several, sigmoid for yes or no to each, linear for values.",
)
@click.option(
    "--at",
    multiple=True,
    metavar="A:LAYER",
    help="Take the output of this layer as the features of model A. May be repeated.",
)
@click.option(
    "--output",
    multiple=True,
    metavar="A:NAME",
    help="Of model A with several outputs, the one whose features are taken. May be repeated.",
)
@click.option("--project", type=IntegerRange(min=1), help="Bring the features of every model to this width first.")
@input_options
@training_options(required=False)
@custom_option
@limit_option
@unsafe_option
@json_option
def command(
    models: tuple[str, ...],
    out: Path,
    classes: int | None,
    head: str | None,
    activation: str,
    at: tuple[str, ...],
    output: tuple[str, ...],
    project: int | None,
    inputs: str,
    size: str | None,
    ranges: tuple[str, ...],
    names: str | None,
    custom: tuple[str, ...],
    limit: tuple[str, ...],
    unsafe: bool,
    as_json: bool,
    **training: Any,
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
    from keras_weld.cli.backend import start_backend
    from keras_weld.io.limits import Limits

    settings = input_settings(inputs, size, ranges, names)
    places, outputs = pairs(at, "--at", "such as A:avg_pool"), pairs(output, "--output", "such as A:digit")
    limits = Limits.parse(limit)
    widths = parse_widths(head)
    tuning = asked_for(training)
    with progress("Fusing", quiet=as_json) as report:
        start_backend()
        from keras_weld.models.provenance import lineage_of
        from keras_weld.recipes.fuse import fuse_model

        composed = fuse_model(
            models,
            classes=classes,
            head=widths,
            activation=activation,
            at=places,
            output=outputs,
            project=project,
            custom_objects=list(custom) or None,
            unsafe=unsafe,
            limits=limits,
            out=out,
            progress=report,
            **settings,
            **tuning,
        )
    made = lineage_of(composed.model) or {}
    if as_json:
        emit_json({"path": out, **made})
    else:
        show_composed(out, made, "the features")
        show_training(made, composed.evaluations)


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
