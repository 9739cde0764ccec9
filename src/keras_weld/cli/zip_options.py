"""The options of `weld zip` that a preset chooses where they are left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from keras_weld.cli.ranges import IntegerRange, NumberRange

Command = TypeVar("Command", bound=Callable[..., Any])


def preset_options(command: Command) -> Command:
    """Decorator that gives a command `--preset` and the options that it chooses, by the names that `zipper` has."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS: list[Callable[[Any], Any]] = [
    click.option(
        "--preset",
        default="default",
        metavar="default|paper",
        help="What holds for the options up to --inputs that are left out: paper for the choices of the paper and its "
        "released code.",
    ),
    click.option(
        "--share",
        metavar="all|kernels|pointwise|pointwise+norm|REGEX",
        help="Which layers of merged blocks are shared: all (the default), all kernels (normalization stays private), "
        "1 x 1 kernels alone (as in the paper), these with the normalization after them (as in its code), or those "
        "whose names match.",
    ),
    click.option(
        "--merge",
        type=click.Choice(["features", "weights"]),
        help="One calculation for all tasks (the default), or shared kernels on each task's own activations.",
    ),
    click.option(
        "--init",
        "start",
        metavar="auto|mean|lsq|align|from:A|random",
        help="Starting values of what is shared: the mean of the models, least squares on examples without labels, "
        "the mean after channels were put into one order, those of one model, new ones; auto (the default) tries "
        "mean, lsq and each model, and takes the best on held-out data.",
    ),
    click.option(
        "--rounds",
        metavar="all|auto|N,N,…",
        help="How many blocks are merged: all depths, some, or (auto, the default) the deepest and, while a task drops "
        "more than --max-drop, shallower ones.",
    ),
    click.option(
        "--carry/--no-carry",
        default=None,
        help="Whether a round begins from what the one before has learnt (the default but with auto), or each from the "
        "sources.",
    ),
    click.option(
        "--steps", type=IntegerRange(min=0), help="Steps of calibration in each round; 4000 where nothing is said."
    ),
    click.option(
        "--batch-size", type=IntegerRange(min=1), help="Examples of each task in a step; 32 where nothing is said."
    ),
    click.option(
        "--mixing",
        type=click.Choice(["joint", "turns"]),
        help="Whether all tasks count in each step (the default), or one after the other.",
    ),
    click.option("--optimizer", metavar="NAME", help="An optimizer of Keras, fresh in each round; by default adam."),
    click.option(
        "--rate", type=NumberRange(min=0.0), help="Learning rate at the start of a round; 1e-3 where nothing is said."
    ),
    click.option(
        "--schedule",
        metavar="cosine|constant|FACTOR@EPOCHS",
        help="How the rate falls: along a cosine to 0 (the default), not at all, or as in 0.94@10, times 0.94 after "
        "every ten epochs.",
    ),
    click.option("--hard", type=NumberRange(min=0.0), help="How much the loss on labels counts; by default 0.3."),
    click.option("--soft", type=NumberRange(min=0.0), help="How much the sources' answers count; by default 0.7."),
    click.option(
        "--layers",
        type=NumberRange(min=0.0),
        help="How much the L1 difference to the sources' feature maps counts; by default 1 by weights, 0 by features.",
    ),
    click.option(
        "--layers-at",
        metavar="blocks|pointwise|kernels|REGEX",
        help="Where these are compared: at the ends of blocks (the default), or after the layers of a sharing rule, "
        "with the normalization and activation that follow them.",
    ),
    click.option(
        "--inputs",
        type=click.Choice(["auto", "separate"]),
        help="One input for all tasks where the models take the same (auto, the default), or one for each.",
    ),
]
