"""What the commands that compose models share: their options, and how they end."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from keras_weld.cli.command import Argument
from keras_weld.cli.frame import custom_option, emit_json, json_option, limit_option, notes, progress, unsafe_option
from keras_weld.cli.training import show_training
from keras_weld.errors import UsageError

if TYPE_CHECKING:
    import keras

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

Report = Callable[[int, "int | None", str], None]
"""What a composition tells of its progress."""

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


def models_to(help: str) -> Callable[[Decorated], Decorated]:
    """Decorator that gives a command the argument `models` and the option `out`.

    Args:
        help: which models.
    """

    def decorate(command: Decorated) -> Decorated:
        command = click.option("-o", "--out", required=True, type=Path, help="The file to write: .keras.")(command)
        models = click.argument("models", cls=Argument, nargs=-1, required=True, metavar="A B…", help=help)
        return models(command)

    return decorate


def at_option(command: Decorated) -> Decorated:
    """Add the option `at` to a command."""
    return click.option(
        "--at",
        multiple=True,
        metavar="A:LAYER",
        help="Take the output of this layer as the features of model A. May be repeated.",
    )(command)


def loading_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the option `as_json`, and those of loading files, which a command gets as `loading`.

    That is a dict of `custom_objects`, `unsafe` and `limits`, as the functions take them.
    """

    @wraps(command)
    def with_loading(custom: Sequence[str], limit: Sequence[str], unsafe: bool, **given: Any) -> None:
        from keras_weld.io.limits import Limits

        command(
            loading={"custom_objects": list(custom) or None, "unsafe": unsafe, "limits": Limits.parse(limit)}, **given
        )

    for option in (json_option, unsafe_option, limit_option, custom_option):
        with_loading = option(with_loading)
    return with_loading


def compose(out: Path, make: Callable[[Report], keras.Model], *, doing: str, what: str, as_json: bool) -> None:
    """Compose models, and tell what was made; what can be refused without Keras is refused by then: `begin`.

    Args:
        out: the file that is written.
        make: makes it; Keras has been started by then.
        doing: what is shown meanwhile.
        what: what the file holds of the models, in words.
        as_json: whether to tell it as JSON.
    """
    from keras_weld.cli.backend import start_backend

    with progress(doing, quiet=as_json) as report:
        start_backend()
        made = make(report)
    from keras_weld.models.provenance import lineage_of
    from keras_weld.recipes.judged import evaluations_in

    known = lineage_of(made) or {}
    if as_json:
        emit_json({"path": out, **known})
        return
    _show_composed(out, known, what)
    show_training(known, evaluations_in(known))


def input_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of what goes in, which a command gets as `joining`.

    That is a dict of `inputs`, `size`, `ranges` and `names`, as the functions take them.
    """

    @wraps(command)
    def with_joining(inputs: str, size: str | None, ranges: Sequence[str], names: str | None, **given: Any) -> None:
        joining = {
            "inputs": inputs,
            "size": parse_size(size),
            "ranges": pairs(ranges, "--range", "such as A:0..1"),
            "names": parse_names(names),
        }
        command(joining=joining, **given)

    for option in reversed(_OPTIONS):
        with_joining = option(with_joining)
    return with_joining


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


def _show_composed(out: Path, lineage: Mapping[str, Any], what: str) -> None:
    count = len(lineage["sources"])
    models = "1 model" if count == 1 else f"{count} models"
    click.echo(f"Wrote {out}: {what} of {models}; plain Keras loads it and predicts the same.")
    notes(lineage["notes"])
