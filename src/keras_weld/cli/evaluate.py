"""`weld evaluate`: is the one better than the best of those it was made from?"""

from __future__ import annotations

import re

import click
from click.exceptions import Exit

from keras_weld.cli.command import Argument, Command
from keras_weld.cli.evaluation import show_evaluation
from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, progress, unsafe_option
from keras_weld.cli.ranges import IntegerRange, NumberRange
from keras_weld.errors import UsageError

_NUMBER = re.compile(r"\d+(\.\d*)?|\.\d+")


class EvaluateCommand(Command):
    """Reads `--against A B C` as three sources, and `--fail-if-worse` with or without a number."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write the two options in the form that the parser knows, then parse."""
        return super().parse_args(ctx, spelled_out(args))


def spelled_out(arguments: list[str]) -> list[str]:
    """The command line with one `--against` for each source, and a number after each `--fail-if-worse`.

    Example:
        >>> spelled_out(["m.keras", "--against", "a.keras", "b.keras", "--fail-if-worse"])
        ['m.keras', '--against', 'a.keras', '--against', 'b.keras', '--fail-if-worse', '0']
    """
    found: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        found.append(argument)
        if argument == "--":
            return found + rest
        if argument == "--against":
            for number in range(len(rest)):
                if rest[0].startswith("-"):
                    break
                found += ["--against"] if number else []
                found.append(rest.pop(0))
        elif argument == "--fail-if-worse":
            found.append(rest.pop(0) if rest and _NUMBER.fullmatch(rest[0]) else "0")
    return found


@click.command("evaluate", cls=EvaluateCommand)
@click.argument("model", cls=Argument, metavar="MODEL", help="The model to judge. It comes first.")
@click.option(
    "--data",
    required=True,
    metavar="FILE.npz|FOLDER|MODULE:FUNCTION|tfds:NAME",
    help="What to judge on: arrays x and y (or x_val, y_val, x_test, y_test; other names as "
    "FILE.npz:images,labels), a folder of images with a sub-folder for each class, a function "
    "that returns (x, y) or a data set or loader, or the name of a prepared data set of TensorFlow Datasets.",
)
@click.option(
    "--against",
    multiple=True,
    metavar="A B...",
    help="The models it was made from. The best of them is what it is compared with.",
)
@click.option(
    "--metric",
    metavar="NAME",
    help="accuracy, top5, f1, auc, log_loss, mse, rmse or mae; by default accuracy, or mse for values.",
)
@click.option(
    "--fail-if-worse",
    type=NumberRange(min=0.0),
    metavar="[POINTS]",
    help="Exit with 1 if it is worse than the best source (by more than POINTS, if given).",
)
@click.option(
    "--margin",
    type=NumberRange(min=0.0),
    default=1.0,
    help="How much worse still counts as no worse: points, or percent of the source's figure for "
    "metrics that are not in percent.",
)
@click.option(
    "--output",
    default="0",
    metavar="NAME|NUMBER",
    help="Which output to judge, for models with several; a source with one output is judged by that.",
)
@click.option("--sample", type=IntegerRange(min=1), help="Judge on at most this many examples, drawn by --seed.")
@click.option(
    "--pixels", default="0..255", help="For images, the range the models were trained on: 0..255, 0..1 or -1..1."
)
@click.option("--batch-size", type=IntegerRange(min=1), default=256, help="Examples at a time.")
@click.option("--resamples", type=IntegerRange(min=100), default=2000, help="Resamplings for the intervals.")
@click.option("--seed", type=IntegerRange(min=0), default=0, help="What samples and resamplings are drawn by.")
@custom_option
@limit_option
@unsafe_option
@json_option
def command(
    model: str,
    data: str,
    against: tuple[str, ...],
    metric: str | None,
    fail_if_worse: float | None,
    margin: float,
    output: str,
    sample: int | None,
    pixels: str,
    batch_size: int,
    resamples: int,
    seed: int,
    custom: tuple[str, ...],
    limit: tuple[str, ...],
    unsafe: bool,
    as_json: bool,
) -> None:
    """Judge a model against the models it was made from, on the same data.

    Shows the metric of each with a 95 % bootstrap interval, the difference to the best single source on the
    same examples, and the verdict in words: better, no worse, worse, or cannot tell. Validation and test
    examples are judged separately; the best source is chosen on the validation examples.

    Example:
      weld evaluate merged.keras --against a.keras b.keras --data digits.npz
      weld evaluate merged.keras --against a.keras b.keras --data digits.npz --fail-if-worse 0.5
    """
    from keras_weld.cli.backend import start_backend
    from keras_weld.io.limits import Limits
    from keras_weld.recipes.evaluate import evaluate
    from keras_weld.recipes.steps import begin

    if fail_if_worse is not None and not against:
        from keras_weld.recipes.judgement import NAME_SOURCES, NOTHING_AGAINST

        raise UsageError(NOTHING_AGAINST, found="--fail-if-worse without --against", remedy=NAME_SOURCES)
    limits = Limits.parse(limit)
    begin([model, *against], None, data)  # before a backend takes its time to start
    with progress("Starting Keras", quiet=as_json) as report:
        start_backend()
        found = evaluate(
            model,
            against,
            data=data,
            metric=metric,
            output=int(output) if output.isdecimal() else output,
            sample=sample,
            pixels=pixels,
            batch_size=batch_size,
            margin=margin,
            resamples=resamples,
            seed=seed,
            custom_objects=list(custom) or None,
            unsafe=unsafe,
            limits=limits,
            progress=lambda done, total, name: report(done, total, f"Evaluating {name}"),
        )
    if as_json:
        emit_json(found)
    else:
        show_evaluation(found)
    if fail_if_worse is not None and found.fails(fail_if_worse):
        raise Exit(1)
