"""`weld average`: the mean of the weights of models of one architecture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.frame import emit_json, json_option, limit_option, notes, progress
from keras_weld.errors import UsageError

if TYPE_CHECKING:
    from keras_weld.recipes.average import Averaged

_WARNING = "Warning: "


@click.command("average", cls=Command)
@click.argument(
    "models",
    cls=Argument,
    nargs=-1,
    required=True,
    type=Path,
    metavar="A B…",
    help="Saved models of one architecture, in any format, mixed.",
)
@click.option("-o", "--out", required=True, type=Path, help="The file to write: .keras, .weights.h5 or .weights.json.")
@click.option(
    "--weights",
    metavar="W,W,…",
    help="The share of each model, such as 0.5,0.3,0.2. They sum to 1; one may be negative.",
)
@click.option("--normalize", is_flag=True, help="Divide the weights by their sum.")
@click.option("--last", type=int, metavar="N", help="Of the files, take the last N in the order of their names.")
@click.option(
    "--architecture",
    type=Path,
    metavar="FILE",
    help="The architecture (.json, .keras, .h5), for SavedModels and weights-only .h5 files.",
)
@click.option("--method", default="linear", help="How to combine the weights.")
@json_option
@limit_option
def command(
    models: tuple[Path, ...],
    out: Path,
    weights: str | None,
    normalize: bool,
    last: int | None,
    architecture: Path | None,
    method: str,
    as_json: bool,
    limit: tuple[str, ...],
) -> None:
    """Average the weights of models of one architecture into one model.

    The values are added up in float64 and rounded once, tensor by tensor: memory stays small however many
    models there are. The optimizer's state is left out. What has no mean (integers, vocabularies) is taken
    from the first model and told. Nothing needs Keras to be imported.

    Example:
        weld average run-1.keras run-2.keras run-3.keras -o mean.keras
        weld average best.keras other.keras -o mix.keras --weights 0.8,0.2
        weld average checkpoints/epoch-*.keras -o smooth.keras --last 5
    """
    from keras_weld.io.fingerprint import Fingerprints

    # With --last it is not known yet which files go in.
    known = models if last is None else ()
    with Fingerprints(known) as fingerprints, progress("Averaging", quiet=as_json) as report:
        from keras_weld.io.limits import Limits
        from keras_weld.recipes.average import average

        done = average(
            models,
            out,
            weights=None if weights is None else parse_weights(weights),
            normalize=normalize,
            last=last,
            method=method,
            architecture=architecture,
            limits=Limits.parse(limit),
            progress=report,
            fingerprints=fingerprints if known else None,
        )
    if as_json:
        emit_json(done)
        return
    _show(done, asked_for_last=last is not None)


def parse_weights(text: str) -> list[float]:
    """Numbers out of `0.5,0.3,0.2`.

    Raises:
        UsageError: if one of them is not a number.
    """
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(
            "The weights are numbers with commas between them.",
            expected="such as 0.5,0.3,0.2",
            found=text,
            remedy="Write each with a point and no spaces: --weights 0.5,0.3,0.2",
        ) from None


def _show(done: Averaged, *, asked_for_last: bool) -> None:
    shares = sorted(set(done.weights))
    how = "equal shares" if len(shares) == 1 else "shares " + ", ".join(f"{share:g}" for share in done.weights)
    models = "1 model" if len(done.sources) == 1 else f"{len(done.sources)} models"
    click.echo(f"Wrote {done.path}: {done.averaged} tensors of {models}, {how}.")
    if asked_for_last:
        click.echo("Taken: " + ", ".join(done.sources))
    for line in done.notes:
        if line.startswith(_WARNING):
            click.secho(_WARNING, fg="red", bold=True, nl=False)
            click.echo(line.removeprefix(_WARNING))
    notes(line for line in done.notes if not line.startswith(_WARNING))
