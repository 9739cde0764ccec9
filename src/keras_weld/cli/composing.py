"""What the commands that compose models share: options on inputs and names, and what they say at the end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from keras_weld.cli.frame import notes
from keras_weld.errors import UsageError

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_SIZE = re.compile(r"(\d+)[xX](\d+)")

_OPTIONS = (
    click.option(
        "--inputs",
        type=click.Choice(["shared", "separate"]),
        default="shared",
        help="One input for all models, or one for each.",
    ),
    click.option("--size", metavar="HxW", help="Size of the shared images, instead of the largest that a model takes."),
    click.option(
        "--range",
        "ranges",
        multiple=True,
        metavar="A:RANGE",
        help="The range of pixels that model A was trained on: 0..255, 0..1 or -1..1. The result takes that of the "
        "first one given. May be repeated.",
    ),
    click.option("--names", metavar="N,N,…", help="What the models are called in the result, instead of their files."),
)


def input_options(command: Decorated) -> Decorated:
    """Add the options `inputs`, `size`, `ranges` and `names` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def pairs(given: Sequence[str], option: str, example: str) -> dict[str, str]:
    """`A:value`, several times, as a dict.

    Args:
        given: the texts.
        option: the option's name, for messages.
        example: what a value looks like, for messages.

    Raises:
        UsageError: if one has no colon, or a model is named twice.
    """
    found: dict[str, str] = {}
    for text in given:
        name, colon, value = text.rpartition(":")
        if not colon or not name or not value or name in found:
            raise UsageError(
                f"{option} names a model and, after a colon, what holds for it; each model once.",
                expected=example,
                found=text,
            )
        found[name] = value
    return found


def parse_outputs(given: Sequence[str]) -> dict[str, str] | str | None:
    """What models give, out of `A:logits`, several times, or `logits` for all.

    Raises:
        UsageError: if one names a model twice, or the two forms are mixed.
    """
    if len(given) == 1 and ":" not in given[0]:
        return given[0]
    return pairs(given, "--outputs", "such as A:logits, or logits for all models")


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Height and width out of `96x128`.

    Raises:
        UsageError: if it is not of that form.
    """
    if text is None:
        return None
    match = _SIZE.fullmatch(text)
    if match is None or 0 in (int(match[1]), int(match[2])):
        raise UsageError("A size is given as height x width.", expected="such as 96x128", found=text)
    return int(match[1]), int(match[2])


def parse_names(text: str | None) -> list[str] | None:
    """Names out of `digits,letters`."""
    return None if text is None else [name.strip() for name in text.split(",")]


def input_settings(inputs: str, size: str | None, ranges: Sequence[str], names: str | None) -> dict[str, Any]:
    """What `input_options` gave, as the functions take it."""
    return {
        "inputs": inputs,
        "size": parse_size(size),
        "ranges": pairs(ranges, "--range", "such as A:0..1"),
        "names": parse_names(names),
    }


def show_composed(out: Path, lineage: Mapping[str, Any], what: str) -> None:
    """Say what was written and what to know about it."""
    count = len(lineage["sources"])
    models = "1 model" if count == 1 else f"{count} models"
    click.echo(f"Wrote {out}: {what} of {models}; plain Keras loads it and predicts the same.")
    notes(lineage["notes"])
