"""`weld branch`: one model's backbone under the heads of several."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_weld.cli.command import Command
from keras_weld.cli.composing import (
    Report,
    at_option,
    compose,
    loading_options,
    models_to,
    pairs,
    parse_names,
    parse_outputs,
)
from keras_weld.cli.training import training_options

if TYPE_CHECKING:
    import keras


@click.command("branch", cls=Command)
@models_to("Saved models of any architecture, one for each task.")
@click.option(
    "--backbone", metavar="A", help="The model, by name or path, whose backbone is taken; the first if left out."
)
@click.option(
    "--heads",
    type=click.Choice(["own", "new"]),
    default="own",
    help="The heads that the models bring, or new, untrained ones on the backbone of another.",
)
@at_option
@click.option(
    "--outputs",
    multiple=True,
    metavar="[A:[NAME:]]KIND",
    help="What model A gives, or all, where the file does not tell and a head is made anew: probabilities, logits, "
    "independent-probabilities, independent-logits or values. A:NAME is one of several outputs. May be repeated.",
)
@click.option("--names", metavar="N,N,…", help="What the models and the outputs are called, instead of their files.")
@training_options(required=False)
@loading_options
def command(
    models: tuple[str, ...],
    out: Path,
    backbone: str | None,
    heads: str,
    at: tuple[str, ...],
    outputs: tuple[str, ...],
    names: str | None,
    training: dict[str, Any],
    loading: dict[str, Any],
    as_json: bool,
) -> None:
    """Put the heads of several models on the backbone of one of them.

    The result takes what that model takes, and has an output for each model, under its name. A head that takes another
    number of features gets a projection; one that cannot be put on the backbone is made anew; both are untrained and
    told. Heads that were trained on other features have to be trained again: with --data, which has targets for every
    output, that is done at once, as weld tune does it, and every output is judged against the model that its head
    came from. The file is loaded in a fresh process with plain Keras before it gets its name.

    Example:
        weld branch digits.keras letters.keras -o both.keras
        weld branch digits.keras letters.keras -o both.keras --backbone letters --heads new
        weld branch shape.keras colour.keras -o both.keras --data toys.npz:image,shape+colour
        weld branch a.keras b.keras -o both.keras --at a:backbone/avg_pool --names animals,plants
    """
    from keras_weld.recipes.branch import branch
    from keras_weld.recipes.named import require_named
    from keras_weld.recipes.steps import begin

    places, told, called = pairs(at, "--at", "such as A:avg_pool"), parse_outputs(outputs), parse_names(names)
    begin(models, out, training["data"], training["validation"])
    require_named(models, called, at=places, outputs=told, backbone=backbone, limits=loading["limits"])

    def make(report: Report) -> keras.Model:
        return branch(
            models,
            backbone=backbone,
            heads=heads,
            at=places,
            outputs=told,
            names=called,
            progress=report,
            out=out,
            **training,
            **loading,
        )

    compose(out, make, doing="Branching", what="the heads", as_json=as_json)
