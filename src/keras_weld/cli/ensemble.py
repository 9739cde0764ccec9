"""`weld ensemble`: several models in one graph that gives one answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_weld.cli.command import Command
from keras_weld.cli.composing import (
    Report,
    compose,
    input_options,
    loading_options,
    models_to,
    parse_outputs,
)
from keras_weld.cli.ranges import IntegerRange
from keras_weld.cli.several_words import SeveralWords

if TYPE_CHECKING:
    import keras

REDUCE = ("mean", "weighted", "geometric", "max", "vote", "logit-mean", "stack")
"""The ways to reduce."""
UNKNOWN = ("refuse", "zero", "known")
"""The rules for classes that only some models know."""


@click.command("ensemble", cls=Command)
@models_to("Saved models of any architecture whose outputs mean the same.")
@click.option(
    "--reduce",
    type=click.Choice(REDUCE),
    help="How several answers become one; by default mean, or weighted if weights are given or found.",
)
@click.option("--weights", metavar="W,W,…", help="The share of each model, such as 0.5,0.3,0.2. They sum to 1.")
@click.option("--normalize", is_flag=True, help="Divide the weights by their sum.")
@click.option(
    "--fit-weights",
    metavar="DATA",
    help="Find the weights on this held-out data; with --reduce stack, train its small combiner on it.",
)
@click.option("--calibrate", metavar="DATA", help="Find a temperature for each model on this held-out data first.")
@click.option(
    "--outputs",
    multiple=True,
    metavar="[A:[NAME:]]KIND",
    help="What model A gives, or all, where the file does not tell: probabilities, logits, "
    "independent-probabilities, independent-logits or values. A:NAME is one of several outputs. May be repeated.",
)
@click.option("--output", metavar="NAME", help="Of models with several outputs, the only one that is taken.")
@click.option(
    "--labels",
    cls=SeveralWords,
    multiple=True,
    type=Path,
    metavar="FILE",
    help="The names of a model's classes, one a line. A file for each model, in the same order: --labels a.txt b.txt "
    "behind the models, or --labels a.txt --labels b.txt anywhere.",
)
@click.option(
    "--unknown",
    type=click.Choice(UNKNOWN),
    default="refuse",
    help="Classes that only some models know: refuse; zero, who does not know a class gives it 0; known, a class is "
    "left to those who know it.",
)
@input_options
@click.option(
    "--seed",
    type=IntegerRange(min=0),
    default=0,
    help="What the examples that stop the training of stack are drawn by.",
)
@click.option(
    "--data", metavar="DATA", help="Judge the result against its sources on this data, as weld evaluate does."
)
@loading_options
def command(
    models: tuple[str, ...],
    out: Path,
    reduce: str | None,
    weights: str | None,
    normalize: bool,
    fit_weights: str | None,
    calibrate: str | None,
    outputs: tuple[str, ...],
    output: str | None,
    labels: tuple[Path, ...],
    unknown: str,
    joining: dict[str, Any],
    seed: int,
    data: str | None,
    loading: dict[str, Any],
    as_json: bool,
) -> None:
    """Put several models into one graph that gives one answer of theirs.

    The models may have any architecture. Probabilities and logits of the same classes are brought to one meaning,
    which is told; where a file does not tell what its outputs are, it is refused, and --outputs says it. Models that
    number their classes differently are put in the order of the first by --labels. The file is loaded in a fresh
    process with plain Keras before it gets its name.

    Held-out DATA is FILE.npz, FILE.npz:images,labels, a folder of images or MODULE:FUNCTION. With --data the exit code
    stays 0 even if the result is worse than its best source; the words say so.

    Example:
        weld ensemble a.keras b.keras c.keras -o ensemble.keras --data test.npz
        weld ensemble a.keras b.keras -o ensemble.keras --outputs b:logits --weights 0.7,0.3
        weld ensemble a.keras b.keras -o ensemble.keras --calibrate val.npz --fit-weights val.npz
        weld ensemble cats.keras pets.keras -o all.keras --labels cats.txt pets.txt --unknown known
    """
    from keras_weld.cli.average import parse_weights
    from keras_weld.recipes.class_labels import labels_of
    from keras_weld.recipes.ensemble import ensemble
    from keras_weld.recipes.named import require_named
    from keras_weld.recipes.steps import begin

    told, shares = parse_outputs(outputs), None if weights is None else parse_weights(weights)
    begin(models, out, data, fit_weights, calibrate)
    limits = loading["limits"]
    called = require_named(models, **joining, output=output, outputs=told, limits=limits)
    lists = labels_of(labels or None, models, called, unknown, limits)

    def make(report: Report) -> keras.Model:
        return ensemble(
            models,
            reduce=reduce,
            weights=shares,
            normalize=normalize,
            fit_weights=fit_weights,
            calibrate=calibrate,
            outputs=told,
            output=output,
            labels=lists,
            unknown=unknown,
            data=data,
            seed=seed,
            progress=report,
            out=out,
            **joining,
            **loading,
        )

    compose(out, make, doing="Ensembling", what="the answers", as_json=as_json)
