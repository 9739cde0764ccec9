"""`weld branch`: one model's backbone under the heads of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.composing import pairs, parse_names, parse_outputs, show_composed
from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, progress, unsafe_option
from keras_weld.cli.training import asked_for, show_training, training_options


@click.command("branch", cls=Command)
@click.argument(
    "models",
    cls=Argument,
    nargs=-1,
    required=True,
    metavar="A B…",
    help="Saved models of any architecture, one for each task.",
)
@click.option("-o", "--out", required=True, type=Path, help="The file to write: .keras.")
@click.option(
    "--backbone", metavar="A", help="The model, by name or path, whose backbone is taken; the first if left out."
)
@click.option(
    "--heads",
    type=click.Choice(["own", "new"]),
    default="own",
    help="The heads that the models bring, or new, untrained ones on the backbone of another.",
)
@click.option(
    "--at",
    multiple=True,
    metavar="A:LAYER",
    help="Take the output of this layer as the features of model A. May be repeated.",
)
@click.option(
    "--outputs",
    multiple=True,
    metavar="[A:]KIND",
    help="What model A gives, or all, where the file does not tell and a head is made anew: probabilities, logits, "
    "independent-probabilities, independent-logits or values. May be repeated.",
)
@click.option("--names", metavar="N,N,…", help="What the models and the outputs are called, instead of their files.")
@training_options(required=False)
@custom_option
@limit_option
@unsafe_option
@json_option
def command(
    models: tuple[str, ...],
    out: Path,
    backbone: str | None,
    heads: str,
    at: tuple[str, ...],
    outputs: tuple[str, ...],
    names: str | None,
    custom: tuple[str, ...],
    limit: tuple[str, ...],
    unsafe: bool,
    as_json: bool,
    **training: Any,
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
    from keras_weld.cli.backend import start_backend
    from keras_weld.io.limits import Limits

    places, told = pairs(at, "--at", "such as A:avg_pool"), parse_outputs(outputs)
    limits = Limits.parse(limit)
    tuning = asked_for(training)
    with progress("Branching", quiet=as_json) as report:
        start_backend()
        from keras_weld.models.provenance import lineage_of
        from keras_weld.recipes.branch import branch_model

        composed = branch_model(
            models,
            backbone=backbone,
            heads=heads,
            at=places,
            outputs=told,
            names=parse_names(names),
            custom_objects=list(custom) or None,
            unsafe=unsafe,
            limits=limits,
            out=out,
            progress=report,
            **tuning,
        )
    made = lineage_of(composed.model) or {}
    if as_json:
        emit_json({"path": out, **made})
    else:
        show_composed(out, made, "the heads")
        show_training(made, composed.evaluations)
