"""`weld tune`: train a model in stages, and see whether it is better than before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.composing import loading_options
from keras_weld.cli.evaluation import show_evaluation
from keras_weld.cli.frame import (
    console,
    emit_json,
    notes,
    progress,
)
from keras_weld.cli.training import show_stages, training_options

if TYPE_CHECKING:
    from keras_weld.recipes.tune import Tuned


@click.command("tune", cls=Command)
@click.argument("model", cls=Argument, type=Path, metavar="MODEL", help="The saved model to train on.")
@click.option("-o", "--out", required=True, type=Path, help="The .keras file to write.")
@training_options(required=True)
@loading_options
def command(model: Path, out: Path, training: dict[str, Any], loading: dict[str, Any], as_json: bool) -> None:
    """Train a model in stages: the head first, then the last layers at a tenth of the rate.

    Each stage freezes what it does not train, and ends early when the validation examples say so. What is written
    are the weights that were best on them, whichever stage they came from; if none were better than the first,
    the model is written as it was. The file is loaded in a fresh process with plain Keras, and judged against the
    model that it started from, on test examples if there are any.

    Example:
        weld tune fused.keras -o tuned.keras --data photos/
        weld tune fused.keras -o tuned.keras --data train.npz --val val.npz --stages "head:5@1e-3,all:2@1e-5"
        weld tune old.keras -o new.keras --data new.npz --stages "backbone/block_13*:3@1e-4" --batch-size 64
    """
    from keras_weld.cli.backend import start_backend
    from keras_weld.recipes.loading import Loading
    from keras_weld.recipes.steps import begin
    from keras_weld.recipes.tune import tune_model
    from keras_weld.recipes.tuning import Training

    asked = Training(**training)
    begin([model], out, asked.data, asked.validation)  # before a backend takes its time to start
    with progress("Starting Keras", quiet=as_json) as report:
        start_backend()
        tuned = tune_model(model, asked, progress=report, loading=Loading(**loading), out=out)
    told = _told(tuned)
    if as_json:
        emit_json(
            {"path": out, "stages": told["stages"], "metrics": told["metrics"], "notes": told["notes"]}
            | {"evaluations": tuned.evaluations}
        )
        return
    click.echo(f"Wrote {out}: {_summary(tuned)}")
    show_stages(told["stages"], told["metrics"]["monitor"])
    notes(told["notes"])
    console().print()
    for evaluation in tuned.evaluations:
        show_evaluation(evaluation)


def _told(tuned: Tuned) -> dict[str, Any]:
    from keras_weld.models.provenance import lineage_of

    return lineage_of(tuned.model) or {}


def _summary(tuned: Tuned) -> str:
    run = tuned.run
    if run.unchanged:
        return "the model as it was; no stage made it better."
    stage, epoch = run.best
    return f"the weights after epoch {epoch} of stage {stage} ({run.stages[stage - 1].stage.part})."
