"""What commands that train share: their options, and the table of stages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from keras_weld.cli.evaluation import show_evaluation
from keras_weld.cli.frame import console, show_table
from keras_weld.cli.ranges import IntegerRange
from keras_weld.errors import UsageError

if TYPE_CHECKING:
    from keras_weld.recipes.judgement import Evaluation

Command = Callable[..., None]

_NAMES = (
    *("data", "validation", "stages", "loss", "optimizer", "batch_size", "patience", "seed", "steps", "sample"),
    *("pixels", "run", "every"),
)


def training_options(*, required: bool) -> Callable[[Command], Command]:
    """Decorator that gives a command the options of training, which it gets as `training`.

    That is a dict by the names that `Training` has. Stages and losses that are none are refused before the command
    runs, and so before a backend takes its time to start.

    Args:
        required: whether the command does nothing but train, so that `--data` must be given.

    Example:
        >>> @click.command
        ... @training_options(required=False)
        ... def command(training: dict[str, object]) -> None: ...
    """

    def decorate(command: Command) -> Command:
        @wraps(command)
        def with_training(**given: Any) -> None:
            asked = {name: given.pop(name) for name in _NAMES}
            command(training=_checked(asked), **given)

        optioned: Command = with_training
        for option in reversed(_options(required)):
            optioned = option(optioned)
        return optioned

    return decorate


def _options(required: bool) -> list[Callable[[Command], Command]]:
    option = click.option
    more = "" if required else " Without it, nothing is trained."
    return [
        option(
            "--data",
            required=required,
            metavar="FILE.npz|FOLDER|MODULE:FUNCTION",
            help="What to learn from: arrays x and y (or x_train, y_train; with x_val and x_test beside them), a "
            f"folder of images with a sub-folder for each class, or a function that returns (x, y).{more}",
        ),
        option(
            "--val",
            "validation",
            metavar="FILE.npz|FOLDER|MODULE:FUNCTION",
            help="The examples that decide which weights are best. By default the data's own validation "
            "examples, else a tenth of each class is set aside.",
        ),
        option(
            "--stages",
            default="head:30@1e-3,last-20:15@1e-4",
            metavar="PART:EPOCHS@RATE,…",
            help="What is trained, for how many epochs, at which learning rate. PART is head, last-N (the last N "
            "layers with weights), all, or the name, path or glob of layers.",
        ),
        option(
            "--loss",
            multiple=True,
            metavar="[OUTPUT=]NAME[:logits]",
            help="A loss of Keras, such as mean_squared_error; by default it follows from outputs and targets. "
            "May be repeated for models with several outputs.",
        ),
        option("--optimizer", default="adam", metavar="NAME", help="An optimizer of Keras, fresh in each stage."),
        option("--batch-size", type=IntegerRange(min=1), default=32, help="Examples at a time."),
        option(
            "--patience",
            type=IntegerRange(min=1),
            default=3,
            help="End a stage after so many epochs in which neither accuracy nor loss on the validation examples got "
            "better.",
        ),
        option("--seed", type=IntegerRange(min=0), default=0, help="What everything random is drawn by."),
        option("--steps", type=IntegerRange(min=1), help="Batches of an epoch, for examples that never end."),
        option("--sample", type=IntegerRange(min=1), help="Take at most this many examples of each split."),
        option(
            "--pixels", default="0..255", help="For images, the range the model was trained on: 0..255, 0..1 or -1..1."
        ),
        option(
            "--run",
            metavar="FOLDER",
            help="Keep the training in a folder: interrupted at any moment and started again, it ends with the same "
            "bits.",
        ),
        option(
            "--every",
            default="epoch",
            metavar='"500 steps"|"10 minutes"',
            help="With --run, when to take a checkpoint besides every epoch's end.",
        ),
    ]


def _checked(given: Mapping[str, Any]) -> dict[str, Any]:
    from keras_weld.training.every import parse_every
    from keras_weld.training.plan import parse_stages

    parse_stages(given["stages"])
    parse_every(given["every"])
    return {**given, "loss": parse_losses(given["loss"])}


def parse_losses(texts: Sequence[str]) -> str | dict[str, str] | None:
    """A loss for all outputs, or losses by output, out of `NAME` or `OUTPUT=NAME`.

    Raises:
        UsageError: if the two are mixed, or there are several for all.
    """
    if not texts:
        return None
    if len(texts) == 1 and "=" not in texts[0]:
        return texts[0]
    pairs = [text.partition("=") for text in texts]
    if not all(equals and output and name for output, equals, name in pairs):
        raise UsageError(
            "Several losses are given by output.",
            expected="such as --loss digit=sparse_categorical_crossentropy --loss size=mean_squared_error",
            found=", ".join(texts),
        )
    return {output: name for output, _, name in pairs}


def show_stages(stages: Sequence[Mapping[str, Any]], monitor: str) -> None:
    """Show the stages that a lineage tells of: what was trained, and what it did on the validation examples.

    Args:
        stages: the entry `stages` of a lineage.
        monitor: the figure that decided, as its entry `metrics` has it.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    table.add_column("stage")
    table.add_column("trained", overflow="fold")
    for title in ("layers", "epochs", "rate", f"validation {monitor}"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("kept")
    for number, one in enumerate(stages, 1):
        run = len(one["history"])
        epochs = str(run) if run == one["epochs"] else f"{run} of {one['epochs']}"
        figures = f"{_figure(one['before'], monitor)} → {_figure(one['after'], monitor)}"
        kept = f"epoch {one['best_epoch']}" if one["kept"] else "no"
        table.add_row(str(number), one["part"], str(len(one["layers"])), epochs, f"{one['rate']:g}", figures, kept)
    show_table(table)
    console().print()


def show_training(made: Mapping[str, Any], evaluations: Sequence[Evaluation]) -> None:
    """Show the stages that a lineage tells of, if there are any, and the evaluations."""
    if "stages" in made:
        show_stages(made["stages"], made["metrics"]["monitor"])
    for evaluation in evaluations:
        show_evaluation(evaluation)


def _figure(value: float | None, monitor: str) -> str:
    if value is None:
        return "no figure"
    return f"{100 * value:.2f} %" if monitor == "accuracy" else f"{value:.4g}"
